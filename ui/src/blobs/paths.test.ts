import { describe, expect, it } from "vitest";

import { localNames, nameOf, parentOf, partsOf, pathOf } from "./paths";

describe("a path of the tree", () => {
  it("is made of its names and taken apart again", () => {
    for (const parts of [[], ["mill"], ["mill", "Textures", "wood 100%.png"]]) {
      expect(partsOf(pathOf(parts))).toEqual(parts);
    }
  });

  it("leads up to the top and no further", () => {
    expect(parentOf("/mill/Textures")).toBe("/mill");
    expect(parentOf("/mill")).toBe("");
    expect(parentOf("")).toBe("");
    expect(nameOf("")).toBe("");
  });

  it("has names that a file system knows, unless they are no texts", () => {
    expect(localNames(["a%25b0", "100%"])).toEqual(["a%b0", "100%"]);
    expect(localNames(["caf%E9"])).toBeNull();
  });
});
