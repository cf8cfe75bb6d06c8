import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { score } from "./score";

describe("a match", () => {
  it("is better the nearer it is to what a person means", () => {
    const texts = ["Pause 1 h", "Not pause", "unpaused", "Place all users", "Resume"];
    const scores = texts.map(text => score("pause", text));
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(scores.at(-1)).toBe(0);
  });

  it("counts neither case nor accents", () => {
    expect(score("KUCHE", "küche 1")).toBe(1);
  });

  it("lies between nothing and everything, and a text always fits itself", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (typed, text) => {
        expect(score(typed, text)).toBeGreaterThanOrEqual(0);
        expect(score(typed, text)).toBeLessThanOrEqual(1);
        expect(score(text, text)).toBe(1);
      }),
    );
  });
});
