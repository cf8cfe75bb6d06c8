import { describe, expect, it } from "vitest";

import { Refusal, type ErrorCode } from "~/bridge";
import { nextConnection, waitMs, type Connection, type ConnectionFact } from "./connection";

const GONE = Refusal.noNode("nobody answers");

function after(...facts: ConnectionFact[]): Connection {
  return facts.reduce<Connection>(nextConnection, { state: "starting" });
}

function refused(code: ErrorCode): Refusal {
  return new Refusal({ kind: "peer", code, message: "no" });
}

const HEARD: ConnectionFact = { fact: "heard" };
const LOST: ConnectionFact = { fact: "lost", refusal: GONE, at: 7 };
const UNANSWERED: ConnectionFact = { fact: "unanswered", refusal: GONE };

describe("the connection", () => {
  it("is live once something was heard", () => expect(after(HEARD)).toEqual({ state: "live" }));

  it("says since when the data is old", () => expect(after(HEARD, LOST)).toEqual({ state: "reconnecting", since: 7 }));

  it("knows that nobody runs when a question after the loss is not answered either", () => {
    expect(after(HEARD, LOST, UNANSWERED)).toEqual({ state: "not_running", since: 7 });
  });

  it("has no time to show when it never heard anything", () => {
    expect(after(LOST, UNANSWERED)).toEqual({ state: "not_running", since: null });
  });

  it("keeps the time of the first loss while it tries again", () => {
    expect(after(HEARD, LOST, UNANSWERED, { ...LOST, at: 99 }, UNANSWERED)).toEqual({ state: "not_running", since: 7 });
  });

  it("comes back by itself", () => expect(after(HEARD, LOST, UNANSWERED, HEARD)).toEqual({ state: "live" }));

  it("tells an old node and a window without rights from a node that is away", () => {
    expect(after(HEARD, LOST, { fact: "unanswered", refusal: refused("other_version") })).toEqual({
      state: "other_version",
      since: 7,
    });
    expect(after({ fact: "unanswered", refusal: refused("unauthorised") })).toEqual({ state: "not_admitted" });
  });

  it("does not call a node that is busy one that is away", () => {
    const busy: ConnectionFact = { fact: "unanswered", refusal: refused("busy") };
    expect(after(HEARD, LOST, busy)).toEqual({ state: "reconnecting", since: 7 });
  });

  it("is not shaken by one question without answer while events come", () => {
    expect(after(HEARD, UNANSWERED)).toEqual({ state: "live" });
  });
});

it("waits longer after each failure, up to a limit", () => {
  const waits = Array.from({ length: 12 }, (_, failures) => waitMs(failures));
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  expect(waits.at(-1)).toBe(5_000);
});
