import { describe, expect, it } from "vitest";

import { Stack } from "./stack.svelte";

describe("a stack", () => {
  it("shows the newest first, and takes back any", () => {
    const stack = new Stack<string>();
    const takeBack = ["a", "b", "a"].map(item => stack.put(item));
    expect([stack.items, stack.top]).toEqual([["a", "b", "a"], "a"]);
    takeBack[1]!();
    takeBack[1]!();
    expect(stack.items).toEqual(["a", "a"]);
    takeBack[2]!();
    takeBack[0]!();
    expect([stack.items, stack.top]).toEqual([[], undefined]);
  });
});
