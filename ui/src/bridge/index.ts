import type { Bridge } from "./bridge";

export type * from "./bridge";
export * from "./types";

/** Opens the bridge that fits where the page runs. Rejects when a browser's session cannot be opened. */
export async function openBridge(): Promise<Bridge> {
  if ("__TAURI_INTERNALS__" in window) {
    const { tauriBridge } = await import("./tauri");
    return tauriBridge();
  }
  const { httpBridge, openSession } = await import("./http");
  await openSession(window.location, window.history);
  return httpBridge();
}
