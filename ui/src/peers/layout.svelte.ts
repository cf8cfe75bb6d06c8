import { Refusal, type LayoutKind, type LayoutRequest, type LayoutView } from "~/bridge";
import type { Grid } from "~/state";

/** One wish of a person for the shape of the links, with what it would change. */
export interface Wanted {
  readonly kind: LayoutKind;
  /** Of a star: the middle. */
  readonly middle: string | null;
}

/** The shape of the grid's links: as it holds, and as somebody here considers it. */
export class Layouts {
  /** What would change; nothing while it is asked for. */
  preview = $state.raw<LayoutView | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  wanted = $state.raw<Wanted | null>(null);
  /** As it holds; nothing before the node has said it. */
  held = $state.raw<LayoutView | null>(null);

  constructor(private readonly grid: Pick<Grid, "ask" | "wishes">) {}

  async look(): Promise<void> {
    try {
      this.held = await this.grid.ask({ ask: "layout" });
      this.refusal = null;
    } catch (thrown) {
      this.refusal = Refusal.from(thrown);
    }
  }

  /** Says what a shape would change; changes nothing. */
  async consider(wanted: Wanted): Promise<void> {
    this.wanted = wanted;
    this.preview = null;
    this.refusal = null;
    try {
      const preview = await this.grid.ask({ ...requestOf(wanted), preview: true });
      if (this.wanted === wanted) this.preview = preview;
    } catch (thrown) {
      if (this.wanted === wanted) this.refusal = Refusal.from(thrown);
    }
  }

  forget(): void {
    this.wanted = null;
    this.preview = null;
    this.refusal = null;
  }

  /** Asks for the shape that is considered, unless somebody asked for another one meanwhile. True if it holds now. */
  async use(): Promise<boolean> {
    return this.wanted !== null && (await this.#change(requestOf(this.wanted)));
  }

  /** Back to the shape before. */
  async undo(): Promise<boolean> {
    return this.#change({ ask: "layout", undo: true });
  }

  async #change(request: { ask: "layout" } & LayoutRequest): Promise<boolean> {
    try {
      this.held = await this.grid.wishes.make("layout", { ...request, expected: this.held?.revision ?? null });
      this.forget();
      return true;
    } catch (thrown) {
      this.refusal = Refusal.from(thrown);
      return false;
    }
  }
}

function requestOf({ kind, middle }: Wanted): { ask: "layout" } & LayoutRequest {
  return { ask: "layout", kind, machines: kind === "star" && middle !== null ? [middle] : [] };
}
