import { Channel, convertFileSrc, invoke } from "@tauri-apps/api/core";
import { listen as listenTo } from "@tauri-apps/api/event";
import { open } from "@tauri-apps/plugin-dialog";
import { revealItemInDir } from "@tauri-apps/plugin-opener";

import type {
  Appearance,
  Bridge,
  Closer,
  Command,
  Dropped,
  DropEar,
  DropPoint,
  EventEar,
  LogEar,
  PictureRef,
} from "./bridge";
import { osOf } from "./os";
import { cursorText, Refusal } from "./types";
import type { ApiError, Event, LogPiece } from "./types";

/** What the desktop app sends on a channel. */
type Told<Item> = { items: Item[] } | { opened: true } | { ended: ApiError | null };

/** The window of the desktop app: two commands and one channel for each subscription. */
export function tauriBridge(): Bridge {
  const os = osOf(navigator.userAgent);
  return {
    platform: { kind: "desktop", os, canReveal: true, hasPaths: true },
    ask: request => call("ask", { request }),
    listen: (since, ear) =>
      subscribe<Event>({ events: { since: since === null ? null : cursorText(since) } }, told => hearEvents(told, ear)),
    logs: (request, ear) => subscribe<LogPiece>({ logs: request }, told => hearLogs(told, ear)),
    pictureUrl: picture => convertFileSrc(pictureName(picture), "gwthumb"),
    pickFiles: () => pick({ folder: false }),
    pickFolder: () => pick({ folder: true }),
    sample: async () => ({ paths: [await call<string>("sample", {})] }),
    reveal: path => revealItemInDir(path).catch(refuse),
    openPath: path => call("open_results", { path }),
    saveCopy: (path, as) => call("save_copy", { path, joined: as === "joined" }),
    startNode: () => call("start", {}),
    onDrop: ear => onDrop(ear, os),
    upload: () => Promise.reject(Refusal.from(new Error("the desktop app hands over paths, not contents"))),
    onCommand: hear => {
      const heard = listenTo<Command>("command", event => hear(event.payload));
      // What came before the page listened waits for this.
      heard.then(() => call("ready", {})).catch(() => undefined);
      return later(heard);
    },
    appearance: () => call<Appearance>("appearance", {}),
    painted: () => void call("painted", {}).catch(() => undefined),
    quit: how => call("quit", { how }),
    own: { get: () => call("own_settings", {}), set: settings => call("set_own_settings", { settings }) },
  };
}

async function call<Answer>(command: string, words: Record<string, unknown>): Promise<Answer> {
  try {
    return await invoke<Answer>(command, words);
  } catch (thrown) {
    throw Refusal.from(thrown);
  }
}

function refuse(thrown: unknown): never {
  throw Refusal.from(thrown);
}

/** Starts a subscription; closing it early waits for its number, then ends it. */
function subscribe<Item>(topic: Record<string, unknown>, hear: (told: Told<Item>) => void): Closer {
  let closed = false;
  const channel = new Channel<Told<Item>>();
  channel.onmessage = told => {
    if (!closed) hear(told);
  };
  const started = call<number>("listen", { topic, channel });
  started.catch((thrown: unknown) => {
    if (!closed) hear({ ended: toApiError(Refusal.from(thrown)) });
  });
  return {
    close() {
      closed = true;
      started.then(id => call("unlisten", { id })).catch(() => undefined);
    },
  };
}

function toApiError(refusal: Refusal): ApiError {
  return { kind: refusal.kind, code: refusal.code, message: refusal.message, help: refusal.help };
}

function hearEvents(told: Told<Event>, ear: EventEar): void {
  if ("items" in told) ear.heard(told.items);
  else if ("opened" in told) ear.opened();
  else ear.lost(told.ended === null ? Refusal.noNode("the node ended the events") : new Refusal(told.ended));
}

function hearLogs(told: Told<LogPiece>, ear: LogEar): void {
  if ("items" in told) told.items.forEach(piece => ear.piece(piece));
  else if ("ended" in told) ear.ended(told.ended === null ? null : new Refusal(told.ended));
}

function pictureName(picture: PictureRef): string {
  return JSON.stringify(picture);
}

async function pick({ folder }: { folder: boolean }): Promise<Dropped | null> {
  const picked = await open({ multiple: true, directory: folder });
  if (picked === null) return null;
  return { paths: Array.isArray(picked) ? picked : [picked] };
}

/** What the web view tells of a drag from outside. */
interface Dragged {
  paths: string[];
  position: DropPoint;
}

function onDrop(ear: DropEar, os: Bridge["platform"]["os"]): Closer {
  // GTK reports widget pixels although they are labelled physical.
  const scale = os === "linux" ? 1 : window.devicePixelRatio;
  const point = (at: DropPoint): DropPoint => ({ x: at.x / scale, y: at.y / scale });
  // The events themselves: the library's own listener brings windows, images and menus along.
  const on = <Payload>(name: string, hear: (payload: Payload) => void): Closer =>
    later(listenTo<Payload>(`tauri://drag-${name}`, event => hear(event.payload)));
  const closers = [
    on<Dragged>("enter", ({ paths, position }) => ear.entered(paths.map(nameOf), point(position))),
    on<Dragged>("over", ({ position }) => ear.moved(point(position))),
    on<Dragged>("drop", ({ paths, position }) => ear.dropped({ paths }, point(position))),
    on("leave", () => ear.left()),
  ];
  return { close: () => closers.forEach(closer => closer.close()) };
}

function nameOf(path: string): string {
  return path.split(/[\\/]/).findLast(part => part !== "") ?? path;
}

/** A closer for something whose own closer comes later. */
function later(started: Promise<() => void>): Closer {
  return { close: () => void started.then(stop => stop()).catch(() => undefined) };
}
