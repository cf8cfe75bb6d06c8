import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { lines } from "./lines";
import { osOf } from "./os";
import { cursorText, Refusal } from "./types";

function stream(chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      chunks.forEach(chunk => controller.enqueue(chunk));
      controller.close();
    },
  });
}

async function all(source: ReadableStream<Uint8Array>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines(source)) found.push(line);
  return found;
}

describe("lines", () => {
  it("come out whole wherever the stream was cut, also inside a character", async () => {
    const text = fc.array(fc.string({ unit: "grapheme" }).map(line => line.replace(/[\r\n]/g, "")));
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(200)), async (written, cuts) => {
        const bytes = new TextEncoder().encode(written.map(line => `${line}\n`).join(""));
        const at = [...new Set([0, ...cuts.filter(cut => cut < bytes.length), bytes.length])].sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, index) => bytes.slice(at[index], end));
        expect(await all(stream(chunks))).toEqual(written.filter(line => line !== ""));
      }),
    );
  });

  it("include a last one without an end", async () => {
    expect(await all(stream([new TextEncoder().encode("a\nb")]))).toEqual(["a", "b"]);
  });
});

describe("refusals", () => {
  it("are made of whatever was thrown", () => {
    const error = { kind: "input", code: "unknown_job", message: "no job 'x'" };
    expect(Refusal.from(error)).toMatchObject({ code: "unknown_job", message: "no job 'x'", help: "" });
    expect(Refusal.from(new TypeError("boom"))).toMatchObject({ kind: "bug", code: "internal", message: "boom" });
    expect(Refusal.noNode("x").unanswered).toBe(true);
  });
});

it("writes a cursor as the door reads it", () => {
  expect(cursorText({ stream: "abc", seq: 7 })).toBe("abc:7");
});

it("knows the system from what the browser says", () => {
  expect(osOf("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)")).toBe("macos");
  expect(osOf("Mozilla/5.0 (Windows NT 10.0; Win64; x64)")).toBe("windows");
  expect(osOf("Mozilla/5.0 (X11; Linux x86_64)")).toBe("linux");
});
