/**
 * Stands in for `d3-transition`, of which `d3-zoom` needs one thing: stopping a transition that another one replaces, as a
 * function and as a method of selections. The scene starts none (it moves the camera itself), so there is nothing to stop,
 * and a fifth of its size is saved.
 */

import { selection } from "d3-selection";

export function interrupt(): void {
  // No transition ever runs.
}

Object.assign(selection.prototype, {
  interrupt<S>(this: S): S {
    return this;
  },
});
