/**
 * Where the focus goes when something opens over the page: to what is marked with `data-autofocus`, else to the whole, so
 * that the first key acts inside and no button looks as if it were chosen.
 */
export function focusFirst(event: Event, whole: HTMLElement | null): void {
  event.preventDefault();
  if (whole === null) return;
  (whole.querySelector<HTMLElement>("[data-autofocus]") ?? whole).focus();
}
