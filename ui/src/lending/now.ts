import { format, isolate, m } from "~/text";
import type { Resource } from "./policy";

/** What this machine does for others now, and why. */
export interface LendingNow {
  does: Doing;
  /** Since when, in milliseconds since 1970; `null` where nobody knows. */
  sinceMs: number | null;
  /** What is against it, the strongest first; what made it lend where nothing is. */
  reasons: readonly Reason[];
  /** Where idleness comes from, in words of the desktop; `null` where this machine has no source for it. */
  idleSource: string | null;
  /** Until when its owner paused it, in milliseconds since 1970; `"open"` until they say otherwise. */
  paused: number | "open" | null;
  /** What its owner keeps back by itself, and until when. */
  keptBack: Partial<Record<Resource, number>>;
}

/** Lends, lends with less, lets work stand still or go back, or takes none. */
export type Doing = "lends" | "less" | "still" | "back" | "not";

/** Why a machine lends or not; as `crates/courtesy` has it. */
export type Reason =
  | { reason: "nobody_here" }
  | { reason: "within_hours" }
  | { reason: "always" }
  | { reason: "dedicated" }
  | { reason: "paused" }
  | { reason: "paused_until"; untilMs: number }
  | { reason: "drained" }
  | { reason: "outside_hours"; opensSecs: number | null }
  | { reason: "hours_end"; leftSecs: number }
  | { reason: "in_use"; idleSecs: number }
  | { reason: "not_idle_yet"; idleSecs: number; afterSecs: number }
  | { reason: "idle_unknown" }
  | { reason: "no_idle_source" }
  | { reason: "inhibited" }
  | { reason: "full_screen" }
  | { reason: "load"; share: number }
  | { reason: "memory_needed" }
  | { reason: "program"; name: string }
  | { reason: "battery"; charge: number | null }
  | { reason: "hot"; celsius: number }
  | { reason: "metered" }
  | { reason: "graphics_busy" }
  | { reason: "disk_full"; freeBytes: number };

const NOT_ALL = {
  less: m.lending_less,
  still: m.lending_still,
  back: m.lending_back,
  not: m.lending_not,
};

/** The line over the rules: "Lending since 14:02: nobody is here". */
export function nowWords({ does, sinceMs, reasons }: LendingNow, now: number): string {
  const [first] = reasons;
  const why = first === undefined ? m.lending_why_rules() : reasonWords(first, now);
  if (does !== "lends") return NOT_ALL[does]({ why });
  return sinceMs === null ? m.lending_yes({ why }) : m.lending_since({ time: format.when(sinceMs, now), why });
}

export function reasonWords(reason: Reason, now: number): string {
  switch (reason.reason) {
    case "nobody_here":
      return m.lending_why_nobody();
    case "within_hours":
      return m.lending_why_hours();
    case "always":
      return m.lending_why_always();
    case "dedicated":
      return m.lending_why_dedicated();
    case "paused":
      return m.lending_why_paused();
    case "paused_until":
      return m.lending_why_paused_until({ time: format.when(reason.untilMs, now) });
    case "drained":
      return m.lending_why_drained();
    case "outside_hours":
      return reason.opensSecs === null
        ? m.lending_why_closed()
        : m.lending_why_closed_for({ time: format.duration(reason.opensSecs) });
    case "hours_end":
      return m.lending_why_hours_end({ time: format.duration(reason.leftSecs) });
    case "in_use":
      return m.lending_why_in_use({ time: format.duration(reason.idleSecs) });
    case "not_idle_yet":
      return m.lending_why_not_yet({ time: format.duration(Math.max(0, reason.afterSecs - reason.idleSecs)) });
    case "idle_unknown":
      return m.lending_why_idle_unknown();
    case "no_idle_source":
      return m.lending_why_no_source();
    case "inhibited":
      return m.lending_why_film();
    case "full_screen":
      return m.lending_why_full_screen();
    case "load":
      return m.lending_why_load({ share: format.percent(reason.share) });
    case "memory_needed":
      return m.lending_why_memory();
    case "program":
      return m.lending_why_program({ name: isolate(reason.name) });
    case "battery":
      return reason.charge === null
        ? m.lending_why_battery()
        : m.lending_why_battery_at({ charge: format.percent(reason.charge / 100) });
    case "hot":
      return m.lending_why_hot({ degrees: format.number(reason.celsius) });
    case "metered":
      return m.lending_why_metered();
    case "graphics_busy":
      return m.lending_why_graphics();
    case "disk_full":
      return m.lending_why_disk({ size: format.bytes(reason.freeBytes) });
  }
}
