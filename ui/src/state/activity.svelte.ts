import type { Notice } from "~/bridge";

/** Notices kept of what is told live: some hours of a busy grid in a few hundred kilobytes. */
export const KEPT_NOTICES = 1_000;

/** What people were told, newest first: live, and older pages as far as somebody asked for them. */
export class Activity {
  told = $state.raw<readonly Notice[]>([]);
  #room = KEPT_NOTICES;

  /** Adds notices in any order; those that are there already change nothing. */
  add(notices: readonly Notice[]): void {
    const known = new Set(this.told.map(notice => notice.id));
    const fresh = notices.filter(notice => !known.has(notice.id));
    if (fresh.length === 0) return;
    this.told = [...fresh, ...this.told].sort((a, b) => b.id - a.id).slice(0, this.#room);
  }

  /** Adds a page that somebody asked for: what is told live does not push it out. */
  addOlder(page: readonly Notice[]): void {
    this.#room += page.length;
    this.add(page);
  }

  /** Begins anew with the newest page: between it and what was told before, something may be missing. */
  renew(page: readonly Notice[]): void {
    const newest = page[0]?.id ?? -Infinity;
    this.told = this.told.filter(notice => notice.id > newest);
    this.#room = KEPT_NOTICES;
    this.add(page);
  }
}
