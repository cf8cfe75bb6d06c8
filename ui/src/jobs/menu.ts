import CirclePause from "@lucide/svelte/icons/circle-pause";
import CircleHelp from "@lucide/svelte/icons/circle-question-mark";
import ExternalLink from "@lucide/svelte/icons/external-link";
import FolderOpen from "@lucide/svelte/icons/folder-open";
import Pause from "@lucide/svelte/icons/pause";
import Play from "@lucide/svelte/icons/play";
import RotateCcw from "@lucide/svelte/icons/rotate-ccw";
import Square from "@lucide/svelte/icons/square";

import type { JobView } from "~/bridge";
import type { MenuItem } from "~/parts/menu";
import type { Grid } from "~/state";
import { m } from "~/text";
import { openResults, performAll, resultsBlocked, setPriority } from "./deeds";
import { isEnded } from "./jobs";
import { allowed } from "./lists";

/** Priorities that have a word; any other number is set from the command line and kept as it is. */
const PRIORITIES: readonly [number, () => string][] = [
  [50, m.jobs_priority_high],
  [0, m.jobs_priority_normal],
  [-50, m.jobs_priority_low],
];

/** Where a screen goes for what a menu cannot show by itself. */
export interface Ways {
  /** Shows the job; absent where it is in front already. */
  open?: (job: JobView) => void;
  why: (job: JobView) => void;
}

/** What can be done with these jobs now, for row menus, buttons and the palette. */
export function jobMenu(grid: Grid, jobs: readonly JobView[], ways: Ways): MenuItem[] {
  const [only, ...others] = jobs;
  if (only === undefined) return [];
  const single = others.length === 0;
  return [...(single ? goings(grid, only, ways) : []), ...deeds(grid, jobs), ...(single ? priorities(grid, only) : [])];
}

function goings(grid: Grid, job: JobView, { open, why }: Ways): MenuItem[] {
  const items: MenuItem[] = [];
  if (open !== undefined) {
    items.push({ id: "open", label: m.common_open(), icon: ExternalLink, keys: ["Enter"], run: () => open(job) });
  }
  items.push({
    id: "results",
    label: m.jobs_open_results(),
    icon: FolderOpen,
    blocked: resultsBlocked(grid, job),
    run: () => void openResults(grid, job),
  });
  if (!isEnded(job)) items.push({ id: "why", label: m.jobs_why(), icon: CircleHelp, run: () => why(job) });
  return items;
}

function deeds(grid: Grid, jobs: readonly JobView[]): MenuItem[] {
  const blocked = grid.stale ? m.shell_unavailable_stale() : null;
  const entries = [
    ["hold", m.jobs_hold, Pause],
    ["hold_now", m.jobs_hold_now, CirclePause],
    ["release", m.jobs_release, Play],
    ["retry", m.jobs_retry, RotateCcw],
    ["cancel", m.jobs_cancel, Square],
  ] as const;
  return entries.flatMap(([deed, label, icon], at) => {
    const those = jobs.filter(job => allowed(job)[deed]);
    if (those.length === 0) return [];
    const run = (): void => void performAll(grid, deed, those);
    return [{ id: deed, label: label(), icon, blocked, apart: at === 0, danger: deed === "cancel", run }];
  });
}

function priorities(grid: Grid, job: JobView): MenuItem[] {
  if (isEnded(job)) return [];
  return PRIORITIES.map(([priority, label], at) => ({
    id: `priority.${priority}`,
    label: label(),
    blocked: grid.stale ? m.shell_unavailable_stale() : null,
    checked: job.priority === priority,
    apart: at === 0,
    run: () => void setPriority(grid, job, priority),
  }));
}
