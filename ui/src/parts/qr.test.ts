import { encode } from "uqr";
import { describe, expect, it } from "vitest";

import { qr } from "./qr";

/** Small letters, so that the other encoder has no shorter way to write them than bytes. */
const text = (length: number): string => "gridwell://pair/".repeat(Math.ceil(length / 16)).slice(0, length);

/** What an encoder that many people scan every day makes of the same. */
const known = (said: string): boolean[][] =>
  encode(said, { ecc: "L", boostEcc: false, maskPattern: 0, border: 0 }).data;

describe("a QR code", () => {
  it.each([1, 17, 18, 100, 154, 155, 230, 231, 300, 500, 858, 1_000, 1_732, 2_000, 2_600, 2_953])(
    "of %i bytes is the one that everybody makes",
    length => expect(qr(text(length))).toEqual(known(text(length))),
  );

  it("holds text of any language", () => expect(qr("mühle レンダー")).toEqual(known("mühle レンダー")));

  it("is refused for text that does not fit", () => expect(() => qr(text(2_954))).toThrow(RangeError));
});
