/** The scene's own state: what is in view, what a hand is doing, what has the focus. It carries gestures' wishes out. */

import { Arrangement } from "./arrangement.svelte";
import { bringingIntoView, centredOn, framing, zoomed, type Camera, type Size } from "./camera";
import { Crowd } from "./crowd.svelte";
import { detailAt, nameSizeAt } from "./detail";
import { boundsOf, contains, footprint, type Box } from "./geometry";
import {
  IDLE,
  originOf,
  overOf,
  proposalFor,
  step,
  verdictOn,
  type Choice,
  type Fact,
  type Gesture,
  type GestureContext,
  type GestureWish,
} from "./gesture";
import { isMergedLink, siteOf } from "./groups";
import type { Hit, HitMap } from "./hit";
import { Labelling } from "./labelling.svelte";
import type { LinkId, MachineId, Point, Preset, Proposal, SceneDeed, SceneProps, Selection, Verdict } from "./model";
import { otherEnd } from "./model";
import { animate, LAYOUT_MS, motionReduced } from "./motion";
import { Picture } from "./picture.svelte";
import { moved } from "./places";
import * as words from "./words";

/** What the keys act on: a machine, or one of its links. */
export interface Focus {
  readonly machine: MachineId;
  readonly link: LinkId | null;
}

/** Longer than between two turns of a wheel, and too short to wait for. */
const REST_MS = 160;

const GROUND: Hit = { kind: "ground" };

export class Stage {
  readonly props: SceneProps;
  readonly crowd: Crowd;
  readonly arrangement: Arrangement;
  readonly picture: Picture;
  readonly labelling: Labelling;

  size = $state.raw<Size>({ width: 0, height: 0 });
  camera = $state.raw<Camera>({ x: 0, y: 0, k: 1 });
  gesture = $state.raw<Gesture>(IDLE);
  hover = $state.raw<Hit>(GROUND);
  /** Where the pointer is, in scene units; null outside of the scene. */
  pointer = $state.raw<Point | null>(null);
  focus = $state.raw<Focus | null>(null);
  /** The machine that the list of machines points at. */
  candidate = $state.raw<MachineId | null>(null);
  /** The focus came by key, so that it must be seen. */
  focusSeen = $state(false);

  /** The view or machines of a crowd move: until they rest, links are drawn without dashes. */
  rough = $state(false);

  /** How much larger than usual the person reads. */
  textScale = $state(1);

