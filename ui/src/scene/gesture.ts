/**
 * What a hand or a key is doing to the scene right now: one state, facts in, wishes out.
 *
 * Nothing is changed before a release, `Enter` or a choice; `cancelled` always leads back to rest without a wish.
 */

import { boxBetween, type Box } from "./geometry";
import type { Hit } from "./hit";
import type {
  Judge,
  Link,
  LinkEnd,
  LinkId,
  MachineId,
  Point,
  Proposal,
  SceneTarget,
  Selection,
  Verdict,
} from "./model";
import { NOTHING_SELECTED, otherEnd } from "./model";

export type Gesture =
  | { readonly kind: "idle" }
  /** A button is down; whether it becomes a click or a drag is open. */
  | { readonly kind: "pressing"; readonly start: Pointer; readonly extend: boolean }
  | { readonly kind: "panning"; readonly last: Point }
  | { readonly kind: "boxing"; readonly from: Point; readonly to: Point; readonly extend: boolean }
  | { readonly kind: "moving"; readonly machines: readonly MachineId[]; readonly from: Point; readonly by: Point }
  | { readonly kind: "linking"; readonly from: MachineId; readonly pointer: Pointer }
  | { readonly kind: "rewiring"; readonly link: LinkId; readonly end: LinkEnd; readonly pointer: Pointer }
  /** A drag that means nothing here, for example of a machine in a locked scene. */
  | { readonly kind: "inert" }
  | { readonly kind: "nudging"; readonly machines: readonly MachineId[]; readonly by: Point }
  | { readonly kind: "choosing"; readonly choice: Choice };

/** What a machine is being chosen for, from the list that the keyboard opens. */
export type Choice =
  | { readonly kind: "link"; readonly from: MachineId }
  | { readonly kind: "rewire"; readonly link: LinkId; readonly end: LinkEnd };

export interface Pointer {
  /** In window pixels. */
  readonly screen: Point;
  /** In scene units. */
  readonly world: Point;
  readonly hit: Hit;
}

export type Fact =
  | { readonly kind: "pressed"; readonly pointer: Pointer; readonly extend: boolean; readonly pan: boolean }
  | { readonly kind: "moved"; readonly pointer: Pointer }
  | { readonly kind: "released"; readonly pointer: Pointer }
  | { readonly kind: "double_clicked"; readonly pointer: Pointer }
  | { readonly kind: "menu_asked"; readonly pointer: Pointer }
  /** `Esc`, the pointer was lost, a second finger came down. */
  | { readonly kind: "cancelled" }
  | { readonly kind: "move_started"; readonly machines: readonly MachineId[] }
  | { readonly kind: "nudged"; readonly by: Point }
  | { readonly kind: "accepted" }
  | { readonly kind: "choice_started"; readonly choice: Choice }
  | { readonly kind: "chosen"; readonly machine: MachineId }
  | { readonly kind: "grid_changed" };

export type GestureWish =
  | { readonly kind: "select"; readonly selection: Selection }
  | { readonly kind: "open"; readonly machine: MachineId }
  | { readonly kind: "menu"; readonly target: SceneTarget; readonly at: Point }
  | Proposal
  | { readonly kind: "offer_forbid"; readonly link: LinkId; readonly at: Point }
  | { readonly kind: "move"; readonly machines: readonly MachineId[]; readonly by: Point }
  /** In window pixels. */
  | { readonly kind: "pan"; readonly by: Point };

/** What the scene shows now, as far as gestures need it. */
export interface GestureContext {
  readonly machines: ReadonlySet<MachineId>;
  readonly links: ReadonlyMap<LinkId, Link>;
  readonly selection: Selection;
  readonly locked: boolean;
  readonly judge: Judge;
  /** Machines whose middle lies in a box of scene units. */
  readonly within: (box: Box) => readonly MachineId[];
}

export interface Step {
  readonly gesture: Gesture;
  readonly wish: GestureWish | null;
}

export const IDLE: Gesture = { kind: "idle" };

/** A press that moves less than this, in window pixels, is a click. */
export const DRAG_THRESHOLD_PX = 4;

/** Returns the next state and at most one wish. */
export function step(gesture: Gesture, fact: Fact, context: GestureContext): Step {
  if (fact.kind === "cancelled") return rest();
  if (fact.kind === "grid_changed") return stay(stillThere(gesture, context) ? gesture : IDLE);
  switch (gesture.kind) {
    case "idle":
      return whileIdle(fact, context);
    case "pressing":
      return whilePressing(gesture, fact, context);
    case "nudging":
      return whileNudging(gesture, fact);
    case "choosing":
      return whileChoosing(gesture, fact, context);
    case "panning":
    case "boxing":
    case "moving":
    case "linking":
    case "rewiring":
    case "inert":
      if (fact.kind === "moved") return dragged(gesture, fact.pointer);
      return fact.kind === "released" ? dropped(gesture, fact.pointer, context) : stay(gesture);
  }
}

type Drag = Extract<Gesture, { kind: "panning" | "boxing" | "moving" | "linking" | "rewiring" | "inert" }>;

