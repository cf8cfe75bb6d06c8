import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { allChosen, clicked, kept, moved, NOTHING_CHOSEN, toggled } from "./choose";

const IDS = ["a", "b", "c", "d", "e"];

describe("choosing rows", () => {
  it("moves with the arrows and stays inside", () => {
    const first = moved(NOTHING_CHOSEN, IDS, "down", 3, false);
    expect(first.active).toBe("a");
    expect(moved(first, IDS, "up", 3, false).active).toBe("a");
    expect(moved(first, IDS, "page-down", 3, false).active).toBe("d");
    expect(moved(first, IDS, "last", 3, false).active).toBe("e");
    expect(moved(NOTHING_CHOSEN, [], "down", 3, false).active).toBeNull();
  });

  it("extends from the anchor both ways", () => {
    const at = clicked(NOTHING_CHOSEN, IDS, "c", "only");
    const down = moved(moved(at, IDS, "down", 3, true), IDS, "down", 3, true);
    expect([...down.chosen]).toEqual(["c", "d", "e"]);
    const up = moved(down, IDS, "first", 3, true);
    expect([...up.chosen]).toEqual(["a", "b", "c"]);
  });

  it("adds and removes single rows", () => {
    const one = clicked(NOTHING_CHOSEN, IDS, "b", "only");
    const two = clicked(one, IDS, "d", "toggle");
    expect([...two.chosen]).toEqual(["b", "d"]);
    expect([...toggled(two).chosen]).toEqual(["b"]);
    expect(allChosen(two, IDS).chosen.size).toBe(5);
  });

  it("forgets rows that are gone, and is the same when none is", () => {
    const choice = clicked(clicked(NOTHING_CHOSEN, IDS, "b", "only"), IDS, "d", "toggle");
    expect(kept(choice, IDS)).toBe(choice);
    expect(kept(choice, ["a", "b"])).toEqual({ active: null, anchor: null, chosen: new Set(["b"]) });
  });

  it("never chooses or stands on what is not in the list", () => {
    const step = fc.oneof(
      fc.constantFrom("up", "down", "page-up", "page-down", "first", "last" as const),
      fc.constantFrom(...IDS.map(id => ({ id }))),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.boolean())), steps => {
        let choice = NOTHING_CHOSEN;
        for (const [what, shift] of steps) {
          choice =
            typeof what === "string"
              ? moved(choice, IDS, what as "up", 2, shift)
              : clicked(choice, IDS, what.id, shift ? "range" : "only");
          expect([...choice.chosen].every(id => IDS.includes(id))).toBe(true);
          expect(choice.active === null || IDS.includes(choice.active)).toBe(true);
        }
      }),
    );
  });
});
