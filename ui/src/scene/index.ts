/**
 * The topology scene: machines and links as a picture that people can rearrange and rewire.
 *
 * `Scene` draws a `SceneInput` and hands out `SceneWish`es; it decides nothing and stores nothing. `Places` is the value
 * the caller keeps for it. `SceneTools` and `Legend` go beside it.
 */
export { default as Scene } from "./Scene.svelte";
export { default as SceneTools } from "./SceneTools.svelte";
export { default as LayoutMenu } from "./LayoutMenu.svelte";
export { default as Legend } from "./Legend.svelte";
export { actionsFor, type SceneAction } from "./actions";
export * from "./model";
export { arranged, manual, moved, NO_PLACES, parsePlaces, settled, storedPlaces } from "./places";
