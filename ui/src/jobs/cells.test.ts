import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { cellAt, cornerOf, layOut, moveCell, rowsInSight } from "./cells";

describe("the cells of a task grid", () => {
  it("are large while they fit", () => {
    expect(layOut(40, 400, 200)).toMatchObject({ size: 20, columns: 20, rows: 2 });
  });

  it("shrink to four pixels and then scroll", () => {
    const cells = layOut(1_000_000, 1_000, 400);
    expect(cells).toMatchObject({ size: 4, columns: 250, rows: 4_000 });
    expect(rowsInSight(cells, 800, 400)).toEqual([200, 300]);
  });

  it("are where they are drawn", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200_000 }),
        fc.integer({ min: 1, max: 2_000 }),
        fc.nat(),
        (count, width, some) => {
          const cells = layOut(count, width, 300);
          const cell = some % count;
          const [x, y] = cornerOf(cells, cell);
          expect(cellAt(cells, x + 1, y + 1)).toBe(cell);
        },
      ),
    );
  });

  it("have none beside and below", () => {
    const cells = layOut(3, 40, 100);
    expect(cellAt(cells, 41, 0)).toBe(-1);
    expect(cellAt(cells, -1, 0)).toBe(-1);
    expect(cellAt(cells, 21, 21)).toBe(-1);
  });

  it("are reached by keys and never left", () => {
    const cells = layOut(25, 200, 200);
    expect(cells.columns).toBe(10);
    expect(moveCell(cells, -1, "ArrowRight", 5)).toBe(0);
    expect(moveCell(cells, 9, "ArrowDown", 5)).toBe(19);
    expect(moveCell(cells, 19, "ArrowDown", 5)).toBe(19);
    expect(moveCell(cells, 12, "Home", 5)).toBe(10);
    expect(moveCell(cells, 22, "End", 5)).toBe(24);
    expect(moveCell(cells, 3, "PageDown", 5)).toBe(24);
    expect(moveCell(cells, 3, "x", 5)).toBeNull();
  });
});
