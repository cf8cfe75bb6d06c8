import { Refusal, type Dropped, type UploadProgress } from "~/bridge";
import type { Grid } from "~/state";
import { fileKey } from "./keeping";
import { wish } from "./deeds";

/** Copies files of this machine into a folder that it shares. Returns those in whose way another file is; rejects with a `Refusal`. */
export async function putAll(grid: Grid, paths: readonly string[], to: string, overwrite: boolean): Promise<string[]> {
  const inTheWay: string[] = [];
  for (const from of paths) {
    try {
      await wish(grid, fileKey(to), { ask: "file_put", from, to, overwrite });
    } catch (thrown) {
      const refusal = Refusal.from(thrown);
      if (refusal.code !== "duplicate_name") throw refusal;
      inTheWay.push(from);
    }
  }
  return inTheWay;
}

/** Paths on this machine of what was dropped; a browser sends the contents first. */
export async function pathsOf(
  grid: Grid,
  dropped: Dropped,
  hear: (progress: UploadProgress) => void,
  signal: AbortSignal,
): Promise<string[]> {
  return "paths" in dropped ? [...dropped.paths] : grid.bridge.upload(dropped.files, hear, signal);
}

export function namesOf(dropped: Dropped): string[] {
  return "paths" in dropped
    ? dropped.paths.map(path => path.split(/[\\/]/).findLast(part => part !== "") ?? path)
    : dropped.files.map(file => file.name);
}
