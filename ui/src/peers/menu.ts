import Ban from "@lucide/svelte/icons/ban";
import Copy from "@lucide/svelte/icons/copy";
import ExternalLink from "@lucide/svelte/icons/external-link";
import Heart from "@lucide/svelte/icons/heart";
import Pause from "@lucide/svelte/icons/pause";
import Pencil from "@lucide/svelte/icons/pencil";
import Play from "@lucide/svelte/icons/play";
import Plus from "@lucide/svelte/icons/plus";
import Stethoscope from "@lucide/svelte/icons/stethoscope";

import { Refusal, type Leaning, type MachineView } from "~/bridge";
import type { MenuItem } from "~/parts/menu";
import { hrefOf } from "~/shell/routes";
import type { Grid } from "~/state";
import { m, problem } from "~/text";
import { awaiting, pauses, resume, toggleLeaning } from "./deeds";
import { details } from "./machines";

/** Where a screen goes for what a menu cannot show by itself. */
export interface Ways {
  /** Shows the machine; absent where it is in front already. */
  open?: (machine: MachineView) => void;
  /** Asks for a job that only this machine may run. */
  start: (machine: MachineView) => void;
  rename: () => void;
}

/** What can be done with these machines now, for row menus, buttons and the palette. */
export function machineMenu(grid: Grid, machines: readonly MachineView[], ways: Ways): MenuItem[] {
  const [only, ...others] = machines;
  if (only === undefined) return [];
  const copy = {
    id: "copy",
    label: m.machines_copy(),
    icon: Copy,
    apart: true,
    run: () => void copyAll(grid, machines),
  };
  if (others.length > 0) return [...leanings(grid, machines), copy];
  const leant = leanings(grid, machines).map((item, at) => ({ ...item, apart: at === 0 }));
  return [
    ...goings(only, ways),
    ...awaiting(grid, only),
    ...leant,
    ...(only.this ? ownDeeds(grid, only, ways) : []),
    copy,
  ];
}

/** Those that the palette does not have anyway: lending is in it wherever one is. */
export function withoutLending(items: readonly MenuItem[]): MenuItem[] {
  return items.filter(({ id }) => id !== "resume" && !id.startsWith("pause."));
}

function goings(machine: MachineView, { open, start }: Ways): MenuItem[] {
  const items: MenuItem[] = [];
  if (open !== undefined)
    items.push({ id: "open", label: m.common_open(), icon: ExternalLink, keys: ["Enter"], run: () => open(machine) });
  items.push({ id: "start", label: m.machines_only_here(), icon: Plus, run: () => start(machine) });
  if (!machine.this) {
    const check = (): void => void (window.location.hash = hrefOf("doctor", machine.id));
    items.push({ id: "check", label: m.machines_check(), icon: Stethoscope, run: check });
  }
  return items;
}

/** What is wanted of them for the jobs that start here. */
function leanings(grid: Grid, machines: readonly MachineView[]): MenuItem[] {
  const blocked = grid.stale ? m.shell_unavailable_stale() : null;
  const all = (leaning: Leaning): boolean => machines.every(machine => machine.leaning === leaning);
  const item = (leaning: Leaning, label: string, icon: MenuItem["icon"]): MenuItem => ({
    id: leaning,
    label,
    icon,
    blocked,
    run: () => void toggleLeaning(grid, machines, leaning),
  });
  return [
    item("prefer", all("prefer") ? m.machines_prefer_no_more() : m.machines_prefer(), Heart),
    item("keep_off", all("keep_off") ? m.machines_keep_off_no_more() : m.machines_keep_off(), Ban),
  ];
}

/** The owner's wishes: only this machine's, each machine has its own owner. */
function ownDeeds(grid: Grid, machine: MachineView, { rename }: Ways): MenuItem[] {
  const blocked = grid.stale ? m.shell_unavailable_stale() : null;
  const lending: MenuItem[] =
    machine.state === "paused"
      ? [{ id: "resume", label: m.shell_resume_lending(), icon: Play, blocked, run: () => void resume(grid) }]
      : pauses(grid).map(item => ({ ...item, icon: Pause }));
  return [
    ...lending.map((item, at) => ({ ...item, apart: at === 0 })),
    { id: "rename", label: m.machines_rename(), icon: Pencil, blocked, apart: true, run: rename },
  ];
}

async function copyAll(grid: Grid, machines: readonly MachineView[]): Promise<void> {
  try {
    await navigator.clipboard.writeText(machines.map(machine => details(machine, Date.now())).join("\n\n"));
    grid.toasts.done(m.machines_copied());
  } catch (thrown) {
    grid.toasts.problem(problem(Refusal.from(thrown)).sentence);
  }
}
