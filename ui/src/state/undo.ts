/** One thing that can be taken back: what it is called, and how to go either way. */
export interface Step {
  /** For people: "Link pinned". */
  label: string;
  /** With `anyway` also what somebody changed since. */
  undo(anyway: boolean): Promise<void>;
  redo(): Promise<void>;
}

/** Most steps that can be taken back (ui-spec §6). */
export const UNDO_STEPS = 50;

/**
 * Steps back and forward. Both rejects leave the stacks as they were, so that a refused undo can be tried again; while
 * one is under way a second does nothing.
 */
export class UndoStack {
  private done: Step[] = [];
  private undone: Step[] = [];
  private busy = false;

  constructor(private readonly limit = UNDO_STEPS) {}

  get next(): Step | null {
    return this.done.at(-1) ?? null;
  }

  get nextRedo(): Step | null {
    return this.undone.at(-1) ?? null;
  }

  push(step: Step): void {
    this.done = [...this.done, step].slice(-this.limit);
    this.undone = [];
  }

  /** Takes the last step back, with `anyway` also what somebody changed since; `null` when there is none. */
  undo(anyway = false): Promise<Step | null> {
    return this.move(
      this.next,
      step => step.undo(anyway),
      step => {
        this.done = this.done.filter(other => other !== step);
        this.undone = [...this.undone, step];
      },
    );
  }

  redo(): Promise<Step | null> {
    return this.move(
      this.nextRedo,
      step => step.redo(),
      step => {
        this.undone = this.undone.filter(other => other !== step);
        this.done = [...this.done, step].slice(-this.limit);
      },
    );
  }

  private async move(
    step: Step | null,
    act: (step: Step) => Promise<void>,
    settle: (step: Step) => void,
  ): Promise<Step | null> {
    if (step === null || this.busy) return null;
    this.busy = true;
    try {
      await act(step);
      settle(step);
      return step;
    } finally {
      this.busy = false;
    }
  }
}
