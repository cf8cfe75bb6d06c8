import CloudDownload from "@lucide/svelte/icons/cloud-download";
import Combine from "@lucide/svelte/icons/combine";
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
import { isShared, partsOf } from "~/blobs/paths";
import { localPath, placeOf } from "~/blobs/places";
import type { Shared } from "~/blobs/shared.svelte";
import { awayWords, stateOf } from "~/blobs/states";
import { copy } from "~/parts/copy";
import type { MenuItem } from "~/parts/menu";
import { awaiting } from "~/peers/deeds";
import type { Grid } from "~/state";
import { isolate, m } from "~/text";

/** Something in the list, with its path. */
export interface Entry {
  file: FileView;
  path: string;
}

/** Opens a file with the program for it; where this window cannot, it hands out a copy. */
export async function openFile(grid: Grid, shared: Shared, { path }: Entry): Promise<void> {
  const { platform } = grid.bridge;
  const local = localPath(shared.shares, shared.mount?.dir ?? null, path);
  if (!platform.canReveal) return save(grid, path, "file");
  await told(grid, async () => {
    if (local !== null) await grid.bridge.openPath(local);
    else grid.toasts.problem(m.files_open_needs_mount());
  });
}

/** Keeps a copy where the person says; of a folder, one of its files as one. */
async function save(grid: Grid, path: string, as: "file" | "joined"): Promise<void> {
  await told(grid, async () => {
    const at = await grid.bridge.saveCopy(path, as);
    if (at === null) return;
    const reveal = { label: m.files_reveal(), run: () => void told(grid, () => grid.bridge.reveal(at)) };
    grid.toasts.done(m.files_saved({ name: isolate(at) }), reveal);
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
      foreign.filter(({ state }) => state === "elsewhere" || state === "partial" || state === "outdated"),
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
  const { platform } = grid.bridge;
  const local = localPath(shared.shares, shared.mount?.dir ?? null, path);
  const place = placeOf(grid, shared.shares, path);
  const away = stateOf(file, place) === "away" ? awayWords(null, place, Date.now()) : null;
  const items: MenuItem[] = [];
  if (file.kind === "folder" || file.kind === "file")
    items.push({ id: "open", label: m.common_open(), icon: ExternalLink, keys: ["Enter"], run: () => open(entry) });
  if (file.kind === "file")
    items.push({
      id: "save",
      label: m.files_save_copy(),
      icon: Download,
      blocked: away,
      run: () => void save(grid, path, "file"),
    });
  // Of machines and shares nobody means it.
  if (file.kind === "folder" && partsOf(path).length > 2)
    items.push({ id: "join", label: m.files_save_joined(), icon: Combine, run: () => void save(grid, path, "joined") });
  if (platform.canReveal && local !== null)
    items.push({
      id: "reveal",
      label: m.files_reveal(),
      icon: FolderSearch,
      run: () => void told(grid, () => grid.bridge.reveal(local)),
    });
  const machine = place.machine === null ? undefined : grid.machine(place.machine);
  if (machine !== undefined) items.push(...awaiting(grid, machine));
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
