import type { JobDetail } from "~/bridge";
import { TASK_STATES, total, type TaskColumns } from "~/state";

const DONE = TASK_STATES.indexOf("done");

/** The rows whose pictures make the filmstrip: the step with most tasks. */
export function frameRows(detail: JobDetail, columns: TaskColumns): [start: number, end: number] {
  let most = 0;
  detail.steps.forEach((step, at) => {
    if (total(step.counts) > total(detail.steps[most]?.counts ?? step.counts)) most = at;
  });
  return columns.rowsOf(most);
}

/** The next row from `from` on that has a picture, in one direction; −1 when there is none. */
export function nextPicture(states: Uint8Array, from: number, step: 1 | -1, start: number, end: number): number {
  for (let row = from; row >= start && row < end; row += step) if (states[row] === DONE) return row;
  return -1;
}

/** Items of a strip that can be seen, with some on both sides: `[first, end)`. */
export function inSight(count: number, item: number, left: number, width: number, beside: number): [number, number] {
  const first = Math.max(0, Math.floor(left / item) - beside);
  return [Math.min(first, count), Math.min(count, Math.ceil((left + width) / item) + beside)];
}
