import { describe, expect, it } from "vitest";

import { contrastOf } from "~/shell/accent";
import CSS from "./tokens.css?raw";

function theme(name: string): Record<string, string> {
  const block = new RegExp(`\\[data-theme="${name}"\\][^{]*\\{([^}]*)\\}`).exec(CSS)?.[1] ?? "";
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map(([, token, value]) => [token, value]),
  );
}

const TEXT = ["text", "muted", "accent"];
/** Words of states stand in the colour of text; the colours are for glyphs and bars, and on surfaces for words too. */
const STATES = ["ready", "working", "paused", "in-use", "problem"];
const JOBS = Array.from({ length: 8 }, (_, nth) => `job-${nth + 1}`);
const SHAPES = [...STATES, ...JOBS, "link", "offline", "control-line"];

describe.each(["dark", "light", "contrast-dark", "contrast-light"])("the colours of %s", name => {
  const tokens = theme(name);

  it.each(TEXT)("%s can be read on every ground", token => {
    for (const ground of ["bg", "surface", "raised"]) {
      expect(contrastOf(tokens[token] ?? "", tokens[ground] ?? ""), ground).toBeGreaterThanOrEqual(4.5);
    }
  });

  it.each(STATES)("%s can be read on a surface", token => {
    expect(contrastOf(tokens[token] ?? "", tokens["surface"] ?? "")).toBeGreaterThanOrEqual(4.5);
  });

  it.each(SHAPES)("%s can be seen on every ground", token => {
    for (const ground of ["bg", "surface"]) {
      expect(contrastOf(tokens[token] ?? "", tokens[ground] ?? ""), ground).toBeGreaterThanOrEqual(3);
    }
  });

  it("can be read on the accent", () => {
    expect(contrastOf(tokens["on-accent"] ?? "", tokens["accent"] ?? "")).toBeGreaterThanOrEqual(4.5);
  });
});

it("has exactly the colours of the specification", () => {
  const dark = theme("dark");
  const light = theme("light");
  expect(dark).toMatchObject({
    bg: "#0e1116",
    surface: "#161b22",
    raised: "#1e252e",
    text: "#e8ecf2",
    accent: "#6cb2ff",
  });
  expect(light).toMatchObject({ bg: "#f6f7f9", surface: "#ffffff", text: "#14181f", accent: "#0a5bc4" });
  expect([dark["ready"], dark["problem"], light["ready"], light["problem"]]).toEqual([
    "#3cc6a0",
    "#ff7a5c",
    "#008566",
    "#9c1a0a",
  ]);
});
