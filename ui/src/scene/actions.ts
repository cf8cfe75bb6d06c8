/** What the menu of a machine, a link or the ground offers. The same data fills the palette. */

import { m } from "~/text";
import { farEnd, only } from "./gesture";
import type { Link, LinkPolicy, Machine, SceneDeed, SceneInput, SceneTarget, SceneWish } from "./model";

export interface SceneAction {
  readonly id: string;
  readonly label: string;
  /** As written on a keyboard: `["Shift", "K"]`. */
  readonly keys: readonly string[];
  /** Why it cannot be done now; null when it can. */
  readonly blocked: string | null;
  readonly does: SceneDeed;
}

/** Returns the actions for `target` in the order of a menu; none for something that is not there any more. */
export function actionsFor(target: SceneTarget, input: SceneInput): SceneAction[] {
  switch (target.kind) {
    case "ground":
      return groundActions(input);
    case "machine": {
      const machine = input.machines.find(({ id }) => id === target.machine);
      return machine === undefined ? [] : machineActions(machine, input);
    }
    case "link": {
      const link = input.links.find(({ id }) => id === target.link);
      return link === undefined ? [] : linkActions(link, input);
    }
  }
}

function machineActions({ id, leaning }: Machine, input: SceneInput): SceneAction[] {
  const blocked = input.locked ? m.scene_why_locked() : null;
  const machines = input.selection.machines.has(id) ? [...input.selection.machines] : [id];
  const wish = (does: SceneWish): SceneDeed => ({ kind: "wish", wish: does });
  return [
    { id: "open", label: m.scene_do_open(), keys: ["Enter"], blocked: null, does: wish({ kind: "open", machine: id }) },
    { id: "link_to", label: m.scene_do_link_to(), keys: ["K"], blocked, does: { kind: "choose_link", from: id } },
    { id: "move", label: m.scene_do_move(), keys: ["M"], blocked, does: { kind: "move", machines } },
    {
      id: "keep_off",
      label: leaning === "keep_off" ? m.machines_keep_off_no_more() : m.machines_keep_off(),
      keys: ["O"],
      blocked: null,
      does: wish({ kind: "keep_off", machines }),
    },
    {
      id: "prefer",
      label: leaning === "prefer" ? m.machines_prefer_no_more() : m.machines_prefer(),
      keys: ["Shift", "P"],
      blocked: null,
      does: wish({ kind: "prefer", machines }),
    },
    {
      id: "frame",
      label: m.scene_do_frame_selection(),
      keys: ["."],
      blocked: null,
      does: { kind: "frame", what: "selection" },
    },
  ];
}

function linkActions(link: Link, input: SceneInput): SceneAction[] {
  const locked = input.locked ? m.scene_why_locked() : null;
  const set = (id: string, label: string, key: string, policy: LinkPolicy): SceneAction => ({
    id,
    label,
    keys: [key],
    blocked: locked ?? (link.policy === policy && link.pending === null ? m.scene_why_already() : null),
    does: { kind: "wish", wish: { kind: "set_policy", links: [link.id], policy } },
  });
  const from = [...input.selection.machines].find(id => id === link.a || id === link.b);
  const end = from === undefined ? "b" : farEnd(link, from);
  return [
    set("pin", m.scene_do_pin(), "P", "pinned"),
    set("forbid", m.scene_do_forbid(), "F", "forbidden"),
    set("auto", m.scene_do_auto(), "X", "automatic"),
    {
      id: "rewire",
      label: m.scene_do_rewire(),
      keys: ["Shift", "K"],
      blocked: locked,
      does: { kind: "choose_rewire", link: link.id, end },
    },
    {
      id: "select",
      label: m.scene_do_open(),
      keys: ["Enter"],
      blocked: null,
      does: { kind: "wish", wish: { kind: "select", selection: only({ kind: "link", link: link.id }) } },
    },
  ];
}

function groundActions(input: SceneInput): SceneAction[] {
  const all = { machines: new Set(input.machines.map(({ id }) => id)), links: new Set<string>() };
  return [
    {
      id: "frame_all",
      label: m.scene_do_frame_all(),
      keys: ["Home"],
      blocked: null,
      does: { kind: "frame", what: "all" },
    },
    {
      id: "select_all",
      label: m.scene_do_select_all(),
      keys: ["A"],
      blocked: null,
      does: { kind: "wish", wish: { kind: "select", selection: all } },
    },
  ];
}
