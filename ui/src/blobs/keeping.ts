import type { FileFreed } from "~/bridge";
import type { Grid } from "~/state";
import { format, m } from "~/text";
import { step, told, wish } from "./deeds";

/** Under this key changes of what is here of something are pending. */
export function fileKey(path: string): string {
  return `file.${path}`;
}

/** Keeps files and folders of other machines here, or no more. */
export async function keep(grid: Grid, paths: readonly string[], on: boolean): Promise<void> {
  const pin = (to: boolean): Promise<unknown> =>
    each(paths, path => wish(grid, fileKey(path), { ask: "file_pin", path, on: to }));
  await told(grid, async () => {
    await pin(on);
    const label = on ? m.files_kept() : m.files_kept_no_more();
    step(grid, label, { undo: () => pin(!on), redo: () => pin(on) });
  });
}

/** Fetches all of them, without keeping them. How far they are, the list says. */
export async function prefetch(grid: Grid, paths: readonly string[]): Promise<void> {
  await told(grid, () => fetchAll(grid, paths));
}

/** Makes room: of nothing that is kept, and of no last copy. Taken back by fetching again what went, as far as all of it is named. */
export async function free(grid: Grid, paths: readonly string[]): Promise<void> {
  const freeAll = (): Promise<FileFreed[]> =>
    each(paths, path => wish(grid, fileKey(path), { ask: "file_free", path }));
  await told(grid, async () => {
    const freed = sum(await freeAll());
    const label = freedWords(freed);
    if (freed.bytes === 0) grid.toasts.note(label);
    else if (freed.paths.length < freed.files) grid.toasts.done(label);
    else step(grid, label, { undo: () => fetchAll(grid, freed.paths), redo: freeAll });
  });
}

function fetchAll(grid: Grid, paths: readonly string[]): Promise<unknown> {
  return each(paths, path => wish(grid, fileKey(path), { ask: "file_fetch", path }));
}

/** How much went, and why the rest stayed. */
export function freedWords({ bytes, kept, last }: FileFreed): string {
  const said = [bytes === 0 ? m.files_freed_nothing() : m.files_freed({ size: format.bytes(bytes) })];
  if (kept > 0) said.push(m.files_freed_kept({ files: format.files(kept) }));
  if (last > 0) said.push(m.files_freed_last({ files: format.files(last) }));
  return said.join(" ");
}

function sum(all: readonly FileFreed[]): FileFreed {
  const total: FileFreed = { bytes: 0, files: 0, kept: 0, last: 0, paths: [] };
  for (const { bytes, files, kept, last, paths } of all) {
    total.bytes += bytes;
    total.files += files;
    total.kept += kept;
    total.last += last;
    total.paths.push(...paths);
  }
  return total;
}

/** One after the other, so that the first refusal stops the rest. */
async function each<Answer>(paths: readonly string[], ask: (path: string) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const path of paths) answers.push(await ask(path));
  return answers;
}
