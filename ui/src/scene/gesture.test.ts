import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  IDLE,
  step,
  verdictOn,
  type Choice,
  type Fact,
  type Gesture,
  type GestureContext,
  type GestureWish,
  type Pointer,
} from "./gesture";
import type { Hit } from "./hit";
import type { Link, LinkId, Proposal, Verdict } from "./model";
import { aLink } from "./testing";

const YES: Verdict = { ok: true, preview: "" };
const LINKS = [aLink("ada", "bob"), aLink("bob", "cyd")];

function aContext(part: Partial<GestureContext> = {}): GestureContext {
  return {
    machines: new Set(["ada", "bob", "cyd", "dan"]),
    links: new Map(LINKS.map((link): [LinkId, Link] => [link.id, link])),
    selection: { machines: new Set(), links: new Set() },
    locked: false,
    judge: () => YES,
    within: () => [],
    ...part,
  };
}

function at(x: number, y: number, hit: Hit = { kind: "ground" }): Pointer {
  return { screen: { x, y }, world: { x, y }, hit };
}

function press(pointer: Pointer, part: { extend?: boolean; pan?: boolean } = {}): Fact {
  return { kind: "pressed", pointer, extend: false, pan: false, ...part };
}

function move(pointer: Pointer): Fact {
  return { kind: "moved", pointer };
}

function release(pointer: Pointer): Fact {
  return { kind: "released", pointer };
}

function run(facts: readonly Fact[], context = aContext()): { gesture: Gesture; wishes: GestureWish[] } {
  let gesture = IDLE;
  const wishes: GestureWish[] = [];
  for (const fact of facts) {
    const next = step(gesture, fact, context);
    gesture = next.gesture;
    if (next.wish !== null) wishes.push(next.wish);
  }
  return { gesture, wishes };
}

const ADA: Hit = { kind: "machine", machine: "ada" };
const ADA_RING: Hit = { kind: "ring", machine: "ada" };
const BOB: Hit = { kind: "machine", machine: "bob" };
const CYD: Hit = { kind: "machine", machine: "cyd" };
const END_B: Hit = { kind: "end", link: "ada-bob", end: "b" };

describe("clicking", () => {
  it("selects the machine under the pointer, and nothing else", () => {
    expect(run([press(at(0, 0, ADA)), move(at(2, 1, ADA)), release(at(2, 1, ADA))]).wishes).toEqual([
      { kind: "select", selection: { machines: new Set(["ada"]), links: new Set() } },
    ]);
  });

  it("with Shift adds to the selection, and takes out what was in it", () => {
    const selection = { machines: new Set(["ada", "bob"]), links: new Set<string>() };
    const click = [press(at(0, 0, ADA), { extend: true }), release(at(0, 0, ADA))];
    expect(run(click, aContext({ selection })).wishes).toEqual([
      { kind: "select", selection: { machines: new Set(["bob"]), links: new Set() } },
    ]);
  });

  it("on empty space clears a selection, and asks for nothing without one", () => {
    const click = [press(at(0, 0)), release(at(0, 0))];
    const selection = { machines: new Set<string>(), links: new Set(["ada-bob"]) };
    expect(run(click).wishes).toEqual([]);
    expect(run(click, aContext({ selection })).wishes).toHaveLength(1);
  });

  it("twice opens the machine", () => {
    expect(run([{ kind: "double_clicked", pointer: at(0, 0, ADA) }]).wishes).toEqual([
      { kind: "open", machine: "ada" },
    ]);
  });
});

describe("dragging a machine", () => {
  const drag = [press(at(0, 0, ADA)), move(at(30, 0)), move(at(30, 40)), release(at(30, 40))];

  it("moves it by the way of the pointer", () => {
    expect(run(drag).wishes).toEqual([{ kind: "move", machines: ["ada"], by: { x: 30, y: 40 } }]);
  });

  it("takes the whole selection along if it is part of it", () => {
    const selection = { machines: new Set(["ada", "cyd", "gone"]), links: new Set<string>() };
    expect(run(drag, aContext({ selection })).wishes).toEqual([
      { kind: "move", machines: ["ada", "cyd"], by: { x: 30, y: 40 } },
    ]);
  });

  it("does nothing when it comes back to where it was", () => {
    expect(run([...drag.slice(0, 3), release(at(0, 0))]).wishes).toEqual([]);
  });

  it("does nothing in a locked scene", () => {
    expect(run(drag, aContext({ locked: true })).wishes).toEqual([]);
  });
});

