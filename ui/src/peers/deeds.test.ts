import { expect, it } from "vitest";

import { untilTomorrow } from "./deeds";

it("pauses until the next morning, and never for less than a night's sleep", () => {
  const hours = (time: string): number => untilTomorrow(new Date(`2026-11-25T${time}:00`)) / 3_600;
  expect(hours("18:00")).toBe(12);
  expect(hours("23:30")).toBe(6.5);
  expect(hours("01:00")).toBe(5);
  expect(hours("03:00")).toBe(27);
});
