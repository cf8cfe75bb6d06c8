/** Turns what the page reports (pointers, keys, focus) into facts for the scene. */

import { toWorld } from "./camera";
import { perform } from "./commands";
import { only, type Fact, type Pointer } from "./gesture";
import { dropTargetAt, hitAt, type Hit } from "./hit";
import { keyAction } from "./keys";
import type { Point } from "./model";
import type { Stage } from "./stage.svelte";
import { isOverlay } from "./zooming";

const MAIN = 0;
const MIDDLE = 1;

export class Controls {
  readonly #stage: Stage;
  readonly #element: HTMLElement;
  /** The pointer that the gesture in progress belongs to. */
  #held: number | null = null;
  #spaceDown = false;
  /** The space bar was used to pan, so that letting go of it selects nothing. */
  #spacePanned = false;
  #clicked: Hit | null = null;

  constructor(stage: Stage, element: HTMLElement) {
    this.#stage = stage;
    this.#element = element;
  }

  /** Listens until the returned function is called. */
  listen(): () => void {
    const stop = new AbortController();
    const on = <Name extends keyof HTMLElementEventMap>(
      name: Name,
      act: (event: HTMLElementEventMap[Name]) => void,
    ): void => this.#element.addEventListener(name, act, { signal: stop.signal });
    on("pointerdown", event => this.#pressed(event));
    on("pointermove", event => this.#moved(event));
    on("pointerup", event => this.#released(event));
    on("pointercancel", () => this.#lost());
    on("pointerleave", () => this.#left());
    on("click", event => this.#clickedByOthers(event));
    on("dblclick", event => this.#doubleClicked(event));
    on("contextmenu", event => this.#menuAsked(event));
    on("keydown", event => this.#keyPressed(event));
    on("keyup", event => this.#keyReleased(event));
    on("focusin", event => this.#focused(event));
    on("focusout", event => this.#unfocused(event));
    return () => stop.abort();
  }

  #pressed(event: PointerEvent): void {
    if (isOverlay(event.target)) return;
    if (this.#held !== null) {
      // A second finger means zooming; a second button means nothing.
      if (event.pointerId !== this.#held) this.#lost();
      return;
    }
    const pan = event.button === MIDDLE || (event.button === MAIN && this.#spaceDown);
    if (event.button !== MAIN && !pan) return;
    if (event.button === MIDDLE) event.preventDefault();
    this.#spacePanned ||= pan;
    this.#held = event.pointerId;
    this.#element.setPointerCapture(event.pointerId);
    const pointer = this.#pointer(event);
    this.#clicked = pointer.hit;
    if (!pan) this.#focusOn(pointer.hit);
    this.#tell({ kind: "pressed", pointer, extend: event.shiftKey, pan });
  }

  #moved(event: PointerEvent): void {
    const pointer = this.#pointer(event);
    if (event.pointerId === this.#held) this.#tell({ kind: "moved", pointer });
    else if (this.#held === null && event.pointerType === "mouse") this.#stage.pointAt(pointer.hit, pointer.world);
  }

  #released(event: PointerEvent): void {
    if (event.pointerId !== this.#held) return;
    this.#held = null;
    this.#tell({ kind: "released", pointer: this.#pointer(event) });
    const { hit, world } = this.#pointer(event);
    this.#stage.pointAt(hit, world);
  }

  /** The pointer was taken away, or the window lost it. */
  #lost(): void {
    this.#held = null;
    this.#tell({ kind: "cancelled" });
  }

  #left(): void {
    if (this.#held === null) this.#stage.pointAt({ kind: "ground" }, null);
  }

  /** A screen reader presses a machine without a pointer. */
  #clickedByOthers(event: MouseEvent): void {
    if (event.detail !== 0 || isOverlay(event.target) || !(event.target instanceof Element)) return;
    const machine = event.target.closest<SVGElement>("[data-machine]")?.dataset["machine"];
    if (machine !== undefined) this.#stage.select(only({ kind: "machine", machine }));
  }

  #doubleClicked(event: MouseEvent): void {
    if (isOverlay(event.target)) return;
    const pointer = this.#pointer(event);
    // The first click may have opened a group, and the second then lies on one of its machines.
    if (JSON.stringify(pointer.hit) === JSON.stringify(this.#clicked)) this.#tell({ kind: "double_clicked", pointer });
  }

  #menuAsked(event: MouseEvent): void {
    if (isOverlay(event.target)) return;
    event.preventDefault();
    this.#tell({ kind: "menu_asked", pointer: this.#pointer(event) });
  }

  #keyPressed(event: KeyboardEvent): void {
    if (isOverlay(event.target) || event.defaultPrevented) return;
    if (event.key === " ") {
      event.preventDefault();
      if (!event.repeat) this.#spacePanned = false;
      this.#spaceDown = true;
      return;
    }
    this.#act(event);
  }

  #keyReleased(event: KeyboardEvent): void {
    if (event.key !== " " || !this.#spaceDown) return;
    this.#spaceDown = false;
    if (!this.#spacePanned) this.#act(event);
  }

  #focused(event: FocusEvent): void {
    const { target } = event;
    if (!(target instanceof SVGElement)) return;
    const { machine, link } = target.dataset;
    const stage = this.#stage;
    if (machine !== undefined && stage.focus?.machine !== machine) stage.focus = { machine, link: null };
    if (machine !== undefined || link !== undefined) stage.focusSeen = target.matches(":focus-visible");
  }

  #unfocused(event: FocusEvent): void {
    if (this.#holds(event.relatedTarget)) return;
    // A link that is not drawn any more loses the focus while the page is being drawn: look at what has it afterwards.
    queueMicrotask(() => {
      if (this.#holds(document.activeElement)) return;
      this.#stage.focusSeen = false;
      this.#spaceDown = false;
    });
  }

  #holds(target: EventTarget | null): boolean {
    return target instanceof Node && this.#element.contains(target);
  }

  #act(event: KeyboardEvent): void {
    const stage = this.#stage;
    const action = keyAction(event, stage.gesture, stage.props.letterKeys ?? true);
    if (action === null) return;
    const { left, top } = this.#element.getBoundingClientRect();
    if (perform(stage, action, { x: left, y: top })) event.preventDefault();
  }

  #tell(fact: Fact): void {
    this.#stage.handle(fact);
  }

  #focusOn(hit: Hit): void {
    const stage = this.#stage;
    stage.focusSeen = false;
    if (hit.kind === "machine" || hit.kind === "ring") stage.focus = { machine: hit.machine, link: null };
  }

  #pointer(event: MouseEvent): Pointer {
    const world = toWorld(this.#stage.camera, this.#local(event));
    return { screen: { x: event.clientX, y: event.clientY }, world, hit: this.#hit(world) };
  }

  #hit(world: Point): Hit {
    const { gesture } = this.#stage;
    const map = this.#stage.hitMap();
    return gesture.kind === "linking" || gesture.kind === "rewiring" ? dropTargetAt(map, world) : hitAt(map, world);
  }

  #local(event: MouseEvent): Point {
    const { left, top } = this.#element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}
