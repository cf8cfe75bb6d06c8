import { expect, it } from "vitest";

import { isOlder } from "./version";

it("compares versions as numbers, part by part", () => {
  expect(isOlder("0.1.0", "0.2.0")).toBe(true);
  expect(isOlder("0.9.0", "0.10.0")).toBe(true);
  expect(isOlder("0.2.0", "0.2.0")).toBe(false);
  expect(isOlder("1.0.0", "0.9.9")).toBe(false);
});

it("says nothing of versions it cannot read", () => {
  expect(isOlder("", "")).toBe(false);
  expect(isOlder("local", "0.1.0")).toBe(false);
});
