/** The hours of a week that are open: for each day from Monday on, a bit for each of its 24 hours. */
export type Hours = readonly number[];

export const DAYS = 7;
export const HOURS_OF_DAY = 24;
const DAY = (1 << HOURS_OF_DAY) - 1;

/** An hour of the week. */
export interface Cell {
  /** 0 is Monday. */
  day: number;
  hour: number;
}

export const NONE: Hours = Array.from({ length: DAYS }, () => 0);
export const ALL: Hours = NONE.map(() => DAY);
/** From seven in the evening to seven in the morning, and the whole weekend. */
export const NIGHTS: Hours = NONE.map((_, day) => (day >= 5 ? DAY : span(0, 7) | span(19, 24)));

function span(from: number, until: number): number {
  let bits = 0;
  for (let hour = from; hour < until; hour += 1) bits |= 1 << hour;
  return bits;
}

export function isOpen(hours: Hours, { day, hour }: Cell): boolean {
  return (((hours[day] ?? 0) >> hour) & 1) === 1;
}

export function isEmpty(hours: Hours): boolean {
  return hours.every(day => day === 0);
}

/** Opens or closes every hour of the rectangle between two cells. */
export function paint(hours: Hours, from: Cell, to: Cell, open: boolean): Hours {
  const [first, last] = [Math.min(from.day, to.day), Math.max(from.day, to.day)];
  const bits = span(Math.min(from.hour, to.hour), Math.max(from.hour, to.hour) + 1);
  return hours.map((day, at) => (at < first || at > last ? day : open ? day | bits : day & ~bits));
}

/** A whole day, or an hour of all days: opened, or closed where all of it is open. */
export function toggle(hours: Hours, part: { day: number } | { hour: number }): Hours {
  const from = "day" in part ? { day: part.day, hour: 0 } : { day: 0, hour: part.hour };
  const to = "day" in part ? { day: part.day, hour: HOURS_OF_DAY - 1 } : { day: DAYS - 1, hour: part.hour };
  const opened = paint(hours, from, to, true);
  return opened.every((day, at) => day === hours[at]) ? paint(hours, from, to, false) : opened;
}

/** The cell that a key leads to; it stays at the edges. */
export function moved({ day, hour }: Cell, key: string, isRtl: boolean): Cell | null {
  const step = isRtl ? -1 : 1;
  const to: Record<string, Cell> = {
    ArrowUp: { day: day - 1, hour },
    ArrowDown: { day: day + 1, hour },
    ArrowRight: { day, hour: hour + step },
    ArrowLeft: { day, hour: hour - step },
    Home: { day, hour: 0 },
    End: { day, hour: HOURS_OF_DAY - 1 },
  };
  const next = to[key];
  if (next === undefined) return null;
  const within = (at: number, count: number): number => Math.min(count - 1, Math.max(0, at));
  return { day: within(next.day, DAYS), hour: within(next.hour, HOURS_OF_DAY) };
}

/** Stretches of open hours in a day, the end not included. */
export function stretches(day: number): [from: number, until: number][] {
  const found: [number, number][] = [];
  for (let hour = 0; hour < HOURS_OF_DAY; hour += 1) {
    if (((day >> hour) & 1) === 0) continue;
    const last = found.at(-1);
    if (last?.[1] === hour) last[1] = hour + 1;
    else found.push([hour, hour + 1]);
  }
  return found;
}

/** Neighbouring days with the same hours, for words. */
export function alike(hours: Hours): { first: number; last: number; hours: number }[] {
  const groups: { first: number; last: number; hours: number }[] = [];
  hours.forEach((day, at) => {
    const last = groups.at(-1);
    if (last?.hours === day) last.last = at;
    else groups.push({ first: at, last: at, hours: day });
  });
  return groups;
}
