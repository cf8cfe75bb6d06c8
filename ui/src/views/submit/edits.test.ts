import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { DraftView } from "~/bridge";
import { NO_EDITS, obstacles, quoted, requestOf, spoken, words } from "./edits";

const DRAFT: DraftView = {
  paths: ["/home/ana/kitchen.blend"],
  recipe: "blender",
  title: "Render kitchen.blend",
  name: "kitchen",
  scenes: [],
  frames: "1-240",
  task_count: 240,
  task_word: "frame",
  steps: [["Render", 240]],
  tools: [],
  needs: [],
  files: [],
  file_count: 0,
  file_bytes: 0,
  left_out: { files: 0, folders: 0 },
  missing: [],
  packed: [],
  output: "/home/ana/kitchen_frames",
  parameters: [],
  facts: [],
  warnings: [],
  machines: [],
};

describe("a draft", () => {
  it("asks for nothing that nobody changed", () => {
    expect(requestOf({ paths: DRAFT.paths }, NO_EDITS, "k")).toEqual({ paths: DRAFT.paths, key: "k" });
  });

  it("carries every change", () => {
    const edits = {
      ...NO_EDITS,
      frames: "1-3",
      parameters: { Format: "JPEG" },
      priority: 50,
      on: ["mill"],
      hold: true,
      fresh: true,
    };
    expect(requestOf({ paths: DRAFT.paths }, edits, "k")).toEqual({
      paths: DRAFT.paths,
      key: "k",
      frames: "1-3",
      parameters: { Format: "JPEG" },
      priority: 50,
      on: ["mill"],
      hold: true,
      fresh: true,
    });
  });

  it("waits while files are missing, until a person says that they do not matter", () => {
    const draft = { ...DRAFT, missing: [{ path: "/wood.png", size_bytes: 0, purpose: "image" }] };
    expect(obstacles(draft, NO_EDITS)).toEqual([{ obstacle: "missing", count: 1 }]);
    expect(obstacles(draft, { ...NO_EDITS, missingIgnored: true })).toEqual([]);
  });

  it("waits while no machine fits, and for values that must be given", () => {
    const draft = {
      ...DRAFT,
      machines: [{ name: "mill", fits: false, reasons: ["needs a graphics card"] }],
      parameters: [{ name: "Shot", kind: "STRING", value: null, description: "", choices: [] }],
    };
    expect(obstacles(draft, NO_EDITS)).toEqual([{ obstacle: "nobody" }, { obstacle: "value", name: "Shot" }]);
  });
});

describe("a command line", () => {
  it("is split at blanks that are not kept", () => {
    expect(words(`python3 'my script.py' --n "a \\"b" c\\ d ''`)).toEqual([
      "python3",
      "my script.py",
      "--n",
      'a "b',
      "c d",
      "",
    ]);
  });

  it("gives back every word that was quoted", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), list => {
        expect(words(list.map(quoted).join(" "))).toEqual(list);
      }),
    );
  });
});

describe("a parameter's name", () => {
  it.each([
    ["OutputName", "Output name"],
    ["Threads", "Threads"],
    ["AudioCodec", "Audio codec"],
    ["RTX", "RTX"],
    ["tile_side", "tile side"],
  ])("%s is read as %s", (name, words) => expect(spoken(name)).toBe(words));
});
