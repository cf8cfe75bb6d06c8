import type { Bar, JobId } from "~/bridge";

/** Colours that stay apart for colour-blind eyes: `--job-1` … in `styles/tokens.css`. */
const COLOURS = 8;

export interface Ink {
  token: string;
  /** From the ninth job on colours come again, hatched. */
  hatched: boolean;
}

/** A colour for each job, by when it first ran, so that a job keeps its own while others follow. */
export function jobInks(bars: readonly Bar[]): Map<JobId, Ink> {
  const inks = new Map<JobId, Ink>();
  for (const { job } of bars) {
    if (inks.has(job)) continue;
    const nth = inks.size;
    inks.set(job, { token: `job-${(nth % COLOURS) + 1}`, hatched: Math.floor(nth / COLOURS) % 2 === 1 });
  }
  return inks;
}
