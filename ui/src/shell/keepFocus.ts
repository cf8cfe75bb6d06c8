/** Keeps the keyboard where it was when the thing that had the focus goes away (WCAG 2.4.3). */

import { reachableIn } from "~/parts/focus";

/** Where the focus is: it can be found again when the thing itself is gone. */
interface Place {
  readonly element: Element;
  /** What it lies in, from the inside outwards, and as the how-manieth child. */
  readonly within: readonly { readonly parent: Element; readonly at: number }[];
  /** What had the focus before, outside of the innermost part of this one that may go. */
  readonly before: HTMLElement | null;
}

/**
 * Gives the focus to what moved into the place of the thing that had it, else to what stood before that, else to the part of
 * the window around it, else to what had the focus before. Returns how to stop.
 */
export function keepFocus(): () => void {
  let place: Place | null = null;
  let frame = 0;

  const arrived = ({ target, relatedTarget }: FocusEvent): void => {
    if (!(target instanceof Element)) return;
    const before = relatedTarget instanceof HTMLElement ? relatedTarget : (place?.before ?? null);
    place = { element: target, within: placesOf(target), before };
  };
  const left = ({ target }: FocusEvent): void => {
    // A person left it for nothing, such as with a click on empty space. What is taken away leaves the page first.
    queueMicrotask(() => {
      if (target instanceof Element && target.isConnected && document.activeElement === document.body) place = null;
    });
  };
  const watch = new MutationObserver(() => {
    if (place === null || frame !== 0 || place.element.isConnected) return;
    // With the next frame: what takes its place, or opens over it, comes first and may want the focus itself.
    frame = requestAnimationFrame(() => {
      frame = 0;
      if (place === null || place.element.isConnected || document.activeElement !== document.body) return;
      heirOf(place)?.focus();
    });
  });

  document.addEventListener("focusin", arrived);
  document.addEventListener("focusout", left);
  watch.observe(document.body, { childList: true, subtree: true });
  return () => {
    document.removeEventListener("focusin", arrived);
    document.removeEventListener("focusout", left);
    watch.disconnect();
    cancelAnimationFrame(frame);
  };
}

function placesOf(target: Element): Place["within"] {
  const places: { parent: Element; at: number }[] = [];
  for (let element = target; ;) {
    const parent = element.parentElement;
    if (parent === null || parent === document.body) return places;
    places.push({ parent, at: Array.prototype.indexOf.call(parent.children, element) });
    element = parent;
  }
}

function heirOf({ within, before }: Place): HTMLElement | null {
  for (const { parent, at } of within) {
    if (!parent.isConnected) continue;
    // What stood beside it is another part of the window.
    if (parent.querySelector("main") !== null) break;
    if (!parent.hasAttribute("data-region")) {
      const beside = reachableIn(parent.children[at])[0] ?? reachableIn(parent.children[at - 1]).at(-1);
      if (beside !== undefined) return beside;
    }
    // A list that leads to its rows by arrows, or a part of the window.
    if (parent instanceof HTMLElement && parent.hasAttribute("tabindex")) return parent;
  }
  return before?.isConnected === true ? before : document.querySelector<HTMLElement>("main");
}
