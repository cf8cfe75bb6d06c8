/** A long list of which only some pages have come. */
export class Pages<Item> {
  total = 0;
  private readonly pages = new Map<number, readonly Item[]>();
  private readonly fresh = new Set<number>();

  constructor(readonly size: number) {}

  at(index: number): Item | undefined {
    return this.pages.get(Math.floor(index / this.size))?.[index % this.size];
  }

  put(offset: number, items: readonly Item[], total: number): void {
    this.total = total;
    const page = Math.floor(offset / this.size);
    this.pages.set(page, items);
    this.fresh.add(page);
  }

  /** Offsets of the pages for `[first, end)` that have not come, are old, or are shorter than they should be. */
  missing(first: number, end: number): number[] {
    const offsets: number[] = [];
    const last = Math.max(first, Math.min(end, this.total) - 1);
    for (let page = Math.floor(first / this.size); page * this.size <= last; page += 1) {
      const wanted = Math.min(this.size, this.total - page * this.size);
      if (!this.fresh.has(page) || (this.pages.get(page)?.length ?? 0) < wanted) offsets.push(page * this.size);
    }
    return offsets;
  }

  /** What came may be old: it stays in sight until it is asked for again. */
  age(): void {
    this.fresh.clear();
  }
}
