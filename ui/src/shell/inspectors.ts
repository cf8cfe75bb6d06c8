import type { Component } from "svelte";

import type { Selected } from "~/state";

type Kind = Selected["kind"];

/** What the inspector shows of each kind of thing. A kind without an entry is told in words only. */
export const INSPECTORS: {
  [K in Kind]?: () => Promise<{ default: Component<{ selected: Extract<Selected, { kind: K }> }> }>;
} = {
  machine: () => import("~/views/machine/MachineInspector.svelte"),
  link: () => import("~/views/link/LinkInspector.svelte"),
  file: () => import("~/views/files/FileInspector.svelte"),
  job: () => import("~/views/job/JobInspector.svelte"),
};
