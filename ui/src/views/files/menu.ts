import CloudDownload from "@lucide/svelte/icons/cloud-download";
import Copy from "@lucide/svelte/icons/copy";
import Download from "@lucide/svelte/icons/download";
import Eraser from "@lucide/svelte/icons/eraser";
import ExternalLink from "@lucide/svelte/icons/external-link";
import FolderSearch from "@lucide/svelte/icons/folder-search";
import Pin from "@lucide/svelte/icons/pin";
import PinOff from "@lucide/svelte/icons/pin-off";
import type { Component } from "svelte";

import type { FileView } from "~/bridge";
import { told } from "~/blobs/deeds";
import { free, keep, prefetch } from "~/blobs/keeping";
import { isShared } from "~/blobs/paths";
import { localPath, placeOf } from "~/blobs/places";
import type { Shared } from "~/blobs/shared.svelte";
import { stateOf } from "~/blobs/states";
import { copy } from "~/parts/copy";
import type { MenuItem } from "~/parts/menu";
import type { Grid } from "~/state";
import { m } from "~/text";

/** Something in the list, with its path. */
export interface Entry {
  file: FileView;
  path: string;
}

/** Opens a file with the program for it; where this window cannot, it hands out a copy. */
export async function openFile(grid: Grid, shared: Shared, { path }: Entry): Promise<void> {
  const { platform, saveCopy, openPath } = grid.bridge;
  const local = localPath(shared.shares, shared.mount?.dir ?? null, path);
  await told(grid, async () => {
    if (platform.canReveal && local !== null) await openPath.call(grid.bridge, local);
    else if (saveCopy !== null) await saveCopy.call(grid.bridge, path);
    else grid.toasts.problem(m.files_open_needs_mount());
  });
}

/** What can be done with these files and folders now, for row menus, buttons and the palette. */
export function fileMenu(
  grid: Grid,
  shared: Shared,
  entries: readonly Entry[],
  open: (entry: Entry) => void,
): MenuItem[] {
  const [only, ...others] = entries;
  if (only === undefined) return [];
  const goes = others.length > 0 ? [] : goings(grid, shared, only, open);
  const [first, ...rest] = goes;
  // Opening comes first, as in every menu.
  return first?.id === "open"
    ? [first, ...keepings(grid, shared, entries), ...rest]
    : [...keepings(grid, shared, entries), ...goes];
}

/** What of other machines' files is to be here. */
function keepings(grid: Grid, shared: Shared, entries: readonly Entry[]): MenuItem[] {
  const blocked = grid.stale ? m.shell_unavailable_stale() : null;
  const foreign = entries
    .filter(({ path }) => isShared(path))
    .map(({ file, path }) => ({ file, path, state: stateOf(file, placeOf(grid, shared.shares, path)) }))
    .filter(({ state }) => state !== null && state !== "own");
  const item = (id: string, label: string, icon: Component, fit: typeof foreign, run: Deed): MenuItem[] =>
    fit.length === 0
      ? []
      : [
          {
            id,
            label,
            icon,
            blocked,
            run: () =>
              void run(
                grid,
                fit.map(({ path }) => path),
              ),
          },
        ];
  return [
    ...item(
      "keep",
      m.files_keep(),
      Pin,
      foreign.filter(({ file }) => !file.kept),
      (grid, paths) => keep(grid, paths, true),
    ),
    ...item(
      "unkeep",
      m.files_unkeep(),
      PinOff,
      foreign.filter(({ file }) => file.kept),
      (grid, paths) => keep(grid, paths, false),
    ),
    ...item(
      "prefetch",
      m.files_prefetch(),
      CloudDownload,
      foreign.filter(({ state }) => state === "elsewhere" || state === "partial"),
      prefetch,
    ),
    ...item(
      "free",
      m.files_free(),
      Eraser,
      foreign.filter(({ file }) => !file.kept && (file.here_bytes ?? 0) > 0),
      free,
    ),
  ];
}

type Deed = (grid: Grid, paths: readonly string[]) => Promise<void>;

function goings(grid: Grid, shared: Shared, entry: Entry, open: (entry: Entry) => void): MenuItem[] {
  const { file, path } = entry;
  const { platform, saveCopy, reveal } = grid.bridge;
  const local = localPath(shared.shares, shared.mount?.dir ?? null, path);
  const items: MenuItem[] = [];
  if (file.kind === "folder" || file.kind === "file")
    items.push({ id: "open", label: m.common_open(), icon: ExternalLink, keys: ["Enter"], run: () => open(entry) });
  if (file.kind === "file" && saveCopy !== null)
    items.push({
      id: "save",
      label: m.files_save_copy(),
      icon: Download,
      run: () => void told(grid, () => saveCopy.call(grid.bridge, path)),
    });
  if (platform.canReveal && local !== null)
    items.push({
      id: "reveal",
      label: m.files_reveal(),
      icon: FolderSearch,
      run: () => void told(grid, () => reveal.call(grid.bridge, local)),
    });
  items.push({
    id: "copy",
    label: m.files_copy_path(),
    icon: Copy,
    apart: true,
    run: () => void copied(grid, local ?? path),
  });
  return items;
}

async function copied(grid: Grid, text: string): Promise<void> {
  if (await copy(text)) grid.toasts.done(m.common_copied());
  else grid.toasts.problem(m.common_copy_refused());
}
