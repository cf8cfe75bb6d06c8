/** A stretch of time in milliseconds since 1970. */
export interface Range {
  from: number;
  to: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map(n => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map(n => n * MINUTE),
  ...[1, 2, 3, 6, 12, 24, 48, 168].map(n => n * HOUR),
];
/** Room a time of day needs beside the next one. */
const TICK_PIXELS = 96;

/** Moments to name below the bars: round ones, as many as have room. `offset` is the time zone's, in ms. */
export function ticks(range: Range, width: number, offset = 0): number[] {
  const wanted = ((range.to - range.from) / Math.max(1, width)) * TICK_PIXELS;
  const step = STEPS.find(each => each >= wanted) ?? Math.ceil(wanted / (24 * HOUR)) * 24 * HOUR;
  const found: number[] = [];
  for (let at = Math.ceil((range.from + offset) / step) * step - offset; at <= range.to; at += step) found.push(at);
  return found;
}

/** The time zone's distance from UTC at a moment, in ms: round times of people are round there. */
export function zoneOffset(at: number): number {
  return -new Date(at).getTimezoneOffset() * MINUTE;
}

/** Values at equal distances; `null` where nothing is known. */
export type Values = readonly (number | null)[];

export interface Series {
  /** When the first value begins. */
  from: number;
  /** How long each value stands for, in ms. */
  every: number;
  values: Values;
}

/** Puts values together into stretches of `wide` ms that begin at round times. What is not known is left out of them. */
export function gathered({ from, every, values }: Series, wide: number, how: "mean" | "sum", offset = 0): Series {
  const start = Math.floor((from + offset) / wide) * wide - offset;
  const sums: number[] = [];
  const counts: number[] = [];
  values.forEach((value, at) => {
    const into = Math.floor((from + at * every - start) / wide);
    sums[into] = (sums[into] ?? 0) + (value ?? 0);
    counts[into] = (counts[into] ?? 0) + Number(value !== null);
  });
  const gatheredValues = Array.from(sums, (sum, at) => {
    const count = counts[at] ?? 0;
    if (count === 0) return null;
    return how === "sum" ? sum : sum / count;
  });
  return { from: start, every: wide, values: gatheredValues };
}

/** Where nothing is known: `[first, end)` of each stretch. */
export function gaps(values: Values): [number, number][] {
  const found: [number, number][] = [];
  values.forEach((value, at) => {
    const last = found.at(-1);
    if (value !== null) return;
    if (last !== undefined && last[1] === at) last[1] = at + 1;
    else found.push([at, at + 1]);
  });
  return found;
}

/** The next number of few tens, hundreds, …: the top of a scale that people can read. */
export function roundUp(value: number): number {
  if (value <= 1) return 1;
  const tens = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10].map(step => step * tens).find(step => step >= value) ?? value;
}
