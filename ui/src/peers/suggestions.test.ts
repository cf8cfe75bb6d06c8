import { describe, expect, it } from "vitest";

import type { SuggestionView } from "~/bridge";
import { machine, peerId } from "~/lab/fixtures";
import type { Grid } from "~/state";
import { setLocale } from "~/text";
import { suggestionSentence } from "./suggestions";

const MACHINES = new Map(["attic", "forge"].map(name => [peerId(name), machine(name)]));
const grid = { machine: (id: string) => MACHINES.get(id) } as unknown as Grid;

function said(some: Partial<SuggestionView>): string {
  const none = { sentence: "", link_with: null, let_go: null, new_micros: null, old_micros: null, links: null };
  return suggestionSentence(grid, { ...none, why: "chance", ...some }).replace(/[\u2068\u2069]/g, "");
}

describe("what a behaviour suggests", () => {
  it("comes with the numbers that decided", () => {
    const replace = { link_with: peerId("attic"), let_go: peerId("forge"), new_micros: 2_100, old_micros: 38_400 };
    expect(said({ ...replace, why: "may_be_nearer" })).toBe(
      "Link with attic instead of forge: it may answer in 2.1 ms, where the slowest link takes 38 ms.",
    );
    expect(said({ link_with: peerId("attic"), why: "too_few", links: 1 })).toBe(
      "Link with attic: there is only 1 link.",
    );
    expect(said({ let_go: peerId("forge"), why: "too_many", links: 9 })).toBe(
      "Let the link with forge go: it is the slowest of 9 links, more than one machine keeps.",
    );
  });

  it("is said in the language of the window", () => {
    setLocale("de");
    expect(said({ link_with: peerId("attic"), why: "too_few", links: 2 })).toBe(
      "Verbindung mit attic: Es gibt nur 2 Verbindungen.",
    );
  });
});
