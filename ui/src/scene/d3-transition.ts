/**
 * Stands in for `d3-transition`, of which `d3-zoom` needs one function: stopping a transition that another one replaces.
 * The scene starts none (it moves the camera itself), so there is nothing to stop, and a fifth of its size is saved.
 */
export function interrupt(): void {
  // No transition ever runs.
}
