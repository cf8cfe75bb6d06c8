import { describe, expect, it } from "vitest";

import { UndoStack, type Step } from "./undo";

function counting(log: string[], label: string): Step {
  return { label, undo: async () => void log.push(`undo ${label}`), redo: async () => void log.push(`redo ${label}`) };
}

describe("undo", () => {
  it("goes back and forward in order", async () => {
    const log: string[] = [];
    const stack = new UndoStack();
    stack.push(counting(log, "a"));
    stack.push(counting(log, "b"));
    await stack.undo();
    await stack.undo();
    await stack.redo();
    expect(log).toEqual(["undo b", "undo a", "redo a"]);
    expect(stack.next?.label).toBe("a");
    expect(stack.nextRedo?.label).toBe("b");
  });

  it("forgets what was taken back when something new is done", async () => {
    const stack = new UndoStack();
    stack.push(counting([], "a"));
    await stack.undo();
    stack.push(counting([], "b"));
    expect(stack.nextRedo).toBeNull();
    expect(await stack.redo()).toBeNull();
  });

  it("keeps a step whose undo was refused", async () => {
    const stack = new UndoStack();
    stack.push({ label: "a", undo: () => Promise.reject(new Error("changed since")), redo: async () => {} });
    await expect(stack.undo()).rejects.toThrow("changed since");
    expect(stack.next?.label).toBe("a");
    expect(stack.nextRedo).toBeNull();
  });

  it("does one thing at a time", async () => {
    const log: string[] = [];
    const stack = new UndoStack();
    stack.push(counting(log, "a"));
    stack.push(counting(log, "b"));
    await Promise.all([stack.undo(), stack.undo()]);
    expect(log).toEqual(["undo b"]);
  });

  it("keeps only the last steps", () => {
    const stack = new UndoStack(2);
    for (const label of ["a", "b", "c"]) stack.push(counting([], label));
    expect(stack.next?.label).toBe("c");
    return stack
      .undo()
      .then(() => stack.undo())
      .then(() => stack.undo())
      .then(step => expect(step).toBeNull());
  });
});
