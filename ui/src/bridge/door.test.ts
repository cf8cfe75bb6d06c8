import { afterEach, describe, expect, it, vi } from "vitest";

import { Door } from "./door";

function shelf(kept: Record<string, string> = {}): Pick<Storage, "getItem" | "setItem"> {
  return {
    getItem: name => kept[name] ?? null,
    setItem: (name, value) => void (kept[name] = value),
  };
}

/** What the door was asked, and what it answers. */
function answering(status: number, body: object): { path: string; key: string | null; body: unknown }[] {
  const asked: { path: string; key: string | null; body: unknown }[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    asked.push({ path, key: new Headers(init.headers).get("x-gridwell-key"), body: init.body });
    return new Response(JSON.stringify(body), { status });
  });
  return asked;
}

function page(hash: string): { location: Location; history: History; seen: unknown[] } {
  const seen: unknown[] = [];
  const history = { replaceState: (...words: unknown[]) => seen.push(words[2]) };
  return { location: { hash, pathname: "/", search: "" } as Location, history: history as unknown as History, seen };
}

const UNAUTHORISED = { kind: "input", code: "unauthorised", message: "the token was used already" };

describe("a browser's session", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("is opened with the token, which leaves the address; its key goes with every question", async () => {
    const asked = answering(200, { key: "k1" });
    const { location, history, seen } = page("#token=t1");
    const door = new Door(shelf());
    await door.enter(location, history);
    await door.ask("/ask", { method: "POST", body: "{}" });
    expect(seen).toEqual(["/"]);
    expect(asked).toEqual([
      { path: "/v1/session", key: "", body: '{"token":"t1"}' },
      { path: "/v1/ask", key: "k1", body: "{}" },
    ]);
    expect(door.address("/picture", new URLSearchParams({ path: "/a b" }))).toBe("/v1/picture?path=%2Fa+b&key=k1");
  });

  it("stays when an address is opened again, and when none is shown", async () => {
    const storage = shelf({ "gridwell-key": "k1" });
    answering(401, UNAUTHORISED);
    const { location, history } = page("#token=used");
    await new Door(storage).enter(location, history);
    expect(new Door(storage).address("/events", new URLSearchParams())).toBe("/v1/events?key=k1");
  });

  it("is asked for in the door's own words", async () => {
    answering(401, UNAUTHORISED);
    await expect(new Door(shelf()).ask("/ask", { method: "POST" })).rejects.toMatchObject({ code: "unauthorised" });
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("gone")));
    await expect(new Door(shelf()).ask("/ask", { method: "POST" })).rejects.toMatchObject({ unanswered: true });
  });
});
