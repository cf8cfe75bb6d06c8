import { describe, expect, it } from "vitest";

import type { FileView } from "~/bridge";
import { labFile } from "~/lab/files";
import { LAB_NOW } from "~/lab/fixtures";
import { folderMix, mixOf, stateOf, stateWords, type Place } from "./states";

const THERE: Place = { machine: null, name: "old-imac", own: false, ofJobs: false, online: true, lastSeen: null };
const AWAY: Place = { ...THERE, online: false };
const COPIED: Place = { ...AWAY, copies: "mill" };
const HERE: Place = { ...THERE, own: true };

describe("what of a file is here", () => {
  it("is one state for each of the cases", () => {
    const states = [
      [labFile("a", 10), THERE, "elsewhere"],
      [labFile("a", 10, { here_bytes: 4 }), THERE, "partial"],
      [labFile("a", 10, { here_bytes: 10 }), AWAY, "here"],
      [labFile("a", 10, { here_bytes: 10, kept: true }), THERE, "kept"],
      [labFile("a", 10, { here_bytes: 4, kept: true }), AWAY, "away"],
      [labFile("a", 10, { online: false }), COPIED, "elsewhere"],
      [labFile("a", 10, { online: false, here_bytes: 4 }), COPIED, "partial"],
      [labFile("a", 10, { here_bytes: null }), HERE, "own"],
      [labFile("a", 0), THERE, "here"],
      [labFile("a", 0, { kind: "folder" }), THERE, "elsewhere"],
      [labFile("a", 0, { kind: "folder", kept: true }), THERE, "kept"],
      [labFile("a", 0, { kind: "folder", here_bytes: 4 }), THERE, "partial"],
      [labFile("a", 10, { outdated: true }), THERE, "outdated"],
      [labFile("a", 10, { outdated: true, fetching: true }), THERE, "coming"],
      [labFile("a", 0, { kind: "link" }), THERE, null],
    ] as const;
    for (const [file, place, state] of states) expect(stateOf(file, place), JSON.stringify(file)).toBe(state);
  });

  it("is never said to be all or nothing while it is neither", () => {
    const said = (here_bytes: number): string =>
      stateWords("partial", labFile("a", 1e6, { here_bytes }), THERE, LAB_NOW);
    expect([said(1), said(999_999)]).toEqual(["1 % here", "99 % here"]);
  });

  it("is on machines with copies while its owner is away", () => {
    expect(stateWords("elsewhere", labFile("a", 10), COPIED, LAB_NOW)).toBe("On mill");
  });

  it("adds up over a folder", () => {
    const files = [labFile("a", 10, { here_bytes: 10, kept: true }), labFile("b", 20, { here_bytes: 5 })];
    expect(mixOf(files, THERE)).toEqual({ kept: 10, here: 5, elsewhere: 15 });
    expect(mixOf(files, HERE)).toEqual({ kept: 10, here: 20, elsewhere: 0 });
  });

  it("is a part of what is known below a folder", () => {
    const folder = (some: Partial<FileView>): FileView => labFile("a", 0, { kind: "folder", ...some });
    expect(folderMix(folder({ here_bytes: 4, known_bytes: 10 }))).toEqual({ kept: 0, here: 4, elsewhere: 6 });
    expect(folderMix(folder({ here_bytes: 4, known_bytes: 4, kept: true }))).toEqual({
      kept: 4,
      here: 0,
      elsewhere: 0,
    });
    expect(folderMix(folder({ here_bytes: 0, known_bytes: 10 }))).toBeNull();
    expect(folderMix(labFile("a", 10, { here_bytes: 4 }))).toBeNull();
  });
});
