/** What a person typed as an amount: null for nothing, undefined for what is no number. A comma counts as a point. */
export function amountOf(typed: string): number | null | undefined {
  const text = typed.trim().replace(",", ".");
  if (text === "") return null;
  return /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : undefined;
}
