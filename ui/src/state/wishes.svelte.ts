import { SvelteSet } from "svelte/reactivity";

import { Refusal, type AnswerTo, type Ask, type Bridge, type Request } from "~/bridge";
import type { Clock } from "./clock";
import { waitMs } from "./connection";

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
  "link",
  "link_limit",
  "link_answer",
]);

/** A wish that found nobody is made again when the node is back, at most so often. */
const TRIES = 5;

/** How the window stands with its node, as far as wishes ask. */
export interface Line {
  isLive(): boolean;
  after: Clock["after"];
}

/** A wish under way. */
interface Under {
  /** What was asked, as text: the same again is no second wish. */
  text: string;
  promise: Promise<unknown>;
}

/**
 * Wishes under way. Each has a key: what it changes, so that a second click joins the first instead of asking twice, and
 * another wish for the same thing waits for its turn.
 */
export class Wishes {
  private readonly keys = new SvelteSet<string>();
  private readonly under = new Map<string, Under>();
  private waiting: (() => void)[] = [];

  constructor(
    private readonly bridge: Pick<Bridge, "ask">,
    private readonly line: Line,
  ) {}

  /** True from the click until the answer. Reactive. */
  isPending(key: string): boolean {
    return this.keys.has(key);
  }

  /** Makes a wish, or joins the same one under way with the same key. Rejects with a `Refusal`. */
  make<R extends Request>(key: string, request: R): Promise<AnswerTo<R>> {
    const text = JSON.stringify(request);
    const before = this.under.get(key);
    if (before?.text === text) return before.promise as Promise<AnswerTo<R>>;
    const go = (): Promise<AnswerTo<R>> => this.ask(request);
    const promise = (before === undefined ? go() : before.promise.then(go, go)).finally(() => {
      if (this.under.get(key)?.promise !== promise) return;
      this.under.delete(key);
      this.keys.delete(key);
    });
    this.under.set(key, { text, promise });
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
        await this.anotherTry(tries);
      }
    }
  }

  /** When the node is back; where only the answer was lost, and nobody will come back, after a short while. */
  private anotherTry(tries: number): Promise<void> {
    return new Promise(go => {
      if (this.line.isLive()) this.line.after(waitMs(tries), go);
      else this.waiting.push(go);
    });
  }
}
