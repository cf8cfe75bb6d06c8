import type { Appearance, Dropped, InvitationView, Quitting } from "~/bridge";
import { Stack } from "./stack.svelte";

/** What lies over the screen: one at a time. */
export type Sheet =
  { sheet: "submit"; dropped: Dropped | null; onlyOn: string | null } | { sheet: "pair"; link: string | null };

export type SheetOf<S extends Sheet["sheet"]> = Extract<Sheet, { sheet: S }>;

/** A screen that makes something else than a job of what is dropped. */
export interface Drops {
  /** Whether it takes what has these names; a browser says none before the drop. */
  takes: (names: readonly string[]) => boolean;
  /** What will happen, one line. */
  line: (names: readonly string[]) => string;
  take: (dropped: Dropped) => void;
}

/** One polite message in this time, so that a busy grid does not talk over everything (WCAG 4.1.3, ui-spec §13). */
const ANNOUNCE_EVERY_MS = 5_000;

/** The window around the screens: what it shows besides them, and what screens put into it. */
export class Chrome {
  /** The screen's title where it is more than the screen's name. */
  readonly titles = new Stack<string>();
  /** Takers of what is dropped; whoever came last is asked. */
  readonly drops = new Stack<Drops>();
  sheet = $state.raw<Sheet | null>(null);
  /** The last code that this window showed: the node says it once. */
  code = $state.raw<InvitationView | null>(null);
  /** Machines that ask to be let in and that are answered later, by `pairingKey`. */
  later = $state.raw<ReadonlySet<string>>(new Set());
  /** What the desktop says about its looks, where it says anything. */
  appearance = $state.raw<Appearance | null>(null);
  /** The question why nothing runs: of a job, or of whatever waits. */
  why = $state.raw<{ job: string | null } | null>(null);
  /** The question how to quit. */
  quitting = $state.raw<{ closing: boolean; last: Quitting } | null>(null);
  /** The screen alone, without side bar, inspector and strip. */
  maximised = $state(false);
  palette = $state(false);
  help = $state(false);
  /** What screen readers are told. */
  said = $state("");
  #next: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  openSubmit(dropped: Dropped | null, onlyOn: string | null = null): void {
    this.sheet = { sheet: "submit", dropped, onlyOn };
  }

  openPair(link: string | null = null): void {
    this.sheet = { sheet: "pair", link };
  }

  closeSheet(): void {
    this.sheet = null;
  }

  /** Tells screen readers something; the newest wins while one must wait. */
  announce(text: string): void {
    this.#next = text;
    if (this.#timer !== undefined) return;
    this.#say();
  }

  #say(): void {
    if (this.#next === null) {
      this.#timer = undefined;
      return;
    }
    this.said = this.#next;
    this.#next = null;
    this.#timer = setTimeout(() => this.#say(), ANNOUNCE_EVERY_MS);
  }
}
