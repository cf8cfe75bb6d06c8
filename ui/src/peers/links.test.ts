import { describe, expect, it } from "vitest";

import { Refusal, type Bridge, type EventEar, type LinkRequest, type LinkView } from "~/bridge";
import { link, peerId, snapshotEvent, studio } from "~/lab/fixtures";
import { Grid } from "~/state";
import { HandClock, settled } from "~/state/testing";
import { m } from "~/text";
import { changeLinks } from "./links";

const HERE = peerId("atelier-tower");
const NAS = peerId("studio-nas");

type Wish = Pick<LinkRequest, "policy" | "expected" | "cut_off">;

/** A grid whose node answers changes of the link to `studio-nas` as a node does. */
class Linked {
  readonly asked: Wish[] = [];
  link: LinkView = link("studio-nas");
  cutsOff = false;
  /** Events come later. */
  isSlow = false;
  /** The machine has another owner, who has to allow a pin. */
  isForeign = false;
  readonly grid: Grid;
  private ear: EventEar | null = null;

  constructor() {
    const bridge = {
      platform: { kind: "browser", os: "linux", canReveal: false, hasPaths: false },
      listen: (_since: unknown, ear: EventEar) => {
        this.ear = ear;
        return { close: () => {} };
      },
      ask: async (request: LinkRequest) => this.answer(request),
    } as unknown as Bridge;
    this.grid = new Grid(bridge, new HandClock());
    this.grid.start();
    this.ear?.heard([snapshotEvent({ ...studio(), links: [this.link] })]);
  }

  /** Somebody else changes the link. */
  changed(policy: LinkView["policy"]): void {
    this.link = { ...this.link, policy, revision: this.link.revision + 1 };
    if (!this.isSlow) this.ear?.heard([{ seq: 1 + this.link.revision, event: "link_changed", data: this.link }]);
  }

  change(policy: LinkView["policy"], yes = true): Promise<void> {
    return changeLinks(this.grid, [{ from: HERE, to: NAS, policy }], "Link changed", async () => yes);
  }

  private answer({ policy, expected, cut_off }: LinkRequest): LinkView {
    this.asked.push({ policy, expected: expected ?? null, cut_off: cut_off ?? false });
    if (expected != null && expected !== this.link.revision)
      throw new Refusal({ kind: "input", code: "link_changed", message: "the link to studio-nas was changed" });
    if (this.cutsOff && cut_off !== true)
      throw new Refusal({ kind: "input", code: "would_cut_off", message: "no way to studio-nas" });
    if (this.isForeign && policy === "pinned") return { ...this.link, ask: "waiting" };
    this.changed(policy);
    return this.link;
  }
}

describe("a change of a link", () => {
  it("is taken back as long as nobody changed the link since", async () => {
    const linked = new Linked();
    await linked.change("pinned");
    await linked.grid.undo.undo();
    await linked.grid.undo.redo();
    expect(linked.asked).toEqual([
      { policy: "pinned", expected: 0, cut_off: false },
      { policy: "automatic", expected: 1, cut_off: false },
      { policy: "pinned", expected: 2, cut_off: false },
    ]);
  });

  it("that somebody changed since is taken back only when that is meant", async () => {
    const linked = new Linked();
    await linked.change("pinned");
    linked.changed("forbidden");
    linked.grid.toasts.shown.at(-1)?.actions.at(-1)?.run();
    await settled();
    const refused = linked.grid.toasts.shown.at(-1);
    expect(refused).toMatchObject({ tone: "problem", message: m.error_link_changed() });
    expect(refused?.details).toBe("The link to studio-nas was changed.");
    expect(linked.link.policy).toBe("forbidden");

    refused?.actions.at(-1)?.run();
    await settled();

    expect(linked.asked.at(-1)).toEqual({ policy: "automatic", expected: null, cut_off: false });
    expect(linked.link.policy).toBe("automatic");
    expect(linked.grid.undo.next).toBeNull();
  });

  it("may follow another one before events tell of that", async () => {
    const linked = new Linked();
    linked.isSlow = true;
    await linked.change("pinned");
    await linked.change("automatic");
    expect(linked.asked.map(({ expected }) => expected)).toEqual([0, 1]);
    expect(linked.link.policy).toBe("automatic");
  });

  it("that would cut machines off is made only with a yes", async () => {
    const linked = new Linked();
    linked.cutsOff = true;
    await linked.change("forbidden", false);
    expect(linked.link.policy).toBe("automatic");
    expect(linked.grid.undo.next).toBeNull();
    expect(linked.grid.toasts.shown).toEqual([]);

    await linked.change("forbidden");
    expect(linked.link.policy).toBe("forbidden");
    expect(linked.asked.at(-1)).toMatchObject({ cut_off: true });
  });

  it("that another owner has to allow ends there, says whose, and is taken back", async () => {
    const linked = new Linked();
    linked.isForeign = true;
    const [pin, forbid] = ["pinned", "forbidden"].map(policy => ({ from: HERE, to: NAS, policy: policy as "pinned" }));
    await changeLinks(linked.grid, [pin!, forbid!], "Link moved", async () => true);
    expect(linked.asked.map(({ policy }) => policy)).toEqual(["pinned"]);
    expect(linked.grid.toasts.shown.at(-1)?.message).toMatch(/studio-nas.* has another owner/);
    await linked.grid.undo.undo();
    expect(linked.asked.at(-1)?.policy).toBe("automatic");
  });
});
