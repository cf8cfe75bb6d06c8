import type { Clock } from "./clock";

/** Something to do about what a toast says. */
export interface ToastAction {
  label: string;
  run: () => void;
}

/** A short message that goes by itself; everything in it is also in Activity. */
export interface Toast {
  id: number;
  tone: "done" | "note" | "problem";
  message: string;
  /** A second line: the next step, or details. */
  details: string;
  actions: readonly ToastAction[];
}

/** How long a toast stays (ui-spec §6); problems stay until they are dismissed. */
export const TOAST_MS = 8_000;
/** More at once could not be read; the oldest goes. */
const MOST = 3;

export class Toasts {
  shown = $state.raw<readonly Toast[]>([]);
  private last = 0;
  private readonly timers = new Map<number, () => void>();

  constructor(private readonly clock: Clock) {}

  done(message: string, ...actions: ToastAction[]): number {
    return this.show({ tone: "done", message, details: "", actions });
  }

  /** Nothing was done, and nothing is wrong. */
  note(message: string): number {
    return this.show({ tone: "note", message, details: "", actions: [] });
  }

  problem(message: string, details = "", actions: readonly ToastAction[] = []): number {
    return this.show({ tone: "problem", message, details, actions });
  }

  dismiss(id: number): void {
    this.timers.get(id)?.();
    this.timers.delete(id);
    this.shown = this.shown.filter(toast => toast.id !== id);
  }

  /** Stops the time while a toast is read. */
  pause(): void {
    for (const stop of this.timers.values()) stop();
    this.timers.clear();
  }

  /** Gives every toast its whole time again. */
  resume(): void {
    for (const toast of this.shown) this.startTimer(toast);
  }

  private show(said: Omit<Toast, "id">): number {
    const toast = { ...said, id: ++this.last };
    const tooMany = this.shown.length - MOST + 1;
    for (const old of this.shown.slice(0, Math.max(0, tooMany))) this.dismiss(old.id);
    this.shown = [...this.shown, toast];
    this.startTimer(toast);
    return toast.id;
  }

  private startTimer(toast: Toast): void {
    if (toast.tone === "problem" || this.timers.has(toast.id)) return;
    this.timers.set(
      toast.id,
      this.clock.after(TOAST_MS, () => this.dismiss(toast.id)),
    );
  }
}