describe("dragging from the ring", () => {
  it("links to any part of the machine it is dropped on", () => {
    expect(run([press(at(0, 0, ADA_RING)), move(at(50, 0)), release(at(99, 0, CYD))]).wishes).toEqual([
      { kind: "link", a: "ada", b: "cyd" },
    ]);
  });

  it("dropped on empty space or on its own machine does nothing", () => {
    expect(run([press(at(0, 0, ADA_RING)), move(at(50, 0)), release(at(50, 0))]).wishes).toEqual([]);
    expect(run([press(at(0, 0, ADA_RING)), move(at(50, 0)), release(at(1, 0, ADA))]).wishes).toEqual([]);
  });
});

describe("dragging an end of a link", () => {
  const take = [press(at(0, 0, END_B)), move(at(50, 0))];

  it("rewires it", () => {
    expect(run([...take, release(at(99, 0, CYD))]).wishes).toEqual([
      { kind: "rewire", link: "ada-bob", end: "b", to: "cyd" },
    ]);
  });

  it("dropped where it came from, or on the other end, does nothing", () => {
    expect(run([...take, release(at(0, 0, BOB))]).wishes).toEqual([]);
    expect(run([...take, release(at(0, 0, ADA))]).wishes).toEqual([]);
  });

  it("dropped on empty space only offers to forbid", () => {
    expect(run([...take, release(at(70, 5))]).wishes).toEqual([
      { kind: "offer_forbid", link: "ada-bob", at: { x: 70, y: 5 } },
    ]);
  });

  it("ends when the link goes away meanwhile", () => {
    const without = aContext({ links: new Map() });
    const { gesture } = run(take);
    expect(step(gesture, { kind: "grid_changed" }, without)).toEqual({ gesture: IDLE, wish: null });
  });
});

describe("the other drags", () => {
  it("on empty space select what lies in the box", () => {
    const context = aContext({ within: box => (box.width === 40 && box.height === 30 ? ["ada", "dan"] : []) });
    expect(run([press(at(40, 30)), move(at(9, 9)), release(at(0, 0))], context).wishes).toEqual([
      { kind: "select", selection: { machines: new Set(["ada", "dan"]), links: new Set() } },
    ]);
  });

  it("with the middle button or the space bar pan", () => {
    expect(
      run([press(at(0, 0, ADA), { pan: true }), move(at(5, 1)), move(at(7, 1)), release(at(7, 1))]).wishes,
    ).toEqual([
      { kind: "pan", by: { x: 5, y: 1 } },
      { kind: "pan", by: { x: 2, y: 0 } },
    ]);
  });
});

describe("the keyboard", () => {
  it("moves machines step by step and places them on Enter", () => {
    const nudge: Fact = { kind: "nudged", by: { x: 0, y: 20 } };
    const facts: Fact[] = [{ kind: "move_started", machines: ["bob"] }, nudge, nudge, { kind: "accepted" }];
    expect(run(facts).wishes).toEqual([{ kind: "move", machines: ["bob"], by: { x: 0, y: 40 } }]);
  });

  it("links to a machine chosen from the list, and stays open on one that is refused", () => {
    const choice: Choice = { kind: "link", from: "ada" };
    const judge = (proposal: Proposal): Verdict =>
      proposal.kind === "link" && proposal.b === "bob" ? { ok: false, reason: "paused" } : YES;
    const started: Fact[] = [
      { kind: "choice_started", choice },
      { kind: "chosen", machine: "bob" },
    ];
    expect(run(started, aContext({ judge }))).toEqual({ gesture: { kind: "choosing", choice }, wishes: [] });
    expect(run([...started, { kind: "chosen", machine: "dan" }], aContext({ judge }))).toEqual({
      gesture: IDLE,
      wishes: [{ kind: "link", a: "ada", b: "dan" }],
    });
  });
});

