import { Refusal, type MountView, type ShareView } from "~/bridge";
import type { Grid } from "~/state";

/** The folders that machines share with this one, and where they are shown as a folder. */
export class Shared {
  shares = $state.raw<readonly ShareView[]>([]);
  /** `null` until the node has said. */
  mount = $state.raw<MountView | null>(null);
  isLoaded = $state(false);
  refusal = $state.raw<Refusal | null>(null);

  constructor(private readonly grid: Grid) {}

  async load(): Promise<void> {
    try {
      const [shares, mount] = await Promise.all([this.grid.ask({ ask: "shares" }), this.grid.ask({ ask: "mounted" })]);
      this.shares = shares;
      this.mount = mount;
      this.isLoaded = true;
      this.refusal = null;
    } catch (thrown) {
      this.refusal = Refusal.from(thrown);
    }
  }
}
