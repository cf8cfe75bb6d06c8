import type { Bridge } from "./bridge";

export type * from "./bridge";
export * from "./types";

/** Opens the bridge that fits where the page runs. */
export async function openBridge(): Promise<Bridge> {
  if ("__TAURI_INTERNALS__" in window) {
    const { tauriBridge } = await import("./tauri");
    return tauriBridge();
  }
  const [{ httpBridge }, { Door }] = await Promise.all([import("./http"), import("./door")]);
  const door = new Door(window.localStorage);
  await door.enter(window.location, window.history);
  return httpBridge(door);
}
