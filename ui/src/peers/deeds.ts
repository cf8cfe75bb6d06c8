import Bell from "@lucide/svelte/icons/bell";
import BellOff from "@lucide/svelte/icons/bell-off";

import { Refusal, type Leaning, type MachineView, type SetRequest } from "~/bridge";
import type { MenuItem } from "~/parts/menu";
import type { Grid } from "~/state";
import { format, isolate, m, problem } from "~/text";

/** The wish that changes this machine's lending; buttons show it as pending under this key. */
export const LEND_KEY = "set.lend";
/** The same for its name and labels. */
export const SET_KEY = "set.machine";

/** True while its owner pauses this machine, also while it still finishes tasks. */
export function isPaused({ state, standing, paused_until }: MachineView): boolean {
  return state === "paused" || standing === "paused" || standing === "draining" || paused_until !== null;
}

/** A night's sleep: "until tomorrow" is never sooner. */
const NIGHT_MS = 4 * 3_600_000;
const MORNING_HOUR = 6;

/** Takes nothing new for so many seconds, or until somebody says otherwise. */
export function pauseFor(grid: Grid, secs: number | null): Promise<boolean> {
  const pause: SetRequest = secs === null ? { lend: false } : { pause_secs: secs };
  return change(grid, m.shell_lending_paused(), pause, LENDS);
}

export function resume(grid: Grid): Promise<boolean> {
  const left = grid.thisMachine?.paused_until ?? null;
  const before: SetRequest =
    left === null ? { lend: false } : { pause_secs: Math.max(1, Math.round((left - Date.now()) / 1_000)) };
  return change(grid, m.shell_lending_resumed(), LENDS, before);
}

/** Seconds until the next morning. */
export function untilTomorrow(now: Date): number {
  const morning = new Date(now);
  morning.setHours(MORNING_HOUR, 0, 0, 0);
  while (morning.getTime() - now.getTime() < NIGHT_MS) morning.setDate(morning.getDate() + 1);
  return Math.round((morning.getTime() - now.getTime()) / 1_000);
}

/** What a person can do to stop lending for a while. */
export function pauses(grid: Grid): MenuItem[] {
  const blocked = grid.stale ? m.shell_unavailable_stale() : null;
  return [
    { id: "pause.hour", label: m.shell_pause_hour(), blocked, run: () => void pauseFor(grid, 3_600) },
    {
      id: "pause.tomorrow",
      label: m.shell_pause_tomorrow(),
      blocked,
      run: () => void pauseFor(grid, untilTomorrow(new Date())),
    },
    { id: "pause.open", label: m.shell_pause_until_resume(), blocked, run: () => void pauseFor(grid, null) },
  ];
}

export function rename(grid: Grid, name: string): Promise<boolean> {
  const before = grid.thisMachine?.name ?? name;
  return change(grid, m.machines_renamed({ name: isolate(name) }), { name }, { name: before }, SET_KEY);
}

/** Sets a label of this machine, or takes it away with `null`. */
export function relabel(grid: Grid, name: string, value: string | null): Promise<boolean> {
  const before = grid.thisMachine?.labels[name] ?? null;
  return change(
    grid,
    m.machine_labels_changed(),
    { labels: { [name]: value } },
    { labels: { [name]: before } },
    SET_KEY,
  );
}

/** Prefers machines for the jobs that start here, keeps work off them, or treats them as all others again with `null`. */
export function lean(grid: Grid, machines: readonly MachineView[], leaning: Leaning | null): Promise<boolean> {
  const wish = (of: (machine: MachineView) => Leaning | null): SetRequest => ({
    leanings: Object.fromEntries(machines.map(machine => [machine.id, of(machine)])),
  });
  const [first] = machines;
  const who = machines.length === 1 && first !== undefined ? isolate(first.name) : format.machines(machines.length);
  return change(
    grid,
    LEANT[leaning ?? "none"]({ who }),
    wish(() => leaning),
    wish(machine => machine.leaning ?? null),
    SET_KEY,
  );
}

/** What a key or a menu asks of machines: the same a second time takes it back. */
export function toggleLeaning(grid: Grid, machines: readonly MachineView[], leaning: Leaning): Promise<boolean> {
  return lean(grid, machines, machines.every(machine => machine.leaning === leaning) ? null : leaning);
}

/** Asks to be told once a machine is back, or takes that back. */
export function awaitBack(grid: Grid, { id, name }: MachineView, on: boolean): Promise<boolean> {
  const label = (on ? m.machines_awaited : m.machines_awaited_no_more)({ name: isolate(name) });
  return change(grid, label, { awaited: { [id]: on } }, { awaited: { [id]: !on } }, SET_KEY);
}

/** The same as an entry of a menu; nothing for a machine that is there. */
export function awaiting(grid: Grid, machine: MachineView): MenuItem[] {
  if (machine.online) return [];
  const on = machine.awaited !== true;
  const label = (on ? m.machines_await : m.machines_await_no_more)({ name: isolate(machine.name) });
  const blocked = grid.stale ? m.shell_unavailable_stale() : null;
  return [{ id: "await", label, icon: on ? Bell : BellOff, blocked, run: () => void awaitBack(grid, machine, on) }];
}

const LEANT = {
  prefer: m.machines_preferred,
  keep_off: m.machines_kept_off,
  none: m.machines_not_leant,
};

const LENDS: SetRequest = { lend: true, pause_secs: 0 };

/** Changes this machine, says so and offers to take it back. Problems are told; then it returns false. */
export async function change(
  grid: Grid,
  label: string,
  to: SetRequest,
  from: SetRequest,
  key: string = LEND_KEY,
): Promise<boolean> {
  const wish = (request: SetRequest): Promise<unknown> => grid.wishes.make(key, { ask: "set", ...request });
  try {
    await wish(to);
    const step = { label, undo: async () => void (await wish(from)), redo: async () => void (await wish(to)) };
    grid.undo.push(step);
    grid.toasts.done(label, { label: m.common_undo(), run: () => void grid.undo.undo() });
    return true;
  } catch (thrown) {
    const { sentence, details } = problem(Refusal.from(thrown));
    grid.toasts.problem(sentence, details);
    return false;
  }
}
