import { Refusal, type HistoryView } from "~/bridge";
import type { Grid } from "~/state";

/** What machines did over the last day, for one screen. */
export class History {
  view = $state.raw<HistoryView | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  #asked = -Infinity;

  constructor(private readonly grid: Pick<Grid, "ask">) {}

  async load(): Promise<void> {
    this.#asked = Date.now();
    try {
      this.view = await this.grid.ask({ ask: "history" });
      this.refusal = null;
    } catch (thrown) {
      this.refusal = Refusal.from(thrown);
    }
  }

  /** Something happened: there may be a new sample, if the last answer is old enough for one. */
  news(): void {
    if (Date.now() - this.#asked >= (this.view?.every_secs ?? 60) * 1_000) void this.load();
  }
}