function whileIdle(fact: Fact, context: GestureContext): Step {
  switch (fact.kind) {
    case "pressed":
      if (fact.pan) return stay({ kind: "panning", last: fact.pointer.screen });
      return stay({ kind: "pressing", start: fact.pointer, extend: fact.extend });
    case "double_clicked": {
      const machine = machineOf(fact.pointer.hit);
      return machine === null ? rest() : rest({ kind: "open", machine });
    }
    case "menu_asked":
      return rest({ kind: "menu", target: targetOf(fact.pointer.hit), at: fact.pointer.screen });
    case "move_started": {
      const machines = fact.machines.filter(id => context.machines.has(id));
      return context.locked || machines.length === 0 ? rest() : stay({ kind: "nudging", machines, by: { x: 0, y: 0 } });
    }
    case "choice_started": {
      const choosing: Gesture = { kind: "choosing", choice: fact.choice };
      return context.locked || !stillThere(choosing, context) ? rest() : stay(choosing);
    }
    default:
      return rest();
  }
}

function whilePressing(gesture: Gesture & { kind: "pressing" }, fact: Fact, context: GestureContext): Step {
  if (fact.kind === "released") return rest(clicked(gesture, context));
  if (fact.kind !== "moved" || distance(gesture.start.screen, fact.pointer.screen) < DRAG_THRESHOLD_PX)
    return stay(gesture);
  const drag = dragFrom(gesture, context);
  return drag === null ? rest() : dragged(drag, fact.pointer);
}

function clicked(gesture: Gesture & { kind: "pressing" }, context: GestureContext): GestureWish | null {
  const target = targetOf(gesture.start.hit);
  const { machines, links } = context.selection;
  if (target.kind === "ground") {
    return gesture.extend || machines.size + links.size === 0 ? null : { kind: "select", selection: NOTHING_SELECTED };
  }
  return { kind: "select", selection: gesture.extend ? toggled(context.selection, target) : only(target) };
}

/** Returns the selection that holds `target` alone. */
export function only(target: Exclude<SceneTarget, { kind: "ground" }>): Selection {
  return toggled(NOTHING_SELECTED, target);
}

/** Returns the selection with `target` added, or taken out if it was in. */
export function toggled(selection: Selection, target: Exclude<SceneTarget, { kind: "ground" }>): Selection {
  if (target.kind === "machine") return { ...selection, machines: flipped(selection.machines, target.machine) };
  return { ...selection, links: flipped(selection.links, target.link) };
}

function flipped(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(ids);
  if (!next.delete(id)) next.add(id);
  return next;
}

function dragFrom({ start, extend }: Gesture & { kind: "pressing" }, context: GestureContext): Drag | null {
  const { hit, world } = start;
  switch (hit.kind) {
    case "ground":
    case "link":
      return { kind: "boxing", from: world, to: world, extend };
    case "machine": {
      if (context.locked) return { kind: "inert" };
      const { machines } = context.selection;
      const together = machines.has(hit.machine) ? [...machines].filter(id => context.machines.has(id)) : [hit.machine];
      return { kind: "moving", machines: together, from: world, by: { x: 0, y: 0 } };
    }
    case "ring":
      return context.locked ? { kind: "inert" } : { kind: "linking", from: hit.machine, pointer: start };
    case "end":
      return context.locked ? { kind: "inert" } : { kind: "rewiring", link: hit.link, end: hit.end, pointer: start };
  }
}

function dragged(drag: Drag, pointer: Pointer): Step {
  switch (drag.kind) {
    case "panning": {
      const by = minus(pointer.screen, drag.last);
      return { gesture: { kind: "panning", last: pointer.screen }, wish: { kind: "pan", by } };
    }
    case "boxing":
      return stay({ ...drag, to: pointer.world });
    case "moving":
      return stay({ ...drag, by: minus(pointer.world, drag.from) });
    case "linking":
    case "rewiring":
      return stay({ ...drag, pointer });
    case "inert":
      return stay(drag);
  }
}

function dropped(drag: Drag, pointer: Pointer, context: GestureContext): Step {
  switch (drag.kind) {
    case "panning":
    case "inert":
      return rest();
    case "boxing":
      return rest(boxed({ ...drag, to: pointer.world }, context));
    case "moving":
      return rest(shifted(drag.machines, minus(pointer.world, drag.from)));
    case "linking":
    case "rewiring":
      return rest(wired({ ...drag, pointer }, context));
  }
}

function boxed(drag: Drag & { kind: "boxing" }, context: GestureContext): GestureWish {
  const kept = drag.extend ? context.selection : NOTHING_SELECTED;
  const machines = new Set([...kept.machines, ...context.within(boxBetween(drag.from, drag.to))]);
  return { kind: "select", selection: { machines, links: kept.links } };
}

function shifted(machines: readonly MachineId[], by: Point): GestureWish | null {
  return by.x === 0 && by.y === 0 ? null : { kind: "move", machines, by };
}

