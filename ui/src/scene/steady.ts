/** Keeps handing out the old map while the new one says the same, so that nothing that follows from it is done again. */
export function steadyMap<K, V>(same: (p: V, q: V) => boolean): (next: ReadonlyMap<K, V>) => ReadonlyMap<K, V> {
  let last: ReadonlyMap<K, V> = new Map();
  return next => {
    if (!sameMaps(last, next, same)) last = next;
    return last;
  };
}

/** As `steadyMap`, for lists whose items are compared as they are. */
export function steadyList<T>(): (next: readonly T[]) => readonly T[] {
  let last: readonly T[] = [];
  return next => {
    if (next.length !== last.length || next.some((item, at) => item !== last[at])) last = next;
    return last;
  };
}

/** As `steadyMap`, for sets. */
export function steadySet<T>(): (next: ReadonlySet<T>) => ReadonlySet<T> {
  let last: ReadonlySet<T> = new Set();
  return next => {
    if (next.size !== last.size || ![...next].every(item => last.has(item))) last = next;
    return last;
  };
}

function sameMaps<K, V>(p: ReadonlyMap<K, V>, q: ReadonlyMap<K, V>, same: (p: V, q: V) => boolean): boolean {
  if (p.size !== q.size) return false;
  for (const [key, value] of q) {
    const other = p.get(key);
    if (other === undefined || !same(other, value)) return false;
  }
  return true;
}
