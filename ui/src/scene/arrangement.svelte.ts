/** Where machines are drawn: at their places, on the way to them, or where a layout has them so far. */

import { untrack } from "svelte";
import type { Crowd } from "./crowd.svelte";
import { spotsOf } from "./groups";
import { entryFor } from "./layout/enter";
import { forceLayout } from "./layout/force";
import { presetSpots, type Subject } from "./layout/presets";
import type { MachineId, Places, Point, Preset, SceneProps } from "./model";
import { animate, inSlices, LAYOUT_MS, motionReduced } from "./motion";
import { arranged, manual, settled } from "./places";
import { steadyMap } from "./steady";

type Spots = ReadonlyMap<MachineId, Point>;

/** The same machines and links are laid out the same way on every machine of a person. */
const SEED = 1;

export class Arrangement {
  readonly #props: SceneProps;
  readonly #crowd: Crowd;
  readonly #steady = steadyMap<MachineId, Point>((p, q) => p.x === q.x && p.y === q.y);
  /** Where a first layout that takes longer has machines so far. */
  #draft = $state.raw<Spots | null>(null);
  #underWay = $state.raw<Spots | null>(null);
  #last: Spots = new Map();
  #moved: Places | null = null;
  #stopTween = (): void => undefined;
  #stopLayout = (): void => undefined;

  /** Where everything stands once it has come to rest. */
  readonly targets: Spots = $derived.by(() =>
    this.#steady(spotsOf(this.#crowd.grid, this.#draft ?? this.#props.places.at)),
  );
  /** Where everything is drawn now. */
  readonly spots: Spots = $derived(this.#underWay ?? this.targets);

  constructor(props: SceneProps, crowd: Crowd) {
    this.#props = props;
    this.#crowd = crowd;
  }

  place(places: Places, why: "move" | "arrange" | "settle"): void {
    if (why === "move") this.#moved = places;
    if (places !== this.#props.places) this.#props.onwish({ kind: "place", places, why });
  }

  /** To be called in an effect: walks machines to new places, unless a hand has just put them there. */
  follow(): void {
    const { targets } = this;
    const { places } = this.#props;
    untrack(() => {
      if (targets === this.#last) return;
      const from = this.#underWay ?? this.#last;
      const byHand = places === this.#moved;
      this.#last = targets;
      this.#moved = null;
      this.#stopTween();
      this.#underWay = null;
      if (!byHand && anyMoves(from, targets)) this.#tween(from, targets);
    });
  }

  #tween(from: Spots, targets: Spots): void {
    const frame = (t: number): void => {
      this.#underWay = t === 1 ? null : between(from, targets, t);
    };
    if (!motionReduced()) frame(0);
    this.#stopTween = animate(motionReduced() ? 0 : LAYOUT_MS, frame);
  }

  /** To be called in an effect: finds places for machines that have none. */
  settle(): void {
    const { baseIds } = this.#crowd;
    const { at } = this.#props.places;
    const missing = [...baseIds].filter(id => !at.has(id));
    if (missing.length === 0) return;
    untrack(() => {
      if (missing.length === baseIds.size) this.#layOut(this.#props.places.preset, "settle");
      else this.#enter(missing);
    });
  }

  #enter(missing: readonly MachineId[]): void {
    const { places } = this.#props;
    const bodies = this.#crowd.bodies();
    const present = [...places.at].filter(([id]) => bodies.has(id));
    const spots = new Map<MachineId, Point>(present);
    for (const id of missing) {
      const body = bodies.get(id);
      if (body !== undefined) spots.set(id, entryFor(body, this.#crowd.base.links, bodies, spots));
    }
    this.place(settled(places, spots), "settle");
  }

  /** Puts all machines where a preset has them. */
  arrange(preset: Preset): void {
    if (preset === "manual") this.place(manual(this.#props.places), "arrange");
    else this.#layOut(preset, "arrange");
  }

  #layOut(preset: Preset, why: "arrange" | "settle"): void {
    this.#stopLayout();
    const subject = this.#subject();
    const done = (spots: Spots): void => {
      this.#draft = null;
      const { places } = this.#props;
      this.place(why === "settle" ? settled(places, spots) : arranged(places, preset, spots), why);
    };
    if (preset === "chain" || preset === "star" || preset === "sites") {
      done(presetSpots(preset, subject));
      return;
    }
    const run = forceLayout([...subject.bodies.values()], subject.links, SEED);
    let ready = false;
    this.#stopLayout = inSlices(
      hasTime => run.advance(hasTime),
      () => {
        ready = true;
        done(run.spots());
      },
    );
    if (!ready && why === "settle") this.#draft = run.spots();
  }

  #subject(): Subject {
    const { machines, links } = this.#crowd.base;
    return { machines: machines.map(({ machine }) => machine), links, bodies: this.#crowd.bodies() };
  }

  stop(): void {
    this.#stopTween();
    this.#stopLayout();
  }
}

function anyMoves(from: Spots, to: Spots): boolean {
  for (const [id, at] of to) {
    const old = from.get(id);
    if (old !== undefined && (old.x !== at.x || old.y !== at.y)) return true;
  }
  return false;
}

function between(from: Spots, to: Spots, t: number): Spots {
  return new Map(
    [...to].map(([id, at]) => {
      const old = from.get(id) ?? at;
      return [id, { x: old.x + (at.x - old.x) * t, y: old.y + (at.y - old.y) * t }];
    }),
  );
}
