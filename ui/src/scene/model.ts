/**
 * What the scene is told (facts) and what it asks for (wishes).
 *
 * The scene decides nothing: it draws a `SceneInput`, and hands out `SceneWish`es that the caller carries out or refuses.
 * All values are immutable; a machine or link that did not change keeps its identity, so the scene can skip it.
 */

export type MachineId = string;
export type LinkId = string;

export type MachineState = "ready" | "working" | "in_use" | "paused" | "offline" | "problem";
export type LinkState = "up" | "connecting" | "down";
export type LinkPath = "direct" | "relayed";
export type LinkPolicy = "automatic" | "pinned" | "forbidden";
/** A change of a link that is not there yet: another owner has to agree, or it is being carried out. */
export type LinkPending = "consent" | "applying";
export type LinkEnd = "a" | "b";

export interface Machine {
  readonly id: MachineId;
  /** As its owner wrote it: untrusted text, shown isolated and shortened. */
  readonly name: string;
  readonly state: MachineState;
  /** One short line, for example "16 cores · RTX 4090". */
  readonly hardware: string;
  /** The state in words. */
  readonly word: string;
  /** One short line that opens with the state's word, for example "Working · 3 frames for ana". */
  readonly status: string;
  /** Benchmark score; only its relation to the other machines' scores matters. */
  readonly score: number;
  /** Share of the lent capacity in use now, `0..=1`. */
  readonly use: number;
  readonly taskCount: number;
  /** How its work goes: with less while its owner needs the machine, or not at all. */
  readonly pace: "full" | "less" | "none";
  /** What is wanted of it for the jobs that start here. */
  readonly leaning: "prefer" | "keep_off" | null;
  /** Owned by the person at this window. */
  readonly mine: boolean;
  /** The machine this window runs on. */
  readonly here: boolean;
  /** Where it stands, if known: "Studio", "Home". */
  readonly site: string | null;
}

export interface Link {
  readonly id: LinkId;
  readonly a: MachineId;
  readonly b: MachineId;
  readonly state: LinkState;
  readonly path: LinkPath;
  readonly policy: LinkPolicy;
  readonly pending: LinkPending | null;
  /** Null until measured. */
  readonly rttMs: number | null;
  readonly bytesPerSec: number;
  /** Tasks and files on their way now. */
  readonly movingAtoB: number;
  readonly movingBtoA: number;
}

export interface Selection {
  readonly machines: ReadonlySet<MachineId>;
  readonly links: ReadonlySet<LinkId>;
}

export interface SceneInput {
  readonly machines: readonly Machine[];
  readonly links: readonly Link[];
  readonly selection: Selection;
  /** "Lock layout and links": the scene only shows, selects and opens. */
  readonly locked: boolean;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A change of links that a person is about to make. */
export type Proposal =
  | { readonly kind: "link"; readonly a: MachineId; readonly b: MachineId }
  | { readonly kind: "rewire"; readonly link: LinkId; readonly end: LinkEnd; readonly to: MachineId };

/** The caller's answer to a proposal: what would happen, or why it cannot. */
export type Verdict =
  | {
      readonly ok: true;
      /** For example "about 12 ms · 3 jobs re-route". */
      readonly preview: string;
    }
  | { readonly ok: false; readonly reason: string };

export type Judge = (proposal: Proposal) => Verdict;

export type Preset = "mesh" | "chain" | "star" | "sites" | "manual";

/** Where machines stand: a value the caller stores per user; undo is putting an older value back. */
export interface Places {
  readonly preset: Preset;
  readonly at: ReadonlyMap<MachineId, Point>;
  /** The last arrangement made by hand, so that "Manual" brings it back. */
  readonly byHand: ReadonlyMap<MachineId, Point>;
}

export type SceneTarget =
  | { readonly kind: "ground" }
  | { readonly kind: "machine"; readonly machine: MachineId }
  | { readonly kind: "link"; readonly link: LinkId };

export type SceneWish =
  | { readonly kind: "select"; readonly selection: Selection }
  | { readonly kind: "open"; readonly machine: MachineId }
  /** `at` is in window pixels, as `clientX` and `clientY` are. */
  | { readonly kind: "menu"; readonly target: SceneTarget; readonly at: Point }
  | { readonly kind: "link"; readonly a: MachineId; readonly b: MachineId }
  | { readonly kind: "rewire"; readonly link: LinkId; readonly end: LinkEnd; readonly to: MachineId }
  /** A link's end was dropped on empty space: ask "Forbid this link?", never do it at once. */
  | { readonly kind: "offer_forbid"; readonly link: LinkId; readonly at: Point }
  | { readonly kind: "set_policy"; readonly links: readonly LinkId[]; readonly policy: LinkPolicy }
  | { readonly kind: "keep_off"; readonly machines: readonly MachineId[] }
  | { readonly kind: "prefer"; readonly machines: readonly MachineId[] }
  /** `settle` fills in places nobody chose and is no step of undo; `move` and `arrange` are one step each. */
  | { readonly kind: "place"; readonly places: Places; readonly why: "move" | "arrange" | "settle" };

export interface SceneProps {
  readonly input: SceneInput;
  readonly places: Places;
  readonly judge: Judge;
  readonly onwish: (wish: SceneWish) => void;
  /** Dots rest: stopped by the person, battery saver, or this machine's graphics card works for a job. */
  readonly calm?: boolean;
  /** Off where single letters must not act. */
  readonly letterKeys?: boolean;
}

/** What the caller can ask of a scene on the page. */
export interface SceneHandle {
  readonly arrange: (preset: Preset) => void;
  readonly zoomBy: (factor: number) => void;
  readonly frameAll: () => void;
  readonly frameSelection: () => void;
  /** Gives the keyboard to a machine and brings it into view, for example after a search. */
  readonly focusMachine: (machine: MachineId) => void;
  /** Carries out an action of `actionsFor`. */
  readonly run: (deed: SceneDeed) => void;
}

/** What an action does: ask the caller for something, or let the scene do it. */
export type SceneDeed =
  | { readonly kind: "wish"; readonly wish: SceneWish }
  | { readonly kind: "choose_link"; readonly from: MachineId }
  | { readonly kind: "choose_rewire"; readonly link: LinkId; readonly end: LinkEnd }
  | { readonly kind: "move"; readonly machines: readonly MachineId[] }
  | { readonly kind: "frame"; readonly what: "all" | "selection" };

export const NOTHING_SELECTED: Selection = { machines: new Set(), links: new Set() };

/** Returns the machine at the other end of `link`. */
export function otherEnd(link: Pick<Link, "a" | "b">, machine: MachineId): MachineId {
  return link.a === machine ? link.b : link.a;
}
