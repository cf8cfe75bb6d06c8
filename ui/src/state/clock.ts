/** The world outside, as the store sees it: tests hand in one they move by hand. */
export interface Clock {
  now(): number;
  /** Runs `then` once, later; returns how to call it off. */
  after(ms: number, then: () => void): () => void;
}

export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, then) {
    const id = setTimeout(then, ms);
    return () => clearTimeout(id);
  },
};
