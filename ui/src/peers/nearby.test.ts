import { describe, expect, it } from "vitest";

import { Refusal, type NearbyView, type Request } from "~/bridge";
import { Nearby } from "./nearby.svelte";

const MILL: NearbyView = {
  nameplate: "a1",
  machine: "mill",
  peer: null,
  fingerprint: "",
  addresses: ["10.0.0.2:7766"],
};

/** A node that answers one after the other. */
function asking(...answers: (() => unknown)[]): { nearby: Nearby; asked: Request[] } {
  const asked: Request[] = [];
  const ask = async (request: Request): Promise<never> => {
    asked.push(request);
    return answers.shift()?.() as never;
  };
  const wishes = { make: (_key: string, request: Request) => ask(request) };
  return { nearby: new Nearby({ ask, wishes } as unknown as ConstructorParameters<typeof Nearby>[0]), asked };
}

function refuse(code: "wrong_state" | "busy"): () => never {
  return () => {
    throw new Refusal({ kind: "input", code, message: "no" });
  };
}

describe("looking for machines nearby", () => {
  it("knows nothing before the first answer, and asks once at a time", async () => {
    const { nearby, asked } = asking(() => [MILL]);
    const first = nearby.look();
    expect([nearby.search, nearby.looking]).toEqual([null, true]);
    await nearby.look();
    await first;
    expect(nearby.machines).toEqual([MILL]);
    expect([asked.length, nearby.looking]).toEqual([1, false]);
  });

  it("keeps what it found while it looks again", async () => {
    const { nearby } = asking(
      () => [MILL],
      () => [],
    );
    await nearby.look();
    const again = nearby.look();
    expect(nearby.machines).toEqual([MILL]);
    await again;
    expect(nearby.machines).toEqual([]);
  });

  it("says when it is switched off, and looks once it is on", async () => {
    const { nearby, asked } = asking(
      refuse("wrong_state"),
      () => null,
      () => [MILL],
    );
    await nearby.look();
    expect(nearby.search).toEqual({ state: "off" });
    await nearby.switchOn();
    expect(asked.map(({ ask }) => ask)).toEqual(["nearby", "set", "nearby"]);
    expect(nearby.machines).toEqual([MILL]);
  });

  it("says what went wrong", async () => {
    const { nearby } = asking(refuse("busy"));
    await nearby.look();
    expect(nearby.search).toMatchObject({ state: "failed", refusal: { code: "busy" } });
  });
});
