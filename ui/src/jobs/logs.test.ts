import { describe, expect, it } from "vitest";

import type { LogPiece } from "~/bridge";
import { copyText, levelOf, LogLines, matching } from "./logs";

function piece(text: string, offset: number, index = 0): LogPiece {
  return { task: { step: 0, index }, label: `frame ${index + 1}`, machine: "mill", attempt: 1, offset, text };
}

describe("lines of a log", () => {
  it("grow in place until they end", () => {
    const log = new LogLines();
    expect(log.add(piece("ren", 0))).toBe(1);
    expect(log.add(piece("der\nnext", 3))).toBe(1);
    expect(log.lines.map(line => line.text)).toEqual(["render", "next"]);
  });

  it("of several tasks do not mix", () => {
    const log = new LogLines();
    log.add(piece("a", 0, 0));
    log.add(piece("b\n", 0, 1));
    log.add(piece("c\n", 1, 0));
    expect(log.lines.map(line => [line.label, line.text])).toEqual([
      ["frame 1", "ac"],
      ["frame 2", "b"],
    ]);
  });

  it("say how much is missing between two pieces", () => {
    const log = new LogLines();
    log.add(piece("a\n", 0));
    log.add(piece("b\n", 100));
    expect(log.lines.map(line => line.missing)).toEqual([0, 98]);
  });

  it("are given up at the beginning beyond the limit", () => {
    const log = new LogLines(10);
    for (let at = 0; at < 25; at += 1) log.add(piece("x\n", at * 2));
    expect(log.lines.length).toBeLessThanOrEqual(10);
    expect(log.dropped + log.lines.length).toBe(25);
  });

  it("of an earlier page come first", () => {
    const log = new LogLines();
    log.add(piece("late\n", 500));
    expect(log.prepend("early\nthen\n", { label: "frame 1", machine: "mill", attempt: 1 })).toBe(2);
    expect(log.lines.map(line => line.text)).toEqual(["early", "then", "late"]);
  });

  it("are found by their words and by how bad they are", () => {
    const log = new LogLines();
    log.add(piece("Warning: slow\nError: gone\nfine\n", 0));
    expect(matching(log.lines, "", "plain")).toBeNull();
    expect(matching(log.lines, "", "error")).toEqual([1]);
    expect(matching(log.lines, "", "warning")).toEqual([0, 1]);
    expect(matching(log.lines, "SLOW", "plain")).toEqual([0]);
  });

  it("are copied with machine and task", () => {
    const log = new LogLines();
    log.add(piece("hello\n", 0));
    expect(copyText(log.lines)).toBe("mill\tframe 1\thello");
  });
});

describe("the level of a line", () => {
  it.each([
    ["Error: cannot open", "error"],
    ["[2026-11-25 13:02:10] ERROR render", "error"],
    ["build finished, 0 errors", "plain"],
    ["WARNING: texture is large", "warning"],
    ["Saved: frame_0001.png", "plain"],
  ])("of “%s” is %s", (text, level) => expect(levelOf(text)).toBe(level));
});
