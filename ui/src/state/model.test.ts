import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Event, LinkAskView } from "~/bridge";
import { job, machine, studio } from "~/lab/fixtures";
import { pairing } from "~/lab/pairing";
import { applyAll, EMPTY, type Model } from "./model";

const SNAPSHOT: Event = { seq: 10, event: "snapshot", data: studio() };

function started(): Model {
  return applyAll(EMPTY, [SNAPSHOT]).model;
}

describe("applyAll", () => {
  it("takes over a snapshot and its number", () => {
    const { model, lacksSnapshot } = applyAll(EMPTY, [SNAPSHOT]);
    expect(lacksSnapshot).toBe(false);
    expect(model.cursor).toEqual({ stream: studio().stream, seq: 10 });
    expect(model.machines.size).toBe(studio().machines.length);
  });

  it("goes on where numbers were left out", () => {
    const late: Event[] = [
      { seq: 11, event: "machine_removed", data: studio().machines[1]!.id },
      { seq: 13, event: "machine_removed", data: studio().machines[2]!.id },
    ];
    const { model, lacksSnapshot } = applyAll(started(), late);
    expect(lacksSnapshot).toBe(false);
    expect(model.cursor?.seq).toBe(13);
    expect(model.machines.size).toBe(studio().machines.length - 2);
  });

  it("keeps all of a machine but what it does, which is told alone", () => {
    const [before] = studio().machines;
    const { id, load, free } = before!;
    const data = { id, state: "working" as const, load, free, running: 3, made: 7 };
    const { model } = applyAll(started(), [{ seq: 11, event: "machine_activity", data }]);
    expect(model.machines.get(id)).toEqual({ ...before, state: "working", running: 3, made: 7 });
  });

  it("knows nothing of machines that it was never told of", () => {
    const { load, free } = studio().machines[0]!;
    const data = { id: "unheard-of", state: "working" as const, load, free, running: 3, made: 7 };
    expect(applyAll(started(), [{ seq: 11, event: "machine_activity", data }]).model.machines).toEqual(
      started().machines,
    );
  });

  it("follows machines that are let in, and forgets the oldest", () => {
    const events = Array.from({ length: 70 }, (_, nth): Event => {
      const data = pairing({ id: nth + 1, state: nth === 69 ? "waiting" : "joined" });
      return { seq: 11 + nth, event: "pairing_changed", data };
    });
    const { model } = applyAll(started(), events);
    expect([...model.pairings.keys()]).toEqual(Array.from({ length: 64 }, (_, nth) => nth + 7));
    const ended: Event = { seq: 81, event: "pairing_changed", data: pairing({ id: 70, state: "rejected" }) };
    expect(applyAll(model, [ended]).model.pairings.get(70)?.state).toBe("rejected");
    expect(applyAll(model, [{ ...SNAPSHOT, seq: 90 }]).model.pairings.size).toBe(0);
  });

  it("follows what owners ask each other", () => {
    const [from, peer] = studio().machines.map(machine => machine.id) as [string, string];
    const ask: LinkAskView = { from, from_name: "a", peer, name: "b", state: "waiting", asked: 1, until: 2 };
    const model = applyAll(started(), [{ seq: 11, event: "link_ask_changed", data: ask }]).model;
    expect([...model.asks.values()]).toEqual([ask]);
    expect(applyAll(model, [{ seq: 12, event: "link_ask_removed", data: { from, peer } }]).model.asks.size).toBe(0);
  });

  it("follows the code that is shown here", () => {
    expect(started().codeUntil).toBe(null);
    const shown = applyAll(started(), [{ seq: 11, event: "code_changed", data: { until: 5 } }]).model;
    expect(shown.codeUntil).toBe(5);
    expect(applyAll(shown, [{ seq: 12, event: "code_changed", data: { until: null } }]).model.codeUntil).toBe(null);
    expect(applyAll(shown, [{ ...SNAPSHOT, seq: 90 }]).model.codeUntil).toBe(null);
  });

  it("asks for a snapshot when the first event is none", () => {
    expect(applyAll(EMPTY, [{ seq: 1, event: "job_removed", data: "a" }]).lacksSnapshot).toBe(true);
  });

  it("leaves maps alone in which nothing changed", () => {
    const before = started();
    const { model } = applyAll(before, [{ seq: 11, event: "job_changed", data: job("new", "new", "running") }]);
    expect(model.jobs).not.toBe(before.jobs);
    expect(model.machines).toBe(before.machines);
    expect(model.links).toBe(before.links);
  });

  it("passes changes of tasks and notices through, in order", () => {
    const notice: Event = {
      seq: 11,
      event: "notice",
      data: { id: 1, at: 0, kind: "other", level: "info", sentence: "hello", job: null, machine: null },
    };
    expect(applyAll(started(), [notice]).passing).toEqual([notice]);
  });

  it("counts events that only a newer node knows", () => {
    const newer = { seq: 11, event: "moon_changed", data: "full" } as unknown as Event;
    const { model, lacksSnapshot } = applyAll(started(), [newer]);
    expect(lacksSnapshot).toBe(false);
    expect(model.cursor?.seq).toBe(11);
  });

  it("comes to the same model however the events are cut into batches and repeated", () => {
    const change = fc.oneof(
      fc.nat(4).map(at => ({ event: "job_changed" as const, data: job(`j${"abcde"[at]}`, `job ${at}`, "running") })),
      fc.nat(4).map(at => ({ event: "job_removed" as const, data: job(`j${"abcde"[at]}`, "", "running").id })),
      fc.nat(4).map(at => ({ event: "machine_changed" as const, data: machine(`m${"abcde"[at]}`) })),
      fc.nat(4).map(at => ({ event: "machine_removed" as const, data: machine(`m${"abcde"[at]}`).id })),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), fc.array(fc.nat(29)), (changes, cuts) => {
        const events: Event[] = changes.map((body, at) => ({ ...body, seq: 11 + at }) as Event);
        const atOnce = applyAll(started(), events).model;
        let inPieces = started();
        let from = 0;
        for (const cut of [...new Set(cuts), events.length].sort((a, b) => a - b)) {
          // Each batch repeats what was heard before: a listener that comes back hears some events twice.
          const batch = events.slice(Math.max(0, from - 2), cut);
          inPieces = applyAll(inPieces, batch).model;
          from = Math.max(from, Math.min(cut, events.length));
        }
        expect(inPieces).toEqual(atOnce);
      }),
    );
  });
});
