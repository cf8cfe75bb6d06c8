import type { JobId, PeerId, TaskKey } from "~/bridge";

/** What the inspector shows. */
export type Selected =
  | { kind: "machine"; machine: PeerId }
  | { kind: "link"; from: PeerId; peer: PeerId }
  /** By its path in the tree. */
  | { kind: "file"; path: string }
  | { kind: "job"; job: JobId }
  | { kind: "task"; job: JobId; task: TaskKey };

export class Selection {
  current = $state.raw<Selected | null>(null);

  select(selected: Selected | null): void {
    this.current = selected;
  }
}
