import { createSubscriber } from "svelte/reactivity";

/**
 * The time, for texts such as "3 min ago". Reading it in a component keeps it current: it ticks only while something
 * that reads it is on screen and the page is visible, so an idle or hidden window has no timer.
 */
class Ticker {
  readonly #subscribe: () => void;

  constructor(everyMs: number) {
    this.#subscribe = createSubscriber(update => {
      let id: ReturnType<typeof setInterval> | undefined;
      const run = (): void => {
        clearInterval(id);
        id = document.hidden ? undefined : setInterval(update, everyMs);
        update();
      };
      run();
      document.addEventListener("visibilitychange", run);
      return () => {
        clearInterval(id);
        document.removeEventListener("visibilitychange", run);
      };
    });
  }

  get ms(): number {
    this.#subscribe();
    return Date.now();
  }
}

/** For countdowns of seconds. */
export const everySecond = new Ticker(1_000);
/** For everything else. */
export const everyHalfMinute = new Ticker(30_000);
