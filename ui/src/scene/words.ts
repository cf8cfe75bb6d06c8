/** What the scene says. Names are shortened and isolated here, so that callers cannot forget to. */

import { format, isolate, m, words } from "~/text";
import { shownName } from "./labels";
import type { Link, LinkPolicy, Machine, MachineId, MachineState, Preset } from "./model";

const number = (value: number): string => format.number(value);
const links = (count: number): string => m.scene_links({ count, n: number(count) });
const tasks = (count: number): string => format.tasks(count, "task");

/** Name by id; a machine that has just left has none. */
export type NameOf = (machine: MachineId) => string;

export function name(text: string): string {
  return isolate(shownName(text));
}

export function machines(count: number): string {
  return format.machines(count);
}

export function state(of: MachineState): string {
  return words.machineState(of);
}

export function scene(machineCount: number, linkCount: number): string {
  return m.scene_label({ machines: machines(machineCount), links: links(linkCount) });
}

export function machine(of: Machine, linkCount: number): string {
  return m.scene_machine({
    name: name(of.name),
    state: of.word,
    tasks: tasks(of.taskCount),
    links: links(linkCount),
  });
}

export function group(of: Machine, memberCount: number): string {
  return m.scene_group({ name: name(of.name), machines: machines(memberCount), state: of.status });
}

export function groupStatus(onlineCount: number, taskCount: number): string {
  const n = number(onlineCount);
  return taskCount === 0 ? m.scene_group_online({ n }) : m.scene_group_online_tasks({ n, tasks: tasks(taskCount) });
}

export function link(of: Link, nameOf: NameOf): string {
  return m.scene_link({ a: name(nameOf(of.a)), b: name(nameOf(of.b)), what: pill(of), policy: policy(of.policy) });
}

export function policy(of: LinkPolicy): string {
  switch (of) {
    case "automatic":
      return m.scene_policy_automatic();
    case "pinned":
      return m.scene_policy_pinned();
    case "forbidden":
      return m.scene_policy_forbidden();
  }
}

/** What stands on a link. */
export function pill(of: Link): string {
  if (of.pending === "consent") return m.scene_pill_consent();
  const what = stateOf(of);
  return of.pending === "applying" ? m.scene_pill_applying({ what }) : what;
}

function stateOf(of: Link): string {
  if (of.policy === "forbidden") return m.scene_pill_forbidden();
  if (of.state === "down") return m.scene_pill_down();
  if (of.state === "connecting") return m.scene_pill_connecting();
  const rtt = of.rttMs === null ? m.scene_pill_unmeasured() : format.roundTrip(of.rttMs);
  return of.path === "relayed" ? m.scene_pill_relayed({ rtt }) : rtt;
}

export function preset(of: Preset): string {
  switch (of) {
    case "mesh":
      return m.scene_preset_mesh();
    case "chain":
      return m.scene_preset_chain();
    case "star":
      return m.scene_preset_star();
    case "sites":
      return m.scene_preset_sites();
    case "manual":
      return m.scene_preset_manual();
  }
}

/** What a person is told while moving machines by key. */
export function moving(first: string, count: number): string {
  return m.scene_moving({ count, n: number(count), name: name(first) });
}

export function site(of: string | null): string {
  return of === null ? m.scene_site_unknown() : name(of);
}

export function openGroupFirst(): string {
  return m.scene_open_group_first();
}
