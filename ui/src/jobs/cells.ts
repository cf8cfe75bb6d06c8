/** How the cells of a task grid lie: as many in a row as fit, all of one size. */
export interface Cells {
  count: number;
  /** Distance from one cell to the next, in pixels. */
  size: number;
  columns: number;
  rows: number;
}

/** From easy to read to a million on one screen; from 12 px on a cell has a glyph (ui-spec §4). */
const SIZES = [20, 16, 12, 9, 7, 5, 4];
export const GLYPH_SIZE = 12;

/** The largest cells with which everything fits, else the smallest: then the grid scrolls. */
export function layOut(count: number, width: number, height: number): Cells {
  for (const size of SIZES) {
    const cells = cellsOf(count, width, size);
    if (cells.rows * size <= height) return cells;
  }
  return cellsOf(count, width, SIZES.at(-1) ?? 4);
}

function cellsOf(count: number, width: number, size: number): Cells {
  const columns = Math.max(1, Math.floor(width / size));
  return { count, size, columns, rows: Math.ceil(count / columns) };
}

/** The cell at a point; −1 where there is none. */
export function cellAt({ count, size, columns }: Cells, x: number, y: number): number {
  const column = Math.floor(x / size);
  if (column < 0 || column >= columns || y < 0) return -1;
  const cell = Math.floor(y / size) * columns + column;
  return cell < count ? cell : -1;
}

/** Top left corner of a cell. */
export function cornerOf({ size, columns }: Cells, cell: number): [x: number, y: number] {
  return [(cell % columns) * size, Math.floor(cell / columns) * size];
}

/** Where a key goes from a cell; `null` for keys that mean nothing here. */
export function moveCell({ count, columns }: Cells, cell: number, key: string, page: number): number | null {
  const from = Math.max(0, cell);
  const rowStart = from - (from % columns);
  const wanted: Record<string, number> = {
    ArrowRight: cell < 0 ? 0 : from + 1,
    ArrowLeft: from - 1,
    ArrowDown: from + columns <= count - 1 ? from + columns : from,
    ArrowUp: from >= columns ? from - columns : from,
    PageDown: from + columns * page,
    PageUp: from - columns * page,
    Home: rowStart,
    End: rowStart + columns - 1,
  };
  const next = wanted[key];
  return next === undefined || count === 0 ? null : Math.min(count - 1, Math.max(0, next));
}

/** Rows that can be seen, `[first, end)`. */
export function rowsInSight({ size, rows }: Cells, top: number, height: number): [number, number] {
  return [Math.max(0, Math.floor(top / size)), Math.min(rows, Math.ceil((top + height) / size))];
}
