import fc from "fast-check";
import { expect, it } from "vitest";

import { isolate, plain } from "./names";

it("makes hostile names one harmless line", () => {
  expect(plain("a\u202egnp.exe\u0007\n")).toBe("a\ufffdgnp.exe\ufffd\ufffd");
  expect(plain("<b>bold</b>")).toBe("<b>bold</b>");
  expect([...plain("🦊".repeat(500))].length).toBeLessThanOrEqual(200);
});

it("never lets direction or control characters through, whatever the name", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), name => {
      const inside = isolate(name).slice(1, -1);
      // eslint-disable-next-line no-control-regex
      expect(inside).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
    }),
  );
});
