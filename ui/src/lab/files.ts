import { Refusal } from "~/bridge";
import type { CopiesView, FilePlaceView, FileView, MountView, ShareView } from "~/bridge";
import type { Replies } from "./bridge";
import { LAB_NOW, peerId } from "./fixtures";

const HOUR_MS = 3_600_000;
const PAGE = 4_096;

/** What the lab's machines share: every state of a file, a large folder, and a machine that is away. */
export function fileReplies(): Replies {
  let shares: ShareView[] = [
    labShare("atelier-tower", "Scenes", "/home/ana/Scenes"),
    { ...labShare("render-01", "Textures"), copies: labCopies(["render-01", "studio-nas"], 2) },
    labShare("studio-nas", "Films"),
    labShare("old-imac", "Archive", null, false),
  ];
  let mount: MountView = { dir: null, strict: false };
  const find = (path: string): FileView => {
    const at = path.lastIndexOf("/");
    const found = listing(shares, path.slice(0, at)).find(({ name }) => name === path.slice(at + 1));
    if (found === undefined) throw gone(path);
    return found;
  };
  const change = (path: string, how: (file: FileView) => Partial<FileView>): FileView => {
    const file = find(path);
    return Object.assign(file, how(file));
  };
  return {
    shares: () => shares,
    share_add: ({ path, name, to }) => {
      if (!path.startsWith("/"))
        throw new Refusal({ kind: "input", code: "bad_request", message: `'${path}' is no absolute path` });
      const called = name ?? path.split("/").at(-1) ?? "";
      return (shares = [...shares, { ...labShare("atelier-tower", called, path), to: to ?? [] }]);
    },
    share_remove: ({ name }) => (shares = shares.filter(share => share.path === null || share.name !== name)),
    share_replicate: ({ name, copies }) =>
      (shares = shares.map(share =>
        share.path === null || share.name !== name
          ? share
          : { ...share, copies: copies > 1 ? labCopies(["atelier-tower", "studio-nas"], copies) : null },
      )),
    files: ({ path, after }) => {
      const all = listing(shares, path);
      const from = after == null ? 0 : all.findIndex(({ name }) => name === after) + 1;
      return {
        path,
        files: all.slice(from, from + PAGE).map(file => ({ ...file })),
        more: all.length > from + PAGE,
        online: !path.startsWith("/old-imac"),
      };
    },
    file: ({ path }) => ({ ...find(path) }),
    file_pin: ({ path, on }) =>
      change(path, file => ({ kept: on, here_bytes: on ? file.size_bytes : file.here_bytes })),
    file_fetch: ({ path }) => change(path, file => ({ here_bytes: file.size_bytes })),
    file_free: ({ path }) => {
      const { here_bytes, kept } = find(path);
      const away = path.startsWith("/old-imac/");
      if (kept || away) return { bytes: 0, files: 0, kept: Number(kept), last: Number(away), paths: [] };
      change(path, () => ({ here_bytes: 0 }));
      return { bytes: here_bytes ?? 0, files: 1, kept: 0, last: 0, paths: [path] };
    },
    file_put: ({ from, to, overwrite }) => {
      const name = from.split("/").at(-1) ?? "";
      const files = listing(shares, to);
      const there = files.find(file => file.name === name);
      if (there !== undefined && overwrite !== true)
        throw new Refusal({ kind: "input", code: "duplicate_name", message: `'${to}/${name}' is there already` });
      const put = labFile(name, 5e6, { here_bytes: null });
      if (there === undefined) files.push(put);
      else Object.assign(there, put);
      return put;
    },
    file_where: ({ path }) => placesOf(shares, path, find(path)),
    mount: ({ dir }) => (mount = { dir, strict: false }),
    unmount: () => (mount = { dir: null, strict: false }),
    mounted: () => mount,
  };
}

/** Nobody shares anything yet. */
export const NO_FILES: Replies = {
  shares: () => [],
  files: ({ path }) => ({ path, files: path === "" ? [folder("atelier-tower")] : [], more: false, online: true }),
  mounted: () => ({ dir: null, strict: false }),
};

