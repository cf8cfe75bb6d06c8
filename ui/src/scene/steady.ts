/** Keeps handing out the old value while the new one says the same, so that nothing that follows from it is done again. */
function steady<T>(first: T, same: (last: T, next: T) => boolean): (next: T) => T {
  let last = first;
  return next => {
    if (!same(last, next)) last = next;
    return last;
  };
}

export function steadyMap<K, V>(same: (p: V, q: V) => boolean): (next: ReadonlyMap<K, V>) => ReadonlyMap<K, V> {
  return steady<ReadonlyMap<K, V>>(new Map(), (last, next) => {
    if (last.size !== next.size) return false;
    for (const [key, value] of next) {
      const other = last.get(key);
      if (other === undefined || !same(other, value)) return false;
    }
    return true;
  });
}

/** Items are compared as they are. */
export function steadyList<T>(): (next: readonly T[]) => readonly T[] {
  return steady<readonly T[]>(
    [],
    (last, next) => last.length === next.length && next.every((item, at) => item === last[at]),
  );
}

export function steadySet<T>(): (next: ReadonlySet<T>) => ReadonlySet<T> {
  return steady<ReadonlySet<T>>(
    new Set(),
    (last, next) => last.size === next.size && [...next].every(item => last.has(item)),
  );
}
