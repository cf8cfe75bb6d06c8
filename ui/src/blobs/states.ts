import type { FileView, PeerId } from "~/bridge";
import type { GlyphShape, GlyphTone } from "~/parts/Glyph.svelte";
import { format, isolate, m } from "~/text";

/** On which machine something of the tree lies. */
export interface Place {
  machine: PeerId | null;
  /** What people call it. */
  name: string;
  /** True for what this machine shares: all of it is here. */
  own: boolean;
  /** True for what jobs made: their stewards have it, and nobody says from here who they are. */
  ofJobs: boolean;
  online: boolean;
  /** Machines that have copies of all of it while it is away, in words; absent where there are none. */
  copies?: string;
  /** When it was last seen, in milliseconds since 1970; `null` where nobody knows. */
  lastSeen: number | null;
}

/** How much of something is on this machine (ui-spec §7). */
export type FileState = "own" | "kept" | "here" | "coming" | "partial" | "outdated" | "elsewhere" | "away";

/** The state of a file or folder; `null` for what has no content that could come. */
export function stateOf(file: FileView, place: Place): FileState | null {
  if (file.kind === "link" || file.kind === "hidden" || place.ofJobs) return null;
  if (place.own) return "own";
  const here = file.here_bytes ?? 0;
  const isFolder = file.kind === "folder";
  if (!isFolder && here >= file.size_bytes) return file.kept ? "kept" : "here";
  if ((!place.online || !file.online) && place.copies === undefined) return "away";
  if (file.fetching) return "coming";
  // A folder that is kept may be on its way: nobody knows all that is in it.
  if (isFolder && file.kept) return "kept";
  if (file.outdated === true) return "outdated";
  return here > 0 ? "partial" : "elsewhere";
}

/** The state in words, beside its glyph. */
export function stateWords(state: FileState, file: FileView, place: Place, now: number): string {
  switch (state) {
    case "own":
    case "here":
      return m.files_state_here();
    case "kept":
      return m.files_state_kept();
    case "partial":
      return m.files_state_partial({ part: partHere(file) });
    case "coming":
      return (file.here_bytes ?? 0) === 0
        ? m.files_state_coming()
        : m.files_state_coming_partial({ part: partHere(file) });
    case "outdated":
      return m.files_state_outdated();
    case "elsewhere":
      return m.files_state_elsewhere({
        name: place.online ? isolate(place.name) : (place.copies ?? isolate(place.name)),
      });
    case "away":
      return awayWords(file, place, now);
  }
}

/** "Only on old-imac, offline since 09:12", and how much of it is here all the same. */
export function awayWords(file: FileView | null, place: Place, now: number): string {
  const name = isolate(place.name);
  const only =
    place.lastSeen === null
      ? m.files_state_away({ name })
      : m.files_state_away_since({ name, time: format.when(place.lastSeen, now) });
  if (file === null || (file.here_bytes ?? 0) === 0) return only;
  return m.files_state_away_partial({ part: partHere(file), only });
}

/** What of a file is here, as a share; of a folder, in bytes: nobody knows all that is in it. */
function partHere({ kind, here_bytes, size_bytes }: FileView): string {
  const here = here_bytes ?? 0;
  // Neither none nor all of it: that would be another state.
  if (kind === "file") return format.percent(Math.min(0.99, Math.max(0.01, here / size_bytes)));
  return format.bytes(here);
}

export const LOOKS: Record<FileState, { shape: GlyphShape; tone: GlyphTone }> = {
  own: { shape: "here", tone: "ready" },
  here: { shape: "here", tone: "ready" },
  kept: { shape: "kept", tone: "ready" },
  coming: { shape: "moving", tone: "working" },
  partial: { shape: "partial", tone: "working" },
  outdated: { shape: "differs", tone: "paused" },
  elsewhere: { shape: "elsewhere", tone: "muted" },
  away: { shape: "offline", tone: "offline" },
};

/** What of the files of a folder is here, in bytes, for a bar. */
export interface Mix {
  kept: number;
  here: number;
  elsewhere: number;
}

export function mixOf(files: readonly FileView[], place: Place): Mix {
  const mix: Mix = { kept: 0, here: 0, elsewhere: 0 };
  for (const file of files) {
    if (file.kind !== "file") continue;
    const here = place.own ? file.size_bytes : Math.min(file.here_bytes ?? 0, file.size_bytes);
    mix[file.kept ? "kept" : "here"] += here;
    mix.elsewhere += file.size_bytes - here;
  }
  return mix;
}

/** The same of what lies below a folder, as far as it is known here; `null` where nothing of it is. */
export function folderMix(folder: FileView): Mix | null {
  const here = folder.here_bytes ?? 0;
  if (folder.kind !== "folder" || here === 0) return null;
  const elsewhere = Math.max(0, (folder.known_bytes ?? here) - here);
  return folder.kept ? { kept: here, here: 0, elsewhere } : { kept: 0, here, elsewhere };
}

/** A mix as parts of a bar, with words. */
export function barOf(mix: Mix): { id: keyof Mix; value: number; label: string; colour: string }[] {
  const parts = [
    { id: "kept", label: m.files_sum_kept, colour: "var(--ready)" },
    { id: "here", label: m.files_sum_here, colour: "var(--working)" },
    { id: "elsewhere", label: m.files_sum_elsewhere, colour: "var(--line)" },
  ] as const;
  return parts
    .map(({ id, label, colour }) => ({ id, value: mix[id], label: label({ size: format.bytes(mix[id]) }), colour }))
    .filter(({ value }) => value > 0);
}
