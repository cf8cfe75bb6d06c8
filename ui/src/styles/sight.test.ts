import { describe, expect, it } from "vitest";

import { contrastOf } from "~/shell/accent";
import { STATE_GLYPHS } from "~/scene/glyphs";
import CSS from "./tokens.css?raw";

type Triple = readonly [number, number, number];

const STATES = ["ready", "working", "paused", "in-use", "problem", "offline"] as const;

/**
 * Linear light as people without one kind of cone see it, row by row.
 *
 * Source: Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency"
 * (2009), severity 1.0.
 */
const SIGHTS: Readonly<Record<string, readonly Triple[]>> = {
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** Differences in CIELAB (CIE 1976) from which two colours beside each other are told apart with ease. */
const APART = 12;

describe.each(["dark", "light"])("the states of %s", theme => {
  const tokens = colours(theme);

  it.each(Object.keys(SIGHTS))("differ under %s", sight => {
    for (const [p, q] of pairs(STATES)) {
      const [one, other] = [p, q].map(state => lab(seen(linear(tokens[state]!), SIGHTS[sight]!)));
      expect(distance(one!, other!), `${p} and ${q}`).toBeGreaterThanOrEqual(APART);
    }
  });

  it("can be seen without colour", () => {
    for (const state of STATES) {
      const [grey, ground] = [tokens[state], tokens["surface"]].map(withoutColour);
      expect(contrastOf(grey!, ground!), state).toBeGreaterThanOrEqual(3);
    }
  });
});

it("each state has a shape of its own", () => {
  for (const [p, q] of pairs(Object.values(STATE_GLYPHS).map(({ d }) => d))) expect(p).not.toBe(q);
});

function colours(theme: string): Record<string, string> {
  const block = new RegExp(`\\[data-theme="${theme}"\\][^{]*\\{([^}]*)\\}`).exec(CSS)?.[1] ?? "";
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map(([, token, value]) => [token, value]),
  );
}

function pairs<T>(all: readonly T[]): [T, T][] {
  return all.flatMap((p, i) => all.slice(i + 1).map((q): [T, T] => [p, q]));
}

/** Returns a colour as linear light, from 0 to 1. */
function linear(hex: string): Triple {
  const part = (from: number): number => {
    const value = parseInt(hex.slice(from, from + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [part(1), part(3), part(5)];
}

function times(rows: readonly Triple[], [x, y, z]: Triple): Triple {
  const [p, q, r] = rows.map(([a, b, c]) => a * x + b * y + c * z);
  return [p!, q!, r!];
}

function seen(light: Triple, rows: readonly Triple[]): Triple {
  const [r, g, b] = times(rows, light).map(value => Math.min(Math.max(value, 0), 1));
  return [r!, g!, b!];
}

/** From linear sRGB over XYZ under D65 (IEC 61966-2-1) to CIELAB. */
function lab(light: Triple): Triple {
  const [x, y, z] = times(
    [
      [0.4124564, 0.3575761, 0.1804375],
      [0.2126729, 0.7151522, 0.072175],
      [0.0193339, 0.119192, 0.9503041],
    ],
    light,
  );
  const f = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 / 116) * t + 16 / 116);
  const [fx, fy, fz] = [f(x / 0.95047), f(y), f(z / 1.08883)];
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

function distance(p: Triple, q: Triple): number {
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

/** Returns the grey that is as bright. */
function withoutColour(hex: string | undefined): string {
  const [r, g, b] = linear(hex ?? "");
  const y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const value = y <= 0.0031308 ? y * 12.92 : 1.055 * y ** (1 / 2.4) - 0.055;
  return `#${Math.round(value * 255)
    .toString(16)
    .padStart(2, "0")
    .repeat(3)}`;
}
