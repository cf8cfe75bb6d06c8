import { Refusal, type SetRequest } from "~/bridge";
import type { Grid } from "~/state";
import { m, problem } from "~/text";

/** The wish that changes this machine's lending; buttons show it as pending under this key. */
export const LEND_KEY = "set.lend";

/** A night's sleep: "until tomorrow" is never sooner. */
const NIGHT_MS = 4 * 3_600_000;
const MORNING_HOUR = 6;

/** Takes nothing new for so many seconds, or until somebody says otherwise. */
export function pauseFor(grid: Grid, secs: number | null): Promise<void> {
  const pause: SetRequest = secs === null ? { lend: false } : { pause_secs: secs };
  return change(grid, m.shell_lending_paused(), pause, LENDS);
}

export function resume(grid: Grid): Promise<void> {
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

const LENDS: SetRequest = { lend: true, pause_secs: 0 };

async function change(grid: Grid, label: string, to: SetRequest, from: SetRequest): Promise<void> {
  const wish = (request: SetRequest): Promise<unknown> => grid.wishes.make(LEND_KEY, { ask: "set", ...request });
  try {
    await wish(to);
    const step = { label, undo: async () => void (await wish(from)), redo: async () => void (await wish(to)) };
    grid.undo.push(step);
    grid.toasts.done(label, { label: m.common_undo(), run: () => void grid.undo.undo() });
  } catch (thrown) {
    const { sentence, details } = problem(Refusal.from(thrown));
    grid.toasts.problem(sentence, details);
  }
}
