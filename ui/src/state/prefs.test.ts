import { expect, it } from "vitest";

import { DEFAULT_PREFS, Prefs } from "./prefs.svelte";

function shelf(stored: string | null = null): {
  getItem: () => string | null;
  setItem: (key: string, value: string) => void;
  last: () => string | null;
} {
  let held = stored;
  return { getItem: () => held, setItem: (_key, value) => void (held = value), last: () => held };
}

it("remembers what was chosen", () => {
  const storage = shelf();
  new Prefs(storage).set("theme", "light");
  expect(new Prefs(storage).get("theme")).toBe("light");
});

it("takes only what has the right type from a storage that may hold anything", () => {
  for (const nonsense of ["{", "null", "[]", '"x"', '{"theme":"neon","letterKeys":"yes","language":7}']) {
    const prefs = new Prefs(shelf(nonsense));
    expect(prefs.get("theme")).toBe(DEFAULT_PREFS.theme);
    expect(prefs.get("letterKeys")).toBe(DEFAULT_PREFS.letterKeys);
    expect(prefs.get("language")).toBeNull();
  }
});

it("works where nothing may be stored", () => {
  const forbidden = {
    getItem: () => null,
    setItem: () => {
      throw new Error("forbidden");
    },
  };
  const prefs = new Prefs(forbidden);
  prefs.set("letterKeys", false);
  expect(prefs.get("letterKeys")).toBe(false);
});
