import { Refusal, type LendingRequest, type LendingRules, type LendingView, type ObjectionView } from "~/bridge";
import type { Doing, LendingNow, Reason } from "~/lending/now";
import type { Policy, Resource, Sleep, When } from "~/lending/policy";
import type { Grid } from "~/state";
import { m, problem } from "~/text";

/** The wish that changes the rules of lending; buttons show it as pending under this key. */
export const RULES_KEY = "lending";

/** What people call senses that see keyboard and mouse. */
const IDLE_SOURCES: Readonly<Record<string, string>> = { gnome: "GNOME", wayland: "Wayland", x11: "X11" };

const DOINGS: Partial<Record<LendingView["standing"], Doing>> = { softened: "less", frozen: "still", packing: "back" };

/** What this machine does for others now, for the line over the rules. */
export function nowOf(view: LendingView): LendingNow {
  const does = DOINGS[view.standing] ?? (view.why_not === "" ? "lends" : "not");
  const source = view.senses.find(({ idle, missing }) => idle && missing === null);
  const keptBack: Partial<Record<Resource, number>> = {};
  if (view.graphics_until !== null) keptBack.graphics = view.graphics_until;
  if (view.network_until !== null) keptBack.network = view.network_until;
  return {
    does,
    sinceMs: null,
    reasons: does === "lends" ? [{ reason: forLending(view.rules.when) }] : against(view),
    idleSource: source === undefined ? null : (IDLE_SOURCES[source.sense] ?? source.sense),
    paused: view.drained ? "open" : view.paused_until,
    keptBack,
  };
}

function forLending({ kind }: LendingRules["when"]): "nobody_here" | "within_hours" | "always" | "dedicated" {
  if (kind === "dedicated" || kind === "always") return kind;
  return kind === "within" ? "within_hours" : "nobody_here";
}

/** Every reason against lending to others, once. */
function against({ objections, rules }: LendingView): Reason[] {
  const here = objections.filter(({ scope }) => scope === "everyone" || scope === "others");
  const first = here.filter((one, at) => here.findIndex(other => other.reason === one.reason) === at);
  return first.flatMap(one => reasonOf(one, rules));
}

function reasonOf({ reason, value, name, until }: ObjectionView, rules: LendingRules): Reason[] {
  const figure = value ?? 0;
  switch (reason) {
    case "paused":
    case "drained":
    case "idle_unknown":
    case "no_idle_source":
    case "inhibited":
    case "full_screen":
    case "memory_needed":
    case "metered":
    case "graphics_busy":
      return [{ reason }];
    case "paused_until":
      return [{ reason, untilMs: until ?? 0 }];
    case "outside_hours":
      return [{ reason, opensSecs: null }];
    case "hours_end":
      return [{ reason, leftSecs: figure }];
    case "in_use":
      return [{ reason, idleSecs: figure }];
    case "not_idle_yet":
      return [{ reason, idleSecs: figure, afterSecs: "after_secs" in rules.when ? rules.when.after_secs : 0 }];
    case "load":
      return [{ reason, share: figure }];
    case "memory_pressure":
      return [{ reason: "memory_needed" }];
    case "program":
      return [{ reason, name: name ?? "" }];
    case "battery":
      return [{ reason, charge: value }];
    case "hot":
      return [{ reason, celsius: figure }];
    case "disk_full":
      return [{ reason, freeBytes: figure }];
    // What is kept back has a line of its own.
    default:
      return [];
  }
}

/** The rules as the page shows them. */
export function policyOf({ when, never_while: never, limits, on_return, only_mine }: LendingRules): Policy {
  return {
    when: whenOf(when),
    neverWhile: {
      programs: never.programs,
      fullScreen: never.full_screen,
      onBattery: never.on_battery,
      graphicsBusy: never.graphics_busy,
      metered: never.metered,
    },
    limits: {
      coresSoftened: limits.cpus_in_use,
      memory: limits.memory,
      memorySoftened: limits.memory_in_use,
      graphics: limits.graphics,
      diskReserveBytes: limits.disk_reserve_bytes,
      cacheBytes: limits.cache_bytes,
      network: limits.network,
    },
    onReturn:
      on_return.kind === "finish"
        ? { onReturn: "finish", withinSecs: on_return.within_secs }
        : { onReturn: on_return.kind },
    onlyMine: only_mine,
  };
}

