/** Keeps handing out the old map while the new one says the same, so that nothing that follows from it is done again. */
export function steadyMap<K, V>(same: (p: V, q: V) => boolean): (next: ReadonlyMap<K, V>) => ReadonlyMap<K, V> {
  let last: ReadonlyMap<K, V> = new Map();
  return next => {
    if (!sameMaps(last, next, same)) last = next;
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
