import { SvelteSet } from "svelte/reactivity";

import { Refusal, type AnswerTo, type Ask, type Bridge, type Request } from "~/bridge";

/**
 * Wishes that may be made again when nobody answered: they name what shall be, so the second time changes nothing.
 * `submit` is one of them because it carries a key.
 */
const REPEATABLE: ReadonlySet<Ask> = new Set([
  "inspect",
  "submit",
  "cancel",
  "retry",
  "hold",
  "release",
  "priority",
  "set",
]);

/** A wish that found nobody is made again when the node is back, at most so often. */
const TRIES = 5;

/** Wishes under way. Each has a key: what it changes, so that a second click joins the first instead of asking twice. */
export class Wishes {
  private readonly keys = new SvelteSet<string>();
  private readonly promises = new Map<string, Promise<unknown>>();
  private waiting: (() => void)[] = [];

  constructor(private readonly bridge: Pick<Bridge, "ask">) {}

  /** True from the click until the answer. Reactive. */
  isPending(key: string): boolean {
    return this.keys.has(key);
  }

  /** Makes a wish, or joins the one under way with the same key. Rejects with a `Refusal`. */
  make<R extends Request>(key: string, request: R): Promise<AnswerTo<R>> {
    const under = this.promises.get(key);
    if (under !== undefined) return under as Promise<AnswerTo<R>>;
    const promise = this.ask(request).finally(() => {
      this.promises.delete(key);
      this.keys.delete(key);
    });
    this.promises.set(key, promise);
    this.keys.add(key);
    return promise;
  }

  /** The node is there again: what waited is asked now. */
  retryWaiting(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const go of waiting) go();
  }

  private async ask<R extends Request>(request: R): Promise<AnswerTo<R>> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.bridge.ask(request);
      } catch (thrown) {
        const refusal = Refusal.from(thrown);
        if (!refusal.unanswered || !REPEATABLE.has(request.ask) || tries >= TRIES) throw refusal;
        await new Promise<void>(go => this.waiting.push(go));
      }
    }
  }
}