function whenOf(when: LendingRules["when"]): When {
  switch (when.kind) {
    case "dedicated":
    case "always":
      return { when: when.kind };
    case "idle":
      return { when: "idle", afterSecs: when.after_secs };
    case "within":
      return { when: "within", hours: when.hours };
    default:
      return { when: when.kind, afterSecs: when.after_secs, hours: when.hours };
  }
}

/** What the page changed, in the rules as they were: what it does not show stays. */
export function rulesOf(policy: Policy, before: LendingRules): LendingRules {
  const { when, neverWhile: never, limits, onReturn, onlyMine } = policy;
  return {
    ...before,
    when: rulesWhen(when),
    never_while: {
      ...before.never_while,
      programs: [...never.programs],
      full_screen: never.fullScreen,
      on_battery: never.onBattery,
      graphics_busy: never.graphicsBusy,
      metered: never.metered,
    },
    limits: {
      ...before.limits,
      cpus_in_use: limits.coresSoftened,
      memory: limits.memory,
      memory_in_use: limits.memorySoftened,
      graphics: limits.graphics,
      disk_reserve_bytes: limits.diskReserveBytes,
      cache_bytes: limits.cacheBytes,
      network: limits.network,
    },
    on_return:
      onReturn.onReturn === "finish"
        ? { kind: "finish", within_secs: onReturn.withinSecs }
        : { kind: onReturn.onReturn },
    only_mine: onlyMine,
  };
}

function rulesWhen(when: When): LendingRules["when"] {
  const week = (hours: readonly number[]): [number, number, number, number, number, number, number] => {
    const [mon = 0, tue = 0, wed = 0, thu = 0, fri = 0, sat = 0, sun = 0] = hours;
    return [mon, tue, wed, thu, fri, sat, sun];
  };
  switch (when.when) {
    case "dedicated":
    case "always":
      return { kind: when.when };
    case "idle":
      return { kind: "idle", after_secs: when.afterSecs };
    case "within":
      return { kind: "within", hours: week(when.hours) };
    default:
      return { kind: when.when, after_secs: when.afterSecs, hours: week(when.hours) };
  }
}

/** When it sleeps, as the page shows it. */
export function sleepOf({ keep_awake, sleep_after_secs, wake_for_work }: LendingRules): Sleep {
  return { keepAwake: keep_awake, afterSecs: sleep_after_secs, wakeForWork: wake_for_work };
}

/** The rules with another sleep. */
export function rulesWithSleep({ keepAwake, afterSecs, wakeForWork }: Sleep, before: LendingRules): LendingRules {
  return { ...before, keep_awake: keepAwake, sleep_after_secs: afterSecs, wake_for_work: wakeForWork };
}

/** Changes how this machine lends, as a step that can be taken back; a refusal is told in a toast, or to `refused`. */
export async function changeLending(
  grid: Pick<Grid, "wishes" | "undo" | "toasts">,
  label: string,
  to: LendingRequest,
  before: LendingRequest,
  tell: (view: LendingView) => void,
  refused?: (refusal: Refusal) => void,
): Promise<void> {
  const wish = async (request: LendingRequest): Promise<void> =>
    tell(await grid.wishes.make(RULES_KEY, { ask: "lending", ...request }));
  try {
    await wish(to);
    grid.undo.push({ label, undo: () => wish(before), redo: () => wish(to) });
    grid.toasts.done(label, { label: m.common_undo(), run: () => void grid.undo.undo() });
  } catch (thrown) {
    const refusal = Refusal.from(thrown);
    if (refused !== undefined) return refused(refusal);
    const { sentence, details } = problem(refusal);
    grid.toasts.problem(sentence, details);
  }
}
