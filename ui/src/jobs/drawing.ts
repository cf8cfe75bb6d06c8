import type { TaskState } from "~/bridge";
import { TASK_STATES } from "~/state";
import { GLYPH_SIZE } from "./cells";
import { taskLook } from "./jobs";

/** How a state's cell is filled where there is no room for a glyph: the pattern tells states apart without colour. */
type Fill = "full" | "hollow" | "dot" | "cut" | "half";

const FILLS: Record<TaskState, Fill> = {
  waiting: "dot",
  held: "hollow",
  ready: "hollow",
  leased: "half",
  running: "half",
  frozen: "half",
  done: "full",
  failed: "cut",
  skipped: "dot",
  cancelled: "dot",
  lost: "hollow",
};

/** Marks in a square of 12, as `parts/Glyph` draws them. */
const MARKS: Record<TaskState, string> = {
  waiting: "M6 3.5V6l1.6 1.1",
  held: "M4.7 4v4M7.3 4v4",
  ready: "M6 3.5V6l1.6 1.1",
  leased: "M6 4.8a1.2 1.2 0 1 0 .01 0",
  running: "M4.8 3.6v4.8L8.4 6z",
  frozen: "M6 3a1.3 1.3 0 1 0 .01 0M3.6 9c.2-1.6 1.1-2.4 2.4-2.4S8.2 7.4 8.4 9",
  done: "M3.6 6.2 5.2 7.8 8.4 4.3",
  failed: "M4 4l4 4m0-4L4 8",
  skipped: "M4 4l2.4 2L4 8M8 4v4",
  cancelled: "M4.4 4.4h3.2v3.2H4.4z",
  lost: "M3.5 6h4.6M6.5 4.4 8.2 6 6.5 7.6",
};

const PATHS = new Map<TaskState, Path2D>();

function markOf(state: TaskState): Path2D {
  const path = PATHS.get(state) ?? new Path2D(MARKS[state]);
  PATHS.set(state, path);
  return path;
}

/** The colours of the theme, read once for each drawing. */
export function themeColours(): { of: (state: TaskState) => string; ground: string; accent: string } {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    of: state => token(taskLook(state).tone),
    ground: token("bg"),
    accent: token("accent"),
  };
}

/** Draws cells of one state: `corners` holds x and y of each. */
export function drawCells(
  context: CanvasRenderingContext2D,
  state: TaskState,
  corners: readonly number[],
  size: number,
  colour: string,
  ground: string,
): void {
  const side = size > 5 ? size - 2 : size - 1;
  const fill = FILLS[state];
  context.fillStyle = colour;
  context.beginPath();
  for (let at = 0; at < corners.length; at += 2) addCell(context, corners[at]!, corners[at + 1]!, side, fill, size);
  context.fill("evenodd");
  if (size < GLYPH_SIZE) return;
  const mark = markOf(state);
  const scale = side / 12;
  context.strokeStyle = fill === "full" || fill === "cut" || fill === "half" ? ground : colour;
  context.lineWidth = 1.5;
  context.lineCap = "round";
  context.lineJoin = "round";
  for (let at = 0; at < corners.length; at += 2) {
    context.save();
    context.translate(corners[at]!, corners[at + 1]!);
    context.scale(scale, scale);
    context.stroke(mark);
    context.restore();
  }
}

/** With a glyph a cell is full or a frame; without one its pattern speaks. Holes come from the even-odd rule. */
function addCell(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  side: number,
  fill: Fill,
  size: number,
): void {
  context.rect(x, y, side, side);
  const isFull = fill === "full" || fill === "cut" || fill === "half";
  if (size >= GLYPH_SIZE) {
    if (!isFull) context.rect(x + 1, y + 1, side - 2, side - 2);
    return;
  }
  const third = Math.max(1, Math.floor(side / 3));
  if (fill === "hollow") context.rect(x + 1, y + 1, side - 2, side - 2);
  else if (fill === "half") context.rect(x + third, y + third, side - 2 * third, side - 2 * third);
  else if (fill === "cut") context.rect(x, y + third, side, third);
  else if (fill === "dot") {
    context.rect(x, y, side, side);
    context.rect(x + third, y + third, side - 2 * third, side - 2 * third);
  }
}

/** Corners of the cells in sight, by state. */
export function sortByState(
  states: Uint8Array,
  first: number,
  end: number,
  cornerOf: (cell: number) => [number, number],
): Map<TaskState, number[]> {
  const corners = new Map<TaskState, number[]>();
  for (let cell = first; cell < end; cell += 1) {
    const state = TASK_STATES[states[cell] ?? 0] ?? "waiting";
    const list = corners.get(state) ?? [];
    if (list.length === 0) corners.set(state, list);
    list.push(...cornerOf(cell));
  }
  return corners;
}
