/** Carries out what keys ask for. */

import { toScreen } from "./camera";
import { farEnd, only, toggled, type Choice } from "./gesture";
import { isMergedLink, siteOf } from "./groups";
import type { KeyAction } from "./keys";
import type { LinkId, MachineId, Point, SceneTarget } from "./model";
import { NOTHING_SELECTED } from "./model";
import { nearestTowards, nextLinkOf } from "./nearest";
import type { Stage } from "./stage.svelte";

/** Returns whether the key was for the scene. `origin` is the scene's upper left corner in the window. */
export function perform(stage: Stage, action: KeyAction, origin: Point): boolean {
  switch (action.kind) {
    case "focus":
      return moveFocus(stage, action.towards);
    case "focus_next_link":
      return focusNextLink(stage);
    case "toggle_selected":
      return withTarget(stage, target => stage.select(toggled(stage.props.input.selection, target)));
    case "select_all":
      stage.select({ machines: new Set([...stage.crowd.ids].filter(id => siteOf(id) === null)), links: new Set() });
      return true;
    case "open":
      return withTarget(stage, target =>
        target.kind === "machine" ? stage.open(target.machine) : stage.select(only(target)),
      );
    case "menu":
      return askMenu(stage, origin);
    case "step_back":
      return stepBack(stage);
    case "pan":
      stage.look({ ...stage.camera, x: stage.camera.x + action.by.x, y: stage.camera.y + action.by.y });
      return true;
    case "zoom":
      stage.zoomBy(action.factor);
      return true;
    case "frame_all":
      stage.frameAll();
      return true;
    case "frame_selection":
      stage.frameSelection();
      return true;
    case "start_move":
      stage.handle({ kind: "move_started", machines: focusedMachines(stage) });
      return true;
    case "nudge":
      stage.handle({ kind: "nudged", by: action.by });
      return true;
    case "accept":
      stage.handle({ kind: "accepted" });
      return true;
    case "cancel":
      stage.handle({ kind: "cancelled" });
      return true;
    case "choose_link":
      return startChoice(stage, stage.focus === null ? null : { kind: "link", from: stage.focus.machine });
    case "choose_rewire":
      return startChoice(stage, rewireChoice(stage));
    case "set_policy":
      return askLinks(stage, links => stage.props.onwish({ kind: "set_policy", links, policy: action.policy }));
    case "keep_off":
    case "prefer":
      return askMachines(stage, machines => stage.props.onwish({ kind: action.kind, machines }));
  }
}

function moveFocus(stage: Stage, towards: Parameters<typeof nearestTowards>[1]): boolean {
  const from = stage.focus?.machine ?? null;
  const next = from === null ? stage.entry : nearestTowards(from, towards, stage.arrangement.targets);
  if (next !== null) stage.takeFocus({ machine: next, link: null });
  else if (stage.focus?.link != null) stage.takeFocus({ machine: stage.focus.machine, link: null });
  return true;
}

function focusNextLink(stage: Stage): boolean {
  const machine = stage.focus?.machine ?? stage.entry;
  if (machine === null) return false;
  const { links } = stage.crowd.grid;
  const link = nextLinkOf(machine, stage.focus?.link ?? null, links, stage.arrangement.targets);
  stage.takeFocus({ machine, link });
  return true;
}

type Target = Exclude<SceneTarget, { kind: "ground" }>;

function withTarget(stage: Stage, act: (target: Target) => void): boolean {
  if (stage.focus === null) return false;
  const { machine, link } = stage.focus;
  act(link === null ? { kind: "machine", machine } : { kind: "link", link });
  return true;
}

function askMenu(stage: Stage, origin: Point): boolean {
  if (stage.focus === null) return false;
  const { machine, link } = stage.focus;
  const segment = link === null ? undefined : stage.picture.segments.get(link);
  const world =
    segment === undefined
      ? stage.picture.spotOf(machine)
      : { x: (segment.from.x + segment.to.x) / 2, y: (segment.from.y + segment.to.y) / 2 };
  const at = toScreen(stage.camera, world);
  const hit = link === null ? ({ kind: "machine", machine } as const) : ({ kind: "link", link } as const);
  stage.handle({ kind: "menu_asked", pointer: { screen: { x: origin.x + at.x, y: origin.y + at.y }, world, hit } });
  return true;
}

/** From a link to its machine, then out of the selection; after that `Esc` is for others. */
function stepBack(stage: Stage): boolean {
  const { machines, links } = stage.props.input.selection;
  if (stage.focus?.link != null) {
    stage.takeFocus({ machine: stage.focus.machine, link: null });
    return true;
  }
  if (machines.size + links.size === 0) return false;
  stage.select(NOTHING_SELECTED);
  return true;
}

function startChoice(stage: Stage, choice: Choice | null): boolean {
  if (choice === null) return false;
  stage.handle({ kind: "choice_started", choice });
  return true;
}

/** Of the focused link the far end moves; of a selected one, the second. */
function rewireChoice(stage: Stage): Choice | null {
  const id = stage.focus?.link ?? [...stage.props.input.selection.links][0];
  const link = id === undefined ? undefined : stage.crowd.linkById.get(id);
  if (link === undefined || isMergedLink(link)) return null;
  const machine = stage.focus?.machine;
  const end = machine !== undefined && (link.a === machine || link.b === machine) ? farEnd(link, machine) : "b";
  return { kind: "rewire", link: link.id, end };
}

function askLinks(stage: Stage, ask: (links: readonly LinkId[]) => void): boolean {
  const focused = stage.focus?.link ?? null;
  const links = (focused === null ? [...stage.props.input.selection.links] : [focused]).filter(
    id => !isMergedLink({ id }),
  );
  if (links.length === 0 || stage.props.input.locked) return false;
  ask(links);
  return true;
}

function askMachines(stage: Stage, ask: (machines: readonly MachineId[]) => void): boolean {
  const machines = focusedMachines(stage).filter(id => siteOf(id) === null);
  if (machines.length === 0) return false;
  ask(machines);
  return true;
}

/** The whole selection if the focus is in it, else the focused machine alone. */
function focusedMachines(stage: Stage): MachineId[] {
  const { machines } = stage.props.input.selection;
  const focused = stage.focus?.machine;
  if (focused === undefined) return [...machines];
  return machines.has(focused) ? [...machines] : [focused];
}
