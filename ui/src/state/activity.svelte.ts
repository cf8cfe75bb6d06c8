import type { Notice } from "~/bridge";

/** Notices kept: some hours of a busy grid in a few hundred kilobytes. */
export const KEPT_NOTICES = 1_000;

/** What people were told, newest first: live, and older pages as far as somebody asked for them. */
export class Activity {
  told = $state.raw<readonly Notice[]>([]);

  /** Adds notices in any order; those that are there already change nothing. */
  add(notices: readonly Notice[]): void {
    const known = new Set(this.told.map(notice => notice.id));
    const fresh = notices.filter(notice => !known.has(notice.id));
    if (fresh.length === 0) return;
    this.told = [...fresh, ...this.told].sort((a, b) => b.id - a.id).slice(0, KEPT_NOTICES);
  }
}
