import type {
  Appearance,
  Bridge,
  Closer,
  Dropped,
  DropEar,
  EventEar,
  LogEar,
  PictureRef,
  UploadProgress,
} from "./bridge";
import { drops, pick } from "./browser-files";
import type { Door } from "./door";
import { lines } from "./lines";
import { osOf } from "./os";
import { cursorText, Refusal } from "./types";
import type { Event, LogPiece, UploadView } from "./types";

/** The window in a browser, at the address of the node that serves it. */
export function httpBridge(door: Door): Bridge {
  return {
    platform: { kind: "browser", os: osOf(navigator.userAgent), canReveal: false, hasPaths: false },
    ask: request => door.ask("/ask", { method: "POST", body: JSON.stringify(request) }),
    listen: (since, ear) => listen(door, since, ear),
    logs: (request, ear) => logs(door, request, ear),
    pictureUrl: picture => pictureUrl(door, picture),
    pickFiles: () => pick({ folder: false }),
    pickFolder: () => pick({ folder: true }),
    sample: async () => ({ files: [(await import("./sample")).sampleFile()] }),
    reveal: cannotReveal,
    openPath: cannotReveal,
    saveCopy: (path, as) => saveCopy(door, path, as),
    startNode: null,
    onDrop: (ear: DropEar): Closer => drops(window, ear),
    upload: (files, onProgress, signal) => upload(door, files, onProgress, signal),
    onCommand: () => ({ close() {} }),
    appearance: async (): Promise<Appearance> => ({ scheme: null, accent: null, reducedMotion: null }),
    painted: () => undefined,
    quit: null,
    own: null,
  };
}

/** Least time between two messages while the window has the focus, and while it has not (ui-spec §12). */
const EVERY_MS = { focused: "100", unfocused: "1000" };

function every(): string {
  return document.hasFocus() ? EVERY_MS.focused : EVERY_MS.unfocused;
}

function listen(door: Door, since: Parameters<Bridge["listen"]>[0], ear: EventEar): Closer {
  const query = new URLSearchParams({ every: every() });
  if (since !== null) query.set("since", cursorText(since));
  const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${window.location.host}${door.address("/events", query)}`);
  let over = false;
  const end = (reason: Refusal): void => {
    if (over) return;
    over = true;
    ear.lost(reason);
  };
  const pace = (): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(every());
  };
  for (const change of ["focus", "blur"]) window.addEventListener(change, pace);
  socket.onopen = () => ear.opened();
  socket.onmessage = message => {
    if (over || typeof message.data !== "string") return;
    try {
      ear.heard(JSON.parse(message.data) as Event[]);
    } catch (thrown) {
      end(Refusal.from(thrown));
      socket.close();
    }
  };
  // A browser says nothing about why: whoever wants to know asks for the status.
  socket.onclose = () => {
    for (const change of ["focus", "blur"]) window.removeEventListener(change, pace);
    end(Refusal.noNode("the node ended the events"));
  };
  return {
    close() {
      over = true;
      socket.close();
    },
  };
}

function logs(door: Door, request: Parameters<Bridge["logs"]>[0], ear: LogEar): Closer {
  const stop = new AbortController();
  const query = new URLSearchParams({
    format: "lines",
    follow: String(request.follow ?? false),
    after: String(request.after ?? 0),
    tail: String(request.tail ?? 0),
  });
  const read = async (): Promise<void> => {
    const path = `/jobs/${encodeURIComponent(request.target)}/logs?${query}`;
    const response = await door.reach(path, { signal: stop.signal });
    if (response.body === null) return;
    for await (const line of lines(response.body)) ear.piece(JSON.parse(line) as LogPiece);
  };
  read().then(
    () => ear.ended(null),
    (thrown: unknown) => {
      if (!stop.signal.aborted) ear.ended(Refusal.from(thrown));
    },
  );
  return { close: () => stop.abort() };
}

function pictureUrl(door: Door, picture: PictureRef): string {
  const query = new URLSearchParams();
  if (picture.target !== undefined) query.set("target", picture.target);
  if (picture.path !== undefined) query.set("path", picture.path);
  if (picture.file !== undefined) query.set("file", picture.file);
  if (picture.size !== undefined) query.set("size", String(picture.size));
  return door.address("/picture", query);
}

/** The browser keeps it where it keeps everything it is given. */
async function saveCopy(door: Door, path: string, as: "file" | "joined"): Promise<null> {
  const parts = path.split("/").filter(part => part !== "");
  const name = parts.at(-1) ?? "";
  const view = new URLSearchParams(as === "joined" ? { joined: "true" } : {});
  const link = document.createElement("a");
  link.href = door.address(`/tree/${parts.map(encodeURIComponent).join("/")}`, view);
  link.download = as === "joined" ? `${name} (joined)` : name;
  link.click();
  return null;
}

async function cannotReveal(path: string): Promise<void> {
  throw new Refusal({
    kind: "machine",
    code: "not_allowed",
    message: `a browser cannot show ${path}`,
    help: "Open it on the machine itself, or use the desktop app.",
  });
}

const BYTES = { "content-type": "application/octet-stream" };

/** One request a file, so that progress is told and one failure stops the rest. A folder is one path at the end. */
async function upload(
  door: Door,
  files: File[],
  onProgress: (progress: UploadProgress) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const batch = crypto.randomUUID();
  const paths = new Set<string>();
  for (const file of files) {
    const name = file.webkitRelativePath === "" ? file.name : file.webkitRelativePath;
    onProgress({ name, sentBytes: 0, totalBytes: file.size });
    const query = new URLSearchParams({ batch, name });
    const sent = { method: "POST", headers: BYTES, body: file, signal };
    const kept = await door.ask<UploadView>(`/uploads?${query}`, sent);
    onProgress({ name, sentBytes: file.size, totalBytes: file.size });
    const [top] = name.split("/");
    paths.add(kept.path.slice(0, kept.path.length - name.length) + top);
  }
  return [...paths];
}

export type { Dropped };
