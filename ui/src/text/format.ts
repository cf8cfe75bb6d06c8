import { locale } from "./locale.svelte";
import { isolate } from "./names";
import { m } from "./paraglide/messages.js";

// Intl objects cost about 50 µs each; a list of a thousand rows shares one for each locale and shape.
const numbers = new Map<string, Intl.NumberFormat>();
const dates = new Map<string, Intl.DateTimeFormat>();

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return cached(numbers, options, () => new Intl.NumberFormat(locale(), options));
}

function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return cached(dates, options, () => new Intl.DateTimeFormat(locale(), options));
}

function cached<Format>(cache: Map<string, Format>, options: object, make: () => Format): Format {
  const key = locale() + JSON.stringify(options);
  const found = cache.get(key) ?? make();
  cache.set(key, found);
  return found;
}

/** `1,234.5`: at most so many digits behind the point. */
export function number(value: number, digits = 0): string {
  return numberFormat({ maximumFractionDigits: digits }).format(value);
}

/** `1234.5`: a number as people type it into a field, with the mark that their language has for fractions. */
export function typed(value: number): string {
  return numberFormat({ useGrouping: false, maximumFractionDigits: 6 }).format(value);
}

/** A share of 1 as `46 %`. Never 100 % before the end, never 0 % after the start. */
export function percent(share: number): string {
  const whole = Math.round(share * 100);
  const honest = share >= 1 ? 100 : share <= 0 ? 0 : Math.min(99, Math.max(1, whole));
  return m.unit_percent({ n: number(honest) });
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** Decimal sizes: `999 B`, `1.5 MB`, `24 GB`. */
export function bytes(size: number): string {
  let value = Math.max(0, size);
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  return m.unit_bytes({ n: number(value, digits), unit: BYTE_UNITS[unit] ?? "TB" });
}

/** An amount of energy: `340 J`, `12 Wh`, `0.42 kWh`. */
export function energy(joules: number): string {
  const wattHours = Math.max(0, joules) / 3_600;
  if (wattHours < 1) return m.unit_energy({ n: number(Math.max(0, joules), joules < 9.95 ? 1 : 0), unit: "J" });
  if (wattHours < 99.5) return m.unit_energy({ n: number(wattHours, wattHours < 9.95 ? 1 : 0), unit: "Wh" });
  return m.unit_energy({ n: number(wattHours / 1_000, wattHours < 9_950 ? 2 : 0), unit: "kWh" });
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(secs: number): string {
  const whole = Math.floor(Math.max(0, secs));
  if (secs < 9.95) return m.unit_secs({ n: number(Math.max(0, secs), 1) });
  if (whole < 60) return m.unit_secs({ n: number(whole) });
  if (whole < 3_600) {
    return whole % 60 === 0
      ? m.unit_min({ n: number(whole / 60) })
      : m.unit_min_secs({ min: number(Math.floor(whole / 60)), secs: number(whole % 60) });
  }
  return coarse(whole);
}

/** Like `duration`, for estimates: no seconds above a minute. */
function coarse(secs: number): string {
  const minutes = Math.round(secs / 60);
  if (minutes < 60) return m.unit_min({ n: number(Math.max(1, minutes)) });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) {
    return minutes % 60 === 0
      ? m.unit_hours({ n: number(hours) })
      : m.unit_hours_min({ hours: number(hours), min: number(minutes % 60) });
  }
  const days = number(Math.floor(hours / 24));
  return hours % 24 === 0 ? m.unit_days({ n: days }) : m.unit_days_hours({ days, hours: number(hours % 24) });
}

/** `12 min left`. */
export function timeLeft(secs: number): string {
  return secs < 60 ? m.unit_left_under_min() : m.unit_left({ time: coarse(secs) });
}

/** A round trip: `0.4 ms`, `38 ms`. */
export function roundTrip(ms: number): string {
  return m.unit_ms({ n: number(ms, ms < 9.95 ? 1 : 0) });
}

/** `3 min ago`; a clock of another machine may be ahead, which counts as now. */
export function ago(stamp: number, now: number): string {
  const secs = (now - stamp) / 1000;
  return secs < 45 ? m.unit_just_now() : m.unit_ago({ time: coarse(secs) });
}

/** 12 or 24 hours as the system does, in whatever language the window speaks. */
const HOURS = new Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions().hourCycle;

function timeFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return dateFormat(HOURS === undefined ? options : { ...options, hourCycle: HOURS });
}

/** The time of day: `14:02:10`. */
export function clock(stamp: number): string {
  return timeFormat({ hour: "numeric", minute: "2-digit", second: "2-digit" }).format(stamp);
}

/** The time of day without seconds: `14:02`. */
export function time(stamp: number): string {
  return timeFormat({ hour: "numeric", minute: "2-digit" }).format(stamp);
}

/** The time today, else with its date. */
export function when(stamp: number, now: number): string {
  const today = new Date(stamp).toDateString() === new Date(now).toDateString();
  if (today) return time(stamp);
  return timeFormat({ day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }).format(stamp);
}

/** `240 frames`, `1 task`: what the job calls its tasks. */
export function tasks(count: number, word: string): string {
  const numbers = { count, n: number(count) };
  return word === "frame" ? m.unit_frames(numbers) : m.unit_tasks(numbers);
}

/** `mill, forge and 3 more`: the first few names. */
export function some(names: readonly string[], most: number): string {
  const [shown, left] = [names.slice(0, most).map(isolate), names.length - most];
  return new Intl.ListFormat(locale()).format(left > 0 ? [...shown, m.unit_more({ n: number(left) })] : shown);
}

/** `Over mill and forge`: the machines on a way, in order; empty where there is none. */
export function over(names: readonly string[]): string {
  return names.length === 0 ? "" : m.common_over({ names: new Intl.ListFormat(locale()).format(names.map(isolate)) });
}

export function machines(count: number): string {
  return m.unit_machines({ count, n: number(count) });
}

export function jobs(count: number): string {
  return m.unit_jobs({ count, n: number(count) });
}

export function files(count: number): string {
  return m.unit_files({ count, n: number(count) });
}

export function cores(count: number): string {
  return m.unit_cores({ count, n: number(count, 1) });
}

/** A day of the week, 0 is Monday: `Mon`, `Monday`. */
export function weekday(day: number, length: "short" | "long"): string {
  // A Monday.
  return dateFormat({ weekday: length, timeZone: "UTC" }).format(Date.UTC(2024, 0, 1 + day));
}

/** An hour of the day: `9 AM`, `09`. The end of the day is its hour 24, which clocks call 0. */
export function hour(hour: number): string {
  return dateFormat({ hour: "numeric", timeZone: "UTC" }).format(Date.UTC(2024, 0, 1, hour));
}
