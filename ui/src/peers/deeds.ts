import { Refusal } from "~/bridge";
import type { Grid } from "~/state";
import { m, problem } from "~/text";

/** The wish that changes this machine's lending; buttons show it as pending under this key. */
export const LEND_KEY = "set.lend";

/** Lets this machine lend, or not, and offers to take it back. */
export async function setLending(grid: Grid, lend: boolean): Promise<void> {
  const change = (value: boolean): Promise<unknown> => grid.wishes.make(LEND_KEY, { ask: "set", lend: value });
  try {
    await change(lend);
    const label = lend ? m.shell_lending_resumed() : m.shell_lending_paused();
    const step = { label, undo: async () => void (await change(!lend)), redo: async () => void (await change(lend)) };
    grid.undo.push(step);
    grid.toasts.done(label, { label: m.common_undo(), run: () => void grid.undo.undo() });
  } catch (thrown) {
    const { sentence, details } = problem(Refusal.from(thrown));
    grid.toasts.problem(sentence, details);
  }
}