/** Its owner, this machine as far as it has it, and one that passed it on. */
function placesOf(shares: readonly ShareView[], path: string, file: FileView): FilePlaceView[] {
  const owner = path.split("/")[1] ?? "";
  const of = (name: string, here: number, some: Partial<FilePlaceView> = {}): FilePlaceView => ({
    machine: peerId(name),
    name,
    online: true,
    here_bytes: here,
    size_bytes: file.size_bytes,
    kept: false,
    owner: false,
    ...some,
  });
  const online = shares.find(({ machine_name }) => machine_name === owner)?.online ?? true;
  const here = file.here_bytes ?? 0;
  return [
    of(owner, file.size_bytes, { owner: true, online }),
    ...(here > 0 ? [of("atelier-tower", here, { kept: file.kept })] : []),
    ...(here > 0 && online ? [of("studio-nas", file.size_bytes / 2)] : []),
  ];
}

function labCopies(names: readonly string[], wanted: number): CopiesView {
  const places = names.map(name => ({ machine: peerId(name), name, files: 12, bytes: 1.9e9 }));
  return {
    wanted,
    whole: Math.min(wanted, names.length),
    on_the_way: Math.max(0, wanted - names.length),
    places,
    files: 12,
    note: "",
  };
}

function labShare(machine: string, name: string, path: string | null = null, online = true): ShareView {
  const at = `/${machine}/${name}`;
  return {
    id: peerId(name).slice(0, 26),
    name,
    machine: peerId(machine),
    machine_name: machine,
    online,
    at,
    path,
    to: [],
  };
}

function gone(path: string): Refusal {
  return new Refusal({ kind: "input", code: "missing_file", message: `'${path}' is not there` });
}

function listing(shares: readonly ShareView[], path: string): FileView[] {
  const parts = path.split("/").filter(Boolean);
  const [machine] = parts;
  const under = shares.filter(({ at }) => at.split("/")[1] === machine);
  if (machine === undefined)
    return [...new Set(shares.map(({ at }) => at.split("/")[1] ?? ""))].sort().map(name => folder(name));
  if (parts.length === 1) return under.map(({ at }) => ({ ...folder(at.split("/")[2] ?? ""), here_bytes: 0 }));
  const files = FOLDERS[`/${parts.join("/")}`];
  if (files === undefined) throw gone(path);
  return files;
}

export function labFile(name: string, size_bytes: number, some: Partial<FileView> = {}): FileView {
  const base: FileView = {
    name,
    kind: "file",
    size_bytes,
    modified_ms: LAB_NOW - (name.length % 7) * 5 * HOUR_MS,
    executable: false,
    target: null,
    blob: null,
    online: true,
    here_bytes: 0,
    kept: false,
    fetching: false,
  };
  return { ...base, ...some };
}

function folder(name: string, some: Partial<FileView> = {}): FileView {
  return labFile(name, 0, { kind: "folder", ...some });
}

const FOLDERS: Record<string, FileView[]> = {
  "/atelier-tower/Scenes": [labFile("kitchen.blend", 48e6), labFile("kitchen_wood.png", 12.4e6), folder("old")].map(
    file => ({ ...file, here_bytes: null }),
  ),
  "/atelier-tower/Scenes/old": [],
  "/render-01/Textures": [
    folder("fabric", { here_bytes: 1.2e9, known_bytes: 1.9e9 }),
    folder("metal"),
    folder("wood", { kept: true, here_bytes: 310e6, known_bytes: 310e6 }),
    labFile("brick_01.exr", 84e6),
    labFile("brick_02.exr", 84e6, { here_bytes: 38.6e6 }),
    labFile("concrete.png", 22e6, { here_bytes: 22e6 }),
    labFile("floor.png", 18e6, { here_bytes: 18e6, kept: true }),
    labFile("latest", 0, { kind: "link", target: "wood/oak.png" }),
    labFile("socket", 0, { kind: "hidden" }),
    labFile("plaster.exr", 52e6, { outdated: true }),
    labFile("readme.txt", 1_204),
  ],
  "/render-01/Textures/fabric": [labFile("linen.png", 8e6, { here_bytes: 8e6 })],
  "/render-01/Textures/metal": [],
  "/render-01/Textures/wood": [labFile("oak.png", 310e6, { here_bytes: 310e6, kept: true })],
  /** Two pages and a half. */
  "/studio-nas/Films": Array.from({ length: 10_000 }, (_, at) =>
    labFile(`shot_${String(at).padStart(5, "0")}.exr`, 12e6 + at, { here_bytes: at % 3 === 0 ? 12e6 + at : 0 }),
  ),
  "/old-imac/Archive": [
    labFile("holiday.mov", 2.1e9),
    labFile("portrait.tif", 60e6, { here_bytes: 27.6e6 }),
    labFile("logo.svg", 44e3, { here_bytes: 44e3 }),
  ],
};
