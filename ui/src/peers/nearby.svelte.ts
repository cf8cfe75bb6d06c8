import { Refusal, type NearbyView } from "~/bridge";
import type { Grid } from "~/state";

/** What looking for machines nearby that show a code has brought. */
export type Search =
  | { readonly state: "found"; readonly machines: readonly NearbyView[] }
  /** The owner of this machine does not want it to look. */
  | { readonly state: "off" }
  | { readonly state: "failed"; readonly refusal: Refusal };

/** Machines on the same network that show a code. Each look asks the network once: nothing goes on by itself. */
export class Nearby {
  looking = $state(false);
  /** What the last look brought; nothing before the first has ended. */
  search = $state.raw<Search | null>(null);

  constructor(private readonly grid: Pick<Grid, "ask" | "wishes">) {}

  get machines(): readonly NearbyView[] {
    return this.search?.state === "found" ? this.search.machines : [];
  }

  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      this.search = { state: "found", machines: await this.grid.ask({ ask: "nearby" }) };
    } catch (thrown) {
      const refusal = Refusal.from(thrown);
      this.search = refusal.code === "wrong_state" ? { state: "off" } : { state: "failed", refusal };
    } finally {
      this.looking = false;
    }
  }

  /** Lets this machine look for others, and be found while it shows a code; then looks. */
  async switchOn(): Promise<void> {
    try {
      await this.grid.wishes.make("set.nearby", { ask: "set", nearby: true });
    } catch (thrown) {
      this.search = { state: "failed", refusal: Refusal.from(thrown) };
      return;
    }
    await this.look();
  }
}
