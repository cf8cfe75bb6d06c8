/** Wheel and two fingers, through d3-zoom. Everything else that moves the view is the scene's own. */

import { select } from "d3-selection";
import { zoom, zoomIdentity, zoomTransform } from "d3-zoom";
import { ZOOM_MAX, ZOOM_MIN } from "./camera";
import type { Stage } from "./stage.svelte";

/** Returns a function that tells d3-zoom where the view is now, and how to stop listening. */
export function listenForZoom(element: HTMLElement, stage: Stage): { tell: () => void; stop: () => void } {
  const behaviour = zoom<HTMLElement, unknown>()
    .scaleExtent([ZOOM_MIN, ZOOM_MAX])
    .filter((event: Event) => !isOverlay(event.target) && (event.type === "wheel" || fingersOf(event) >= 2))
    .on("zoom", ({ transform, sourceEvent }) => {
      if (sourceEvent !== null) stage.look({ x: transform.x, y: transform.y, k: transform.k });
    });
  const selection = select(element).call(behaviour).on("dblclick.zoom", null);
  return {
    tell() {
      const { x, y, k } = stage.camera;
      const known = zoomTransform(element);
      if (known.x !== x || known.y !== y || known.k !== k)
        behaviour.transform(selection, zoomIdentity.translate(x, y).scale(k));
    },
    stop() {
      selection.on(".zoom", null);
    },
  };
}

function fingersOf(event: Event): number {
  return "touches" in event ? (event as TouchEvent).touches.length : 0;
}

/** Lists and buttons over the scene keep their own wheel and presses. */
export function isOverlay(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("[data-overlay]") !== null;
}
