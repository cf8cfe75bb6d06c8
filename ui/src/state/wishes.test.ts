import { describe, expect, it } from "vitest";

import { Refusal, type Bridge, type Request } from "~/bridge";
import { HandClock, settled } from "./testing";
import { Wishes, type Line } from "./wishes.svelte";

/** Answers one by one, as the test says. */
function bridge(): {
  asked: Request[];
  answer: (with_: unknown) => void;
  refuse: (refusal: Refusal) => void;
  ask: Bridge["ask"];
} {
  const asked: Request[] = [];
  let settle: { resolve: (value: unknown) => void; reject: (reason: unknown) => void } | undefined;
  const ask = ((request: Request) => {
    asked.push(request);
    return new Promise((resolve, reject) => (settle = { resolve, reject }));
  }) as unknown as Bridge["ask"];
  return { asked, ask, answer: value => settle?.resolve(value), refuse: reason => settle?.reject(reason) };
}

const GONE = Refusal.noNode("nobody answers");

/** Nobody is there until somebody says so. */
const AWAY: Line = { isLive: () => false, after: () => () => undefined };

describe("a wish", () => {
  it("is pending from the click to the answer, and a second click joins the first", async () => {
    const door = bridge();
    const wishes = new Wishes(door, AWAY);
    const first = wishes.make("hold.a", { ask: "hold", target: "a" });
    const second = wishes.make("hold.a", { ask: "hold", target: "a" });
    expect(wishes.isPending("hold.a")).toBe(true);
    expect(door.asked).toHaveLength(1);
    door.answer("held");
    expect(await first).toBe("held");
    expect(await second).toBe("held");
    expect(wishes.isPending("hold.a")).toBe(false);
  });

  it("that found nobody is made again when the node is back", async () => {
    const door = bridge();
    const wishes = new Wishes(door, AWAY);
    const made = wishes.make("submit.k", { ask: "submit", paths: ["/a"], key: "k" });
    door.refuse(GONE);
    await settled();
    expect(wishes.isPending("submit.k")).toBe(true);
    wishes.retryWaiting();
    await settled();
    expect(door.asked).toHaveLength(2);
    door.answer("started");
    expect(await made).toBe("started");
  });

  it("whose answer alone was lost is made again after a while", async () => {
    const door = bridge();
    const clock = new HandClock();
    const wishes = new Wishes(door, { isLive: () => true, after: (ms, then) => clock.after(ms, then) });
    const made = wishes.make("hold.a", { ask: "hold", target: "a" });
    door.refuse(GONE);
    await settled();
    expect(door.asked).toHaveLength(1);
    clock.advance(1_000);
    await settled();
    expect(door.asked).toHaveLength(2);
    door.answer("held");
    expect(await made).toBe("held");
  });

  it("for the same thing but another one waits for its turn", async () => {
    const door = bridge();
    const wishes = new Wishes(door, AWAY);
    const first = wishes.make("set", { ask: "set", lend_cpus: 2 });
    const second = wishes.make("set", { ask: "set", lend_cpus: 3 });
    expect(door.asked).toEqual([{ ask: "set", lend_cpus: 2 }]);
    door.answer("two");
    expect(await first).toBe("two");
    await settled();
    expect(wishes.isPending("set")).toBe(true);
    expect(door.asked).toEqual([
      { ask: "set", lend_cpus: 2 },
      { ask: "set", lend_cpus: 3 },
    ]);
    door.answer("three");
    expect(await second).toBe("three");
    expect(wishes.isPending("set")).toBe(false);
  });

  it("is not made again when it was refused", async () => {
    const door = bridge();
    const wishes = new Wishes(door, AWAY);
    const made = wishes.make("retry.a", { ask: "retry", target: "a" });
    door.refuse(new Refusal({ kind: "input", code: "wrong_state", message: "nothing failed" }));
    await expect(made).rejects.toMatchObject({ code: "wrong_state" });
    wishes.retryWaiting();
    expect(door.asked).toHaveLength(1);
  });

  it("that makes something new each time is not repeated", async () => {
    const door = bridge();
    const made = new Wishes(door, AWAY).make("invite", { ask: "invite" });
    door.refuse(GONE);
    await expect(made).rejects.toMatchObject({ code: "no_node" });
  });
});
