/** What mounted parts of the window offer, each until it takes it back; the newest lies on top. */
export class Stack<T> {
  // Kept apart from what is followed: while Svelte tears an effect down, a state reads as it was before the change that
  // caused it, and what was put in since would be lost with the write.
  #held: readonly { item: T }[] = [];
  #shown = $state.raw<readonly T[]>([]);

  /** Newest first. */
  get items(): readonly T[] {
    return this.#shown;
  }

  get top(): T | undefined {
    return this.#shown[0];
  }

  /** Adds an item until the returned function is called. */
  put(item: T): () => void {
    const entry = { item };
    this.#hold([entry, ...this.#held]);
    return () => this.#hold(this.#held.filter(held => held !== entry));
  }

  #hold(held: readonly { item: T }[]): void {
    this.#held = held;
    this.#shown = held.map(({ item }) => item);
  }
}
