import { describe, expect, it } from "vitest";

import { Pages } from "./pages";

describe("a list in pages", () => {
  it("asks for what can be seen and has not come", () => {
    const pages = new Pages<string>(10);
    expect(pages.missing(0, 0)).toEqual([0]);
    pages.put(
      0,
      Array.from({ length: 10 }, (_, at) => `a${at}`),
      35,
    );
    expect(pages.at(3)).toBe("a3");
    expect(pages.missing(0, 10)).toEqual([]);
    expect(pages.missing(5, 32)).toEqual([10, 20, 30]);
    expect(pages.at(12)).toBeUndefined();
  });

  it("asks again for a last page that has grown", () => {
    const pages = new Pages<string>(10);
    pages.put(0, ["a"], 1);
    expect(pages.missing(0, 10)).toEqual([]);
    pages.total = 4;
    expect(pages.missing(0, 10)).toEqual([0]);
  });

  it("keeps showing what is old until it comes anew", () => {
    const pages = new Pages<string>(10);
    pages.put(0, ["a"], 1);
    pages.age();
    expect(pages.at(0)).toBe("a");
    expect(pages.missing(0, 1)).toEqual([0]);
  });
});
