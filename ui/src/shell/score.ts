/**
 * How well a text fits what was typed, from 0 (not at all) to 1: begins with it, has a word that begins with it, holds
 * it, or holds its letters in order, the closer together the better. Case and accents do not count.
 */
export function score(typed: string, text: string): number {
  const wanted = folded(typed);
  const found = folded(text);
  if (wanted === "") return 1;
  if (found.startsWith(wanted)) return 1;
  const at = found.indexOf(wanted);
  if (at > 0) return /\s/.test(found[at - 1] ?? "") ? 0.9 : 0.7;
  return scattered(wanted.replaceAll(" ", ""), found);
}

/** Letters in order, with others between them: at most 0.6, less the further they are apart. */
function scattered(wanted: string, found: string): number {
  let at = -1;
  let first = -1;
  for (const letter of wanted) {
    at = found.indexOf(letter, at + 1);
    if (at < 0) return 0;
    if (first < 0) first = at;
  }
  return (0.6 * wanted.length) / (at - first + 1);
}

function folded(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase();
}