/** Only a legal target makes a wish; the origin makes none; empty space offers to forbid the link whose end was held. */
function wired(drag: Drag & { kind: "linking" | "rewiring" }, context: GestureContext): GestureWish | null {
  const over = overOf(drag, context);
  if (over.kind === "target") return over.verdict.ok ? over.proposal : null;
  if (over.kind === "origin" || drag.kind === "linking") return null;
  return context.links.has(drag.link) ? { kind: "offer_forbid", link: drag.link, at: drag.pointer.screen } : null;
}

/** What the pointer is over while a link is drawn. */
export type Over =
  | { readonly kind: "ground" }
  | { readonly kind: "origin" }
  | { readonly kind: "target"; readonly machine: MachineId; readonly proposal: Proposal; readonly verdict: Verdict };

export function overOf(drag: Drag & { kind: "linking" | "rewiring" }, context: GestureContext): Over {
  const machine = machineOf(drag.pointer.hit);
  if (machine === null) return { kind: "ground" };
  const choice: Choice =
    drag.kind === "linking" ? { kind: "link", from: drag.from } : { kind: "rewire", link: drag.link, end: drag.end };
  if (machine === originOf(choice, context)) return { kind: "origin" };
  const proposal = proposalFor(choice, machine);
  return { kind: "target", machine, proposal, verdict: verdictOn(proposal, context) };
}

/** Returns the machine that a choice starts from: choosing it changes nothing. */
export function originOf(choice: Choice, context: GestureContext): MachineId | null {
  return choice.kind === "link" ? choice.from : (context.links.get(choice.link)?.[choice.end] ?? null);
}

export function proposalFor(choice: Choice, machine: MachineId): Proposal {
  if (choice.kind === "link") return { kind: "link", a: choice.from, b: machine };
  return { kind: "rewire", link: choice.link, end: choice.end, to: machine };
}

const IMPOSSIBLE: Verdict = { ok: false, reason: "" };

/** Asks the caller about a proposal, unless it makes no sense at all. */
export function verdictOn(proposal: Proposal, context: GestureContext): Verdict {
  if (proposal.kind === "link") {
    const known = context.machines.has(proposal.a) && context.machines.has(proposal.b);
    return known && proposal.a !== proposal.b ? context.judge(proposal) : IMPOSSIBLE;
  }
  const link = context.links.get(proposal.link);
  if (link === undefined || !context.machines.has(proposal.to)) return IMPOSSIBLE;
  return link.a === proposal.to || link.b === proposal.to ? IMPOSSIBLE : context.judge(proposal);
}

function whileNudging(gesture: Gesture & { kind: "nudging" }, fact: Fact): Step {
  if (fact.kind === "nudged") return stay({ ...gesture, by: plus(gesture.by, fact.by) });
  if (fact.kind === "accepted") return rest(shifted(gesture.machines, gesture.by));
  return fact.kind === "pressed" ? rest() : stay(gesture);
}

function whileChoosing(gesture: Gesture & { kind: "choosing" }, fact: Fact, context: GestureContext): Step {
  if (fact.kind === "choice_started") return stay({ kind: "choosing", choice: fact.choice });
  if (fact.kind === "pressed") return rest();
  if (fact.kind !== "chosen") return stay(gesture);
  if (fact.machine === originOf(gesture.choice, context)) return rest();
  const proposal = proposalFor(gesture.choice, fact.machine);
  return verdictOn(proposal, context).ok ? rest(proposal) : stay(gesture);
}

function stillThere(gesture: Gesture, context: GestureContext): boolean {
  switch (gesture.kind) {
    case "idle":
    case "pressing":
    case "panning":
    case "boxing":
    case "inert":
      return true;
    case "moving":
    case "nudging":
      return !context.locked && gesture.machines.every(id => context.machines.has(id));
    case "linking":
      return !context.locked && context.machines.has(gesture.from);
    case "rewiring":
      return !context.locked && context.links.has(gesture.link);
    case "choosing":
      if (context.locked) return false;
      if (gesture.choice.kind === "link") return context.machines.has(gesture.choice.from);
      return context.links.has(gesture.choice.link);
  }
}

/** Returns the end of `link` that moves when a person comes from `machine`: the far one. */
export function farEnd(link: Pick<Link, "a" | "b">, machine: MachineId): LinkEnd {
  return otherEnd(link, machine) === link.a ? "a" : "b";
}

export function machineOf(hit: Hit): MachineId | null {
  return hit.kind === "machine" || hit.kind === "ring" ? hit.machine : null;
}

function targetOf(hit: Hit): SceneTarget {
  switch (hit.kind) {
    case "ground":
      return { kind: "ground" };
    case "machine":
    case "ring":
      return { kind: "machine", machine: hit.machine };
    case "link":
    case "end":
      return { kind: "link", link: hit.link };
  }
}

function rest(wish: GestureWish | null = null): Step {
  return { gesture: IDLE, wish };
}

function stay(gesture: Gesture): Step {
  return { gesture, wish: null };
}

function minus(p: Point, q: Point): Point {
  return { x: p.x - q.x, y: p.y - q.y };
}

function plus(p: Point, q: Point): Point {
  return { x: p.x + q.x, y: p.y + q.y };
}

function distance(p: Point, q: Point): number {
  return Math.hypot(p.x - q.x, p.y - q.y);
}
