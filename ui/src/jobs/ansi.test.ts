import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { LINE_CHARS, LineReader, type Line } from "./ansi";

function read(...pieces: string[]): { lines: string[]; open: string | null; all: Line[] } {
  const reader = new LineReader();
  const all = pieces.flatMap(piece => reader.push(piece));
  return { lines: all.map(line => line.text), open: reader.open?.text ?? null, all };
}

describe("what a program wrote", () => {
  it("becomes lines; the last one stays open", () => {
    expect(read("a\nb\r\nc")).toMatchObject({ lines: ["a", "b"], open: "c" });
  });

  it("keeps colours as names and never as text", () => {
    const [line] = read("\u001b[1;31merror\u001b[0m: gone\n").all;
    expect(line).toEqual({
      text: "error: gone",
      spans: [
        { text: "error", looks: "red bold" },
        { text: ": gone", looks: "" },
      ],
    });
  });

  it("finds the nearest readable colour", () => {
    const looks = (code: string): string => read(`\u001b[${code}mx\n`).all[0]?.spans?.[0]?.looks ?? "";
    expect(looks("38;5;196")).toBe("red");
    expect(looks("38;2;20;240;30")).toBe("green");
    expect(looks("48;5;21")).toBe("on-blue");
    expect(looks("94")).toBe("blue");
  });

  it("begins a line anew at a carriage return, as progress bars do", () => {
    expect(read("10 %\r20 %\r", "30 %\n")).toMatchObject({ lines: ["30 %"] });
    expect(read("done\r", "\nnext\n").lines).toEqual(["done", "next"]);
  });

  it("drops titles, links, cursor moves and bells", () => {
    expect(
      read("\u001b]0;owned\u0007a\u001b]8;;http://x\u001b\\b\u001b[2J\u001b[10;10Hc\u0007\u001b(B\n").lines,
    ).toEqual(["abc"]);
  });

  it("hides no line behind a string without an end", () => {
    expect(read("\u001b]0;never ended\nseen\n").lines).toEqual(["", "seen"]);
  });

  it("shows characters that turn the text around as unreadable", () => {
    expect(read("a\u202eb\n").lines).toEqual(["a\ufffdb"]);
  });

  it("cuts a line that never ends", () => {
    const { lines, open } = read("x".repeat(LINE_CHARS * 2 + 5));
    expect(lines.map(line => line.length)).toEqual([LINE_CHARS, LINE_CHARS]);
    expect(open).toHaveLength(5);
  });
});

const noise = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      "\u001b",
      "[",
      "]",
      "m",
      ";",
      "3",
      "1",
      "\n",
      "\r",
      "\t",
      "\u0007",
      "\u009b",
      "\\",
      "P",
      "K",
      "\u202e",
    ),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  maxLength: 400,
});

// Everything but tabs that a terminal or a page might obey.
// eslint-disable-next-line no-control-regex
const OBEYED = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e]/;

describe("any bytes", () => {
  it("leave nothing that a page or a terminal would obey", () => {
    fc.assert(
      fc.property(noise, text => {
        const { lines, open } = read(text);
        for (const line of [...lines, open ?? ""]) expect(line).not.toMatch(OBEYED);
      }),
    );
  });

  it("read the same however they are cut into pieces", () => {
    fc.assert(
      fc.property(noise, fc.array(fc.nat(400), { maxLength: 6 }), (text, cuts) => {
        const at = [0, ...cuts.map(cut => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
        expect(read(...pieces).all).toEqual(read(text).all);
      }),
    );
  });

  it("give spans that together are the text", () => {
    fc.assert(
      fc.property(noise, text => {
        for (const { text: whole, spans } of read(text).all) {
          if (spans !== null) expect(spans.map(span => span.text).join("")).toBe(whole);
        }
      }),
    );
  });
});
