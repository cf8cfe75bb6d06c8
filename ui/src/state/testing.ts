import type { Clock } from "./clock";

/** A clock that a test moves. */
export class HandClock implements Clock {
  private time = 1_000;
  private due: { at: number; then: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(ms: number, then: () => void): () => void {
    const entry = { at: this.time + ms, then };
    this.due.push(entry);
    return () => void (this.due = this.due.filter(other => other !== entry));
  }

  /** Goes on, and runs what is due on the way, in order. */
  advance(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const next = this.due.filter(entry => entry.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.due = this.due.filter(entry => entry !== next);
      this.time = next.at;
      next.then();
    }
    this.time = until;
  }

  get waiting(): number {
    return this.due.length;
  }
}

/** Lets everything that waits for a promise go on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
