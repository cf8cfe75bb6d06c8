/** Which machines have their text on the page: in a crowd only those in view, a few more with each frame. */

import { toWorld, type Camera, type Size } from "./camera";
import { contains, type Box } from "./geometry";
import type { Disc } from "./hit";
import type { MachineId } from "./model";
import type { Stage } from "./stage.svelte";

/** Setting a text takes a browser about 0.2 ms; so many fit into a frame beside the rest. */
const PER_FRAME = 24;
/** Text is set this far around the view, in shares of its size, before it comes into view. */
const MARGIN = 0.4;
const NOBODY: ReadonlySet<MachineId> = new Set();

export class Labelling {
  readonly #stage: Stage;
  #set = $state.raw(NOBODY);
  /** What is labelled: where, at which zoom, and the machines as they stood then. */
  #around: Box | null = null;
  #zoom = 0;
  #discs: readonly Disc[] = [];
  #handle = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  has(machine: MachineId): boolean {
    return !this.#stage.crowd.large || this.#set.has(machine);
  }

  /** To be called in an effect: follows the view. */
  follow(): void {
    const { camera, size, detail, rough, crowd } = this.#stage;
    const { discs } = this.#stage.picture;
    if (!crowd.large) return;
    const zooms = camera.k !== this.#zoom;
    // A browser lays out every text anew at every zoom.
    if (detail === "shapes" || (zooms && rough)) {
      this.#clear();
    } else if (zooms || discs !== this.#discs || !this.#covers(viewOf(camera, size, 0))) {
      this.#around = viewOf(camera, size, MARGIN);
      this.#zoom = camera.k;
      this.#discs = discs;
      this.#fill();
    }
  }

  #fill(): void {
    cancelAnimationFrame(this.#handle);
    const around = this.#around;
    if (around === null) return;
    const wanted = this.#discs.filter(({ at }) => contains(around, at)).map(({ id }) => id);
    const kept = wanted.filter(id => this.#set.has(id));
    const missing = wanted.filter(id => !this.#set.has(id));
    this.#set = new Set([...kept, ...missing.slice(0, PER_FRAME)]);
    if (missing.length > PER_FRAME) this.#handle = requestAnimationFrame(() => this.#fill());
  }

  #clear(): void {
    cancelAnimationFrame(this.#handle);
    this.#around = null;
    this.#zoom = 0;
    this.#set = NOBODY;
  }

  stop(): void {
    cancelAnimationFrame(this.#handle);
  }

  #covers(view: Box): boolean {
    const far = { x: view.x + view.width, y: view.y + view.height };
    return this.#around !== null && contains(this.#around, view) && contains(this.#around, far);
  }
}

function viewOf(camera: Camera, { width, height }: Size, margin: number): Box {
  const from = toWorld(camera, { x: -width * margin, y: -height * margin });
  const to = toWorld(camera, { x: width * (1 + margin), y: height * (1 + margin) });
  return { x: from.x, y: from.y, width: to.x - from.x, height: to.y - from.y };
}