  readonly detail = $derived(detailAt(this.camera.k / this.textScale));
  readonly nameSize = $derived(nameSizeAt(this.camera.k / this.textScale));
  /** The machine that `Tab` leads to: the one with the focus, else the one at the window. */
  readonly entry: MachineId | null = $derived.by(() => {
    const { machines } = this.crowd.grid;
    if (this.focus !== null && this.crowd.ids.has(this.focus.machine)) return this.focus.machine;
    return (machines.find(({ machine }) => machine.here) ?? machines[0])?.id ?? null;
  });
  /** The link or rewiring in progress, by hand or by key. */
  readonly choice: Choice | null = $derived.by(() => this.#steadyChoice(choiceOf(this.gesture)));
  /** Machines that the link in progress cannot reach. */
  readonly refused: ReadonlySet<MachineId> = $derived.by(() => this.#refusedBy(this.choice));
  readonly context: GestureContext = $derived.by(() => ({
    machines: this.crowd.ids,
    links: this.crowd.linkById,
    selection: this.props.input.selection,
    locked: this.props.input.locked,
    judge: proposal => this.#judged(proposal),
    within: box => this.#within(box),
  }));
  readonly over = $derived(
    this.gesture.kind === "linking" || this.gesture.kind === "rewiring" ? overOf(this.gesture, this.context) : null,
  );

  #lastChoice: Choice | null = null;
  #stopCamera = (): void => undefined;
  /** A person moved the view: it is theirs until they ask to see everything. */
  #viewTaken = false;
  #framed = false;
  #resting: ReturnType<typeof setTimeout> | undefined;

  constructor(props: SceneProps) {
    this.props = props;
    this.crowd = new Crowd(props);
    this.arrangement = new Arrangement(props, this.crowd);
    this.picture = new Picture(this);
    this.labelling = new Labelling(this);
  }

  /** The scene as the pointer meets it. */
  hitMap(): HitMap {
    const { discs, segments } = this.picture;
    return { machines: discs, segments, grips: this.grips(), zoom: this.camera.k };
  }

  /** Links whose ends can be taken hold of. */
  grips(): LinkId[] {
    if (this.props.input.locked) return [];
    const links = new Set(this.props.input.selection.links);
    if (this.hover.kind === "link" || this.hover.kind === "end") links.add(this.hover.link);
    if (this.focus?.link != null) links.add(this.focus.link);
    return [...links].filter(id => this.crowd.linkById.has(id) && !isMergedLink({ id }));
  }

  /** Takes in what a hand or key did, and carries out what follows from it. */
  handle(fact: Fact): void {
    const { gesture, wish } = step(this.gesture, fact, this.context);
    this.gesture = gesture;
    if (gesture.kind !== "choosing") this.candidate = null;
    if (wish !== null) this.#carryOut(wish);
  }

  #carryOut(wish: GestureWish): void {
    switch (wish.kind) {
      case "pan":
        this.look({ ...this.camera, x: this.camera.x + wish.by.x, y: this.camera.y + wish.by.y });
        return;
      case "move":
        this.#move(wish.machines, wish.by);
        return;
      case "select":
        this.select(wish.selection);
        return;
      case "open":
        this.open(wish.machine);
        return;
      case "menu":
        if (wish.target.kind === "machine" && siteOf(wish.target.machine) !== null) return;
        if (wish.target.kind === "link" && isMergedLink({ id: wish.target.link })) return;
        this.props.onwish(wish);
        return;
      case "link":
      case "rewire":
      case "offer_forbid":
        this.props.onwish(wish);
    }
  }

  #move(machines: readonly MachineId[], by: Point): void {
    this.#viewTaken = true;
    const spots = new Map<MachineId, Point>();
    for (const id of machines) {
      const at = this.arrangement.targets.get(id);
      if (at !== undefined) spots.set(id, { x: Math.round(at.x + by.x), y: Math.round(at.y + by.y) });
    }
    this.arrangement.place(moved(this.props.places, spots), "move");
  }

  /** Asks for a selection; a click on a group opens it instead, since a group is no machine. */
  select(selection: Selection): void {
    const groups = [...selection.machines].filter(id => siteOf(id) !== null);
    const machines = new Set([...selection.machines].filter(id => siteOf(id) === null));
    const links = new Set([...selection.links].filter(id => !isMergedLink({ id })));
    if (groups.length === 1 && machines.size + links.size === 0) this.crowd.open(siteOf(groups[0] ?? "") ?? "");
    else this.props.onwish({ kind: "select", selection: { machines, links } });
  }

  open(machine: MachineId): void {
    const site = siteOf(machine);
    if (site === null) this.props.onwish({ kind: "open", machine });
    else this.crowd.open(site);
  }

  arrange(preset: Preset): void {
    this.#viewTaken = false;
    this.arrangement.arrange(preset);
  }

  /** Moves the view at once. */
  look(camera: Camera): void {
    this.#stopCamera();
    this.#viewTaken = true;
    this.camera = camera;
  }

  zoomBy(factor: number): void {
    this.#glide(zoomed(this.camera, factor, { x: this.size.width / 2, y: this.size.height / 2 }));
    this.#viewTaken = true;
  }

  frameAll(): void {
    this.#viewTaken = false;
    this.#frame([...this.arrangement.targets.keys()]);
  }

  /** Frames what is selected, or else what has the focus. */
  frameSelection(): void {
    const { machines, links } = this.props.input.selection;
    const ids = new Set(machines);
    for (const id of links) {
      const link = this.crowd.linkById.get(id);
      if (link !== undefined) ids.add(link.a).add(link.b);
    }
    if (ids.size === 0 && this.focus !== null) ids.add(this.focus.machine);
    this.#frame([...ids]);
    this.#viewTaken = true;
  }

