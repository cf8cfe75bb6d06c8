/** The version of this window: that of the workspace it was built in. */
export const VERSION = __GRIDWELL_VERSION__;

/** True if a version such as `0.1.0` comes before another one; of two that cannot be read neither does. */
export function isOlder(version: string, than: string): boolean {
  const [left, right] = [version, than].map(text => text.split(/[.+-]/, 3).map(Number));
  for (const at of [0, 1, 2]) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
