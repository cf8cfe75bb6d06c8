import { describe, expect, it } from "vitest";

import { Refusal, type LayoutView, type Request } from "~/bridge";
import { Layouts } from "./layout.svelte";

const MESH: LayoutView = {
  kind: "mesh",
  revision: 3,
  changed: null,
  adds: [],
  removes: [],
  behaviours: [],
  history: [],
};

function asking(...answers: (() => unknown)[]): { layouts: Layouts; asked: Request[] } {
  const asked: Request[] = [];
  const ask = async (request: Request): Promise<never> => {
    asked.push(request);
    return answers.shift()?.() as never;
  };
  const grid = { ask, wishes: { make: (_key: string, request: Request) => ask(request) } };
  return { layouts: new Layouts(grid as unknown as ConstructorParameters<typeof Layouts>[0]), asked };
}

describe("the layout of the links", () => {
  it("is considered before it changes anything", async () => {
    const { layouts, asked } = asking(
      () => MESH,
      () => ({ ...MESH, kind: "star", adds: [{ from: "a", from_name: "a", to: "b", to_name: "b" }] }),
    );
    await layouts.look();
    await layouts.consider({ kind: "star", middle: "mill" });
    expect(asked[1]).toEqual({ ask: "layout", kind: "star", machines: ["mill"], preview: true });
    expect([layouts.held?.kind, layouts.preview?.adds.length]).toEqual(["mesh", 1]);
  });

  it("is changed only as it was seen", async () => {
    const { layouts, asked } = asking(
      () => MESH,
      () => MESH,
      () => ({ ...MESH, kind: "chain", revision: 4 }),
    );
    await layouts.look();
    await layouts.consider({ kind: "chain", middle: null });
    expect(await layouts.use()).toBe(true);
    expect(asked[2]).toEqual({ ask: "layout", kind: "chain", machines: [], expected: 3 });
    expect([layouts.held?.kind, layouts.wanted, layouts.preview]).toEqual(["chain", null, null]);
  });

  it("stays as it is when it is refused, and says why", async () => {
    const refuse = (): never => {
      throw new Refusal({ kind: "input", code: "link_changed", message: "ana made another plan" });
    };
    const { layouts } = asking(
      () => MESH,
      () => MESH,
      refuse,
    );
    await layouts.look();
    await layouts.consider({ kind: "star", middle: null });
    expect(await layouts.use()).toBe(false);
    expect([layouts.held?.kind, layouts.refusal?.code, layouts.wanted?.kind]).toEqual(["mesh", "link_changed", "star"]);
  });

  it("forgets an answer to what is not considered any more", async () => {
    let late: (view: LayoutView) => void = () => {};
    const { layouts } = asking(
      () => new Promise(answer => (late = answer)),
      () => ({ ...MESH, kind: "star" }),
    );
    const first = layouts.consider({ kind: "chain", middle: null });
    await layouts.consider({ kind: "star", middle: null });
    late({ ...MESH, kind: "chain" });
    await first;
    expect(layouts.preview?.kind).toBe("star");
  });
});
