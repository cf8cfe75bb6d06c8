import { Refusal } from "~/bridge";
import type { Activity, Grid } from "~/state";

/** Notices in one answer: some screens of them. */
const PAGE = 200;

/** Pages of what happened, as far back as somebody looks. */
export class Notices {
  /** There are older ones than those that came. */
  more = $state(false);
  asking = $state(false);
  /** An answer has come. */
  isKnown = $state(false);
  refusal = $state.raw<Refusal | null>(null);

  constructor(private readonly grid: Pick<Grid, "ask"> & { readonly activity: Activity }) {}

  newest(): Promise<void> {
    return this.#ask(null);
  }

  older(than: number): Promise<void> {
    return this.#ask(than);
  }

  async #ask(before: number | null): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const page = await this.grid.ask({ ask: "activity", before, limit: PAGE });
      if (before === null) this.grid.activity.renew(page.notices);
      else this.grid.activity.addOlder(page.notices);
      this.more = page.more;
      this.isKnown = true;
      this.refusal = null;
    } catch (thrown) {
      this.refusal = Refusal.from(thrown);
    } finally {
      this.asking = false;
    }
  }
}
