/**
 * Paths of the tree, `/machine/share/…`, in names as the node writes them: a byte that is not UTF-8 is `%XX`, and so is a
 * `%` before two such digits. The top is the empty path.
 */
export function pathOf(parts: readonly string[]): string {
  return parts.map(part => `/${part}`).join("");
}

export function partsOf(path: string): string[] {
  return path.split("/").filter(part => part !== "");
}

export function nameOf(path: string): string {
  return partsOf(path).at(-1) ?? "";
}

export function parentOf(path: string): string {
  return pathOf(partsOf(path).slice(0, -1));
}

/** True for what lies on a machine's share, or is one: not for the top and the machines in it. */
export function isShared(path: string): boolean {
  return partsOf(path).length >= 2;
}

/** Names as this machine's file system has them; `null` where one is no text. */
export function localNames(parts: readonly string[]): string[] | null {
  const names = parts.map(part => part.replace(ESCAPED_PERCENT, "%"));
  return parts.some(part => OTHER_ESCAPE.test(part)) ? null : names;
}

const ESCAPED_PERCENT = /%25(?=[0-9A-Fa-f]{2})/g;
const OTHER_ESCAPE = /%(?!25)[0-9A-Fa-f]{2}/;