describe("whatever a person does", () => {
  const machine = fc.constantFrom("ada", "bob", "cyd", "dan", "gone");
  const link = fc.constantFrom("ada-bob", "bob-cyd", "gone");
  const end = fc.constantFrom("a" as const, "b" as const);
  const hit: fc.Arbitrary<Hit> = fc.oneof(
    fc.constant<Hit>({ kind: "ground" }),
    fc.record({ kind: fc.constantFrom("machine" as const, "ring" as const), machine }),
    fc.record({ kind: fc.constant("link" as const), link }),
    fc.record({ kind: fc.constant("end" as const), link, end }),
  );
  const coordinate = fc.integer({ min: -60, max: 60 });
  const point = fc.record({ x: coordinate, y: coordinate });
  const pointer: fc.Arbitrary<Pointer> = fc.record({ screen: point, world: point, hit });
  const choice: fc.Arbitrary<Choice> = fc.oneof(
    fc.record({ kind: fc.constant("link" as const), from: machine }),
    fc.record({ kind: fc.constant("rewire" as const), link, end }),
  );
  const fact: fc.Arbitrary<Fact> = fc.oneof(
    fc.record({ kind: fc.constant("pressed" as const), pointer, extend: fc.boolean(), pan: fc.boolean() }),
    fc.record({ kind: fc.constant("moved" as const), pointer }),
    fc.record({ kind: fc.constant("released" as const), pointer }),
    fc.record({ kind: fc.constantFrom("double_clicked" as const, "menu_asked" as const), pointer }),
    fc.record({ kind: fc.constant("move_started" as const), machines: fc.array(machine, { maxLength: 3 }) }),
    fc.record({ kind: fc.constant("nudged" as const), by: point }),
    fc.constant<Fact>({ kind: "accepted" }),
    fc.record({ kind: fc.constant("choice_started" as const), choice }),
    fc.record({ kind: fc.constant("chosen" as const), machine }),
    fc.constant<Fact>({ kind: "grid_changed" }),
  );
  const context: fc.Arbitrary<GestureContext> = fc
    .record({
      locked: fc.boolean(),
      refused: fc.subarray(["ada", "bob", "cyd", "dan"]),
      selected: fc.subarray(["ada", "bob"]),
    })
    .map(({ locked, refused, selected }) =>
      aContext({
        locked,
        selection: { machines: new Set(selected), links: new Set() },
        judge: proposal =>
          refused.includes(proposal.kind === "link" ? proposal.b : proposal.to) ? { ok: false, reason: "no" } : YES,
      }),
    );
  const facts = fc.array(fact, { maxLength: 12 });
  const changes = new Set<GestureWish["kind"]>(["link", "rewire", "offer_forbid", "move"]);

  it("Esc leads back to rest and asks for nothing", () => {
    fc.assert(
      fc.property(facts, context, (before, world) => {
        const { gesture } = run(before, world);
        expect(step(gesture, { kind: "cancelled" }, world)).toEqual({ gesture: IDLE, wish: null });
      }),
    );
  });

  it("nothing changes before a release, Enter or a choice", () => {
    fc.assert(
      fc.property(facts, fact, context, (before, last, world) => {
        const { wish } = step(run(before, world).gesture, last, world);
        if (wish !== null && changes.has(wish.kind)) expect(["released", "accepted", "chosen"]).toContain(last.kind);
      }),
    );
  });

  it("no wish reaches an illegal target, and none changes a locked scene", () => {
    fc.assert(
      fc.property(facts, context, (all, world) => {
        for (const wish of run(all, world).wishes) {
          if (wish.kind === "link" || wish.kind === "rewire") expect(verdictOn(wish, world).ok).toBe(true);
          if (world.locked) expect(changes.has(wish.kind)).toBe(false);
        }
      }),
    );
  });

  it("a link is never wished to its own machine, nor to where it already ends", () => {
    fc.assert(
      fc.property(facts, context, (all, world) => {
        for (const wish of run(all, world).wishes) {
          if (wish.kind === "link") expect(wish.a).not.toBe(wish.b);
          if (wish.kind === "rewire") {
            const old = world.links.get(wish.link);
            expect([old?.a, old?.b]).not.toContain(wish.to);
          }
        }
      }),
    );
  });

  it("a machine is moved only if it is there, and only by some way", () => {
    fc.assert(
      fc.property(facts, context, (all, world) => {
        for (const wish of run(all, world).wishes) {
          if (wish.kind === "move") expect(wish.by).not.toEqual({ x: 0, y: 0 });
        }
      }),
    );
  });
});
