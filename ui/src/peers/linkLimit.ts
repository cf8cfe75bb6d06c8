import { Refusal, type LinkView } from "~/bridge";
import type { Grid } from "~/state";
import { isolate, m, problem } from "~/text";
import { linkKey, machineName } from "./links";

/** Limits what goes over a link of this machine, in bytes a second, as a step that can be taken back. */
export async function limitLink(grid: Grid, link: LinkView, limit: number | null): Promise<void> {
  const machine = link.from === grid.thisMachine?.id ? link.peer : link.from;
  const before = link.limit_bytes_per_sec ?? null;
  const wish = async (bytes_per_sec: number | null): Promise<void> =>
    void (await grid.wishes.make(`${linkKey(link.from, link.peer)}.limit`, {
      ask: "link_limit",
      machine,
      bytes_per_sec,
    }));
  try {
    await wish(limit);
    const label = m.machine_link_limited({ name: isolate(machineName(grid, machine)) });
    grid.undo.push({ label, undo: () => wish(before), redo: () => wish(limit) });
    grid.toasts.done(label, { label: m.common_undo(), run: () => void grid.undo.undo() });
  } catch (thrown) {
    const { sentence, details } = problem(Refusal.from(thrown));
    grid.toasts.problem(sentence, details);
  }
}
