import type { Notice, Stamp } from "~/bridge";

/** A notice with the time at which this window heard it. */
export interface Told extends Notice {
  id: number;
  at: Stamp;
}

/** Notices kept: some hours of a busy grid in a few hundred kilobytes. */
export const KEPT_NOTICES = 1_000;

/** What people were told since the window opened, newest first. */
export class Activity {
  told = $state.raw<readonly Told[]>([]);
  private last = 0;

  add(notices: readonly Notice[], at: Stamp): void {
    if (notices.length === 0) return;
    const fresh = notices.map(notice => ({ ...notice, at, id: ++this.last })).reverse();
    this.told = [...fresh, ...this.told].slice(0, KEPT_NOTICES);
  }
}
