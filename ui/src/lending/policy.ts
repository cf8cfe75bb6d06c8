import { isEmpty, type Hours } from "./hours";

/** What the owner of this machine allows; as `crates/courtesy` has it. Shares are of the whole machine, 0 to 1. */
export interface Policy {
  when: When;
  neverWhile: NeverWhile;
  limits: Limits;
  onReturn: OnReturn;
  /** Works for jobs of its owner alone. */
  onlyMine: boolean;
}

/**
 * When it lends: as a machine that is there for the grid, always, only when nobody has touched it for a while, only within
 * the hours, both, or either.
 */
export type When =
  | { when: "dedicated" }
  | { when: "always" }
  | { when: "idle"; afterSecs: number }
  | { when: "within"; hours: Hours }
  | { when: "idle_within"; afterSecs: number; hours: Hours }
  | { when: "idle_or_within"; afterSecs: number; hours: Hours };

export interface NeverWhile {
  programs: readonly string[];
  fullScreen: boolean;
  onBattery: boolean;
  graphicsBusy: boolean;
  metered: boolean;
}

export interface Limits {
  coresSoftened: number;
  memory: number;
  memorySoftened: number;
  graphics: boolean;
  /** Free space that stays free. */
  diskReserveBytes: number;
  /** What is kept of files that were read here. */
  cacheBytes: number;
  /** Most bytes of files a second, each way; null for no limit. */
  network: number | null;
}

/** What becomes of the work of others when its owner comes back. */
export type OnReturn =
  | { onReturn: "soften" }
  | { onReturn: "finish"; withinSecs: number }
  | { onReturn: "freeze" }
  | { onReturn: "pack" }
  | { onReturn: "end" };

/** When this machine stays awake, sleeps by itself, and is woken. */
export interface Sleep {
  /** Stays awake while it works. */
  keepAwake: boolean;
  /** For how long nobody must have used or needed it before it sleeps; null where it never does by itself. */
  afterSecs: number | null;
  /** Others may wake it for work. */
  wakeForWork: boolean;
}

/** How programs of jobs are kept apart: by the kernel's refusals alone, or in namespaces of their own, too. */
export type Isolation = "landlock" | "namespaces";

/** What can be kept back for a while by itself. */
export type Resource = "graphics" | "network";
export const RESOURCES: readonly Resource[] = ["graphics", "network"];

/** Names of programs that are looked for, at most, and their longest, in bytes. */
export const MOST_PROGRAMS = 64;
export const PROGRAM_BYTES = 100;
/** What is chosen where nothing was before. */
export const USUAL_IDLE_SECS = 300;

export function idleSecs(when: When): number | null {
  return "afterSecs" in when ? when.afterSecs : null;
}

export function hoursOf(when: When): Hours | null {
  return "hours" in when ? when.hours : null;
}

/** The rule made of its parts; `either` where one of them is enough. */
export function whenOf(afterSecs: number | null, hours: Hours | null, either: boolean): When {
  if (afterSecs === null) return hours === null ? { when: "always" } : { when: "within", hours };
  if (hours === null) return { when: "idle", afterSecs };
  return { when: either ? "idle_or_within" : "idle_within", afterSecs, hours };
}

/** True for rules under which nothing is ever lent. */
export function neverLends({ when, limits }: Policy): boolean {
  const hours = hoursOf(when);
  const isClosed = hours !== null && isEmpty(hours) && when.when !== "idle_or_within";
  return isClosed || limits.memory === 0;
}

/** Whether a program of that name can run: lists of running ones show no paths. */
export function isProgram(name: string): boolean {
  return name !== "" && !/[/\0]/.test(name) && new TextEncoder().encode(name).length <= PROGRAM_BYTES;
}