  /** Shows everything after the scene got its size or its places, unless a person has moved the view. */
  keepFramed(): void {
    if (this.#viewTaken || this.size.width === 0) return;
    this.#frame([...this.arrangement.targets.keys()]);
  }

  #frame(ids: readonly MachineId[]): void {
    const bounds = boundsOf(ids.flatMap(id => this.#footprintOf(id) ?? []));
    if (bounds === null || this.size.width === 0) return;
    const camera = framing(bounds, this.size);
    if (this.#framed) this.#glide(camera);
    else this.camera = camera;
    this.#framed = true;
  }

  #footprintOf(id: MachineId): Box | null {
    const at = this.arrangement.targets.get(id);
    const body = this.crowd.bodyOf(id);
    return at === undefined || body === null ? null : footprint(at, body.radius, body.labelWidth);
  }

  #glide(to: Camera): void {
    this.#stopCamera();
    const from = this.camera;
    const centre = (camera: Camera): Point => ({
      x: (this.size.width / 2 - camera.x) / camera.k,
      y: (this.size.height / 2 - camera.y) / camera.k,
    });
    const [start, end] = [centre(from), centre(to)];
    this.#stopCamera = animate(motionReduced() ? 0 : LAYOUT_MS, t => {
      const point = { x: start.x + (end.x - start.x) * t, y: start.y + (end.y - start.y) * t };
      this.camera = t === 1 ? to : centredOn(point, from.k * (to.k / from.k) ** t, this.size);
    });
  }

  /** To be called when anything moved. */
  stir(): void {
    if (!this.crowd.large) return;
    this.rough = true;
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => (this.rough = false), REST_MS);
  }

  /** Gives the focus to a machine or link, and brings it into view. */
  focusOn(focus: Focus): void {
    this.focus = focus;
    const at = this.arrangement.targets.get(focus.machine);
    if (at === undefined) return;
    const camera = bringingIntoView(this.camera, at, this.size);
    if (camera !== this.camera) this.look(camera);
  }

  /** Takes the keyboard, too. */
  takeFocus(focus: Focus): void {
    this.focusSeen = true;
    this.focusOn(focus);
  }

  run(deed: SceneDeed): void {
    switch (deed.kind) {
      case "wish":
        this.props.onwish(deed.wish);
        return;
      case "choose_link":
        this.takeFocus({ machine: deed.from, link: null });
        this.handle({ kind: "choice_started", choice: { kind: "link", from: deed.from } });
        return;
      case "choose_rewire": {
        const link = this.crowd.linkById.get(deed.link);
        if (link === undefined) return;
        this.takeFocus({ machine: otherEnd(link, link[deed.end]), link: link.id });
        this.handle({ kind: "choice_started", choice: { kind: "rewire", link: deed.link, end: deed.end } });
        return;
      }
      case "move":
        this.takeFocus({ machine: deed.machines[0] ?? "", link: null });
        this.handle({ kind: "move_started", machines: deed.machines });
        return;
      case "frame":
        if (deed.what === "all") this.frameAll();
        else this.frameSelection();
    }
  }

  /** Notes what the pointer is on. */
  pointAt(hit: Hit, world: Point | null): void {
    if (!sameHit(hit, this.hover)) this.hover = hit;
    this.pointer = world;
  }

  stop(): void {
    this.#stopCamera();
    this.arrangement.stop();
    this.labelling.stop();
    clearTimeout(this.#resting);
  }

  #steadyChoice(choice: Choice | null): Choice | null {
    if (JSON.stringify(choice) !== JSON.stringify(this.#lastChoice)) this.#lastChoice = choice;
    return this.#lastChoice;
  }

  #refusedBy(choice: Choice | null): ReadonlySet<MachineId> {
    const refused = new Set<MachineId>();
    if (choice === null) return refused;
    const origin = originOf(choice, this.context);
    for (const id of this.crowd.ids) {
      if (id !== origin && !verdictOn(proposalFor(choice, id), this.context).ok) refused.add(id);
    }
    return refused;
  }

  #judged(proposal: Proposal): Verdict {
    const machines = proposal.kind === "link" ? [proposal.a, proposal.b] : [proposal.to];
    if (machines.some(id => siteOf(id) !== null)) return { ok: false, reason: words.openGroupFirst() };
    return this.props.judge(proposal);
  }

  #within(box: Box): MachineId[] {
    return this.picture.discs.filter(({ at }) => contains(box, at)).map(({ id }) => id);
  }
}

function sameHit(p: Hit, q: Hit): boolean {
  return JSON.stringify(p) === JSON.stringify(q);
}

function choiceOf(gesture: Gesture): Choice | null {
  switch (gesture.kind) {
    case "linking":
      return { kind: "link", from: gesture.from };
    case "rewiring":
      return { kind: "rewire", link: gesture.link, end: gesture.end };
    case "choosing":
      return gesture.choice;
    default:
      return null;
  }
}
