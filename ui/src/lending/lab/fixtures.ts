import { NIGHTS } from "../hours";
import type { LendingNow } from "../now";
import type { Policy } from "../policy";

/** Noon of a Wednesday: what is said of "now" is the same on every day. */
export const LAB_NOW = Date.parse("2026-11-25T13:02:10Z");
const HOUR_MS = 3_600_000;

export function labPolicy(): Policy {
  return {
    when: { when: "idle_within", afterSecs: 300, hours: NIGHTS },
    neverWhile: {
      programs: ["resolve", "Adobe Premiere Pro"],
      fullScreen: true,
      onBattery: true,
      graphicsBusy: true,
      metered: true,
    },
    limits: {
      coresSoftened: 0.5,
      memory: 0.9,
      memorySoftened: 0.5,
      graphics: true,
      diskReserveBytes: 10e9,
      cacheBytes: 64e9,
      network: null,
    },
    onReturn: { onReturn: "finish", withinSecs: 120 },
    onlyMine: false,
  };
}

/** What the line over the rules may have to say. */
export const LAB_NOWS = {
  lending: {
    does: "lends",
    sinceMs: LAB_NOW - HOUR_MS,
    reasons: [{ reason: "nobody_here" }],
    idleSource: "GNOME",
    paused: null,
    keptBack: {},
  },
  used: {
    does: "not",
    sinceMs: null,
    reasons: [
      { reason: "in_use", idleSecs: 12 },
      { reason: "program", name: "resolve" },
      { reason: "battery", charge: 61 },
    ],
    idleSource: "GNOME",
    paused: null,
    keptBack: { graphics: LAB_NOW + HOUR_MS / 2 },
  },
  paused: {
    does: "not",
    sinceMs: null,
    reasons: [{ reason: "paused_until", untilMs: LAB_NOW + HOUR_MS / 3 }],
    idleSource: "GNOME",
    paused: LAB_NOW + HOUR_MS / 3,
    keptBack: {},
  },
  blind: {
    does: "not",
    sinceMs: null,
    reasons: [{ reason: "no_idle_source" }],
    idleSource: null,
    paused: null,
    keptBack: {},
  },
} satisfies Record<string, LendingNow>;
