/** Pixels of so many rem now: for what is laid out by numbers and still follows the size of the text. */
export function rem(count: number): number {
  return Math.round(count * parseFloat(getComputedStyle(document.documentElement).fontSize));
}
