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
import { lines } from "./lines";
import { osOf } from "./os";
import { cursorText, isApiError, Refusal } from "./types";
import type { Event, LogPiece } from "./types";

/** Where the door stands: the address the page came from. */
const DOOR = "/v1";

/** The window in a browser, at the address of the node that serves it. */
export function httpBridge(): Bridge {
  return {
    platform: { kind: "browser", os: osOf(navigator.userAgent), canReveal: false, hasPaths: false },
    ask: request => askJson("/ask", { method: "POST", body: JSON.stringify(request), headers: JSON_BODY }),
    listen,
    logs,
    pictureUrl,
    pickFiles: () => pick({ folder: false }),
    pickFolder: () => pick({ folder: true }),
    reveal: cannotReveal,
    openPath: cannotReveal,
    startNode: null,
    onDrop: (ear: DropEar): Closer => drops(window, ear),
    upload,
    onCommand: () => ({ close() {} }),
    appearance: async (): Promise<Appearance> => ({ scheme: null, accent: null, reducedMotion: null }),
  };
}

const JSON_BODY = { "content-type": "application/json" };

/**
 * Exchanges the one-time token that `gridwell open` puts behind the `#` for a cookie, and takes it out of the address.
 * Without a token there is nothing to do: the cookie is there, or the first question is refused with `unauthorised`.
 */
export async function openSession(location: Location, history: History): Promise<void> {
  const token = /(?:^#|&)token=([^&]+)/.exec(location.hash)?.[1];
  if (token === undefined) return;
  history.replaceState(null, "", location.pathname + location.search);
  await askJson("/session", {
    method: "POST",
    body: JSON.stringify({ token: decodeURIComponent(token) }),
    headers: JSON_BODY,
  });
}

async function askJson<Answer>(path: string, init: RequestInit): Promise<Answer> {
  const response = await reach(path, init);
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as Answer;
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(DOOR + path, { ...init, credentials: "same-origin" });
  } catch (thrown) {
    if (init.signal?.aborted) throw thrown;
    throw Refusal.noNode("the node did not answer");
  }
  if (response.ok) return response;
  throw new Refusal(await errorIn(response));
}

async function errorIn(response: Response): Promise<ConstructorParameters<typeof Refusal>[0]> {
  try {
    const body: unknown = await response.json();
    if (isApiError(body)) return body;
  } catch {
    // No JSON: something else than the node answered.
  }
  if (response.status === 502 || response.status === 503 || response.status === 504) {
    return { kind: "machine", code: "no_node", message: "the node did not answer" };
  }
  return { kind: "bug", code: "internal", message: `the node answered with ${response.status}` };
}

function listen(since: Parameters<Bridge["listen"]>[0], ear: EventEar): Closer {
  const query = since === null ? "" : `?since=${encodeURIComponent(cursorText(since))}`;
  const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${window.location.host}${DOOR}/events${query}`);
  let over = false;
  const end = (reason: Refusal): void => {
    if (over) return;
    over = true;
    ear.lost(reason);
  };
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
  socket.onclose = () => end(Refusal.noNode("the node ended the events"));
  return {
    close() {
      over = true;
      socket.close();
    },
  };
}

function logs(request: Parameters<Bridge["logs"]>[0], ear: LogEar): Closer {
  const stop = new AbortController();
  const query = new URLSearchParams({
    format: "lines",
    follow: String(request.follow ?? false),
    after: String(request.after ?? 0),
    tail: String(request.tail ?? 0),
  });
  const read = async (): Promise<void> => {
    const path = `/jobs/${encodeURIComponent(request.target)}/logs?${query}`;
    const response = await reach(path, { signal: stop.signal });
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

function pictureUrl(picture: PictureRef): string {
  const query = new URLSearchParams();
  if (picture.target !== undefined) query.set("target", picture.target);
  if (picture.path !== undefined) query.set("path", picture.path);
  if (picture.size !== undefined) query.set("size", String(picture.size));
  return `${DOOR}/picture?${query}`;
}

async function cannotReveal(path: string): Promise<void> {
  throw new Refusal({
    kind: "machine",
    code: "not_allowed",
    message: `a browser cannot show ${path}`,
    help: "Open it on the machine itself, or use the desktop app.",
  });
}

/** One request a file, so that progress is told and one failure stops the rest. */
async function upload(
  files: File[],
  onProgress: (progress: UploadProgress) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const paths: string[] = [];
  for (const file of files) {
    const name = file.webkitRelativePath === "" ? file.name : file.webkitRelativePath;
    onProgress({ name, sentBytes: 0, totalBytes: file.size });
    const query = new URLSearchParams({ name });
    const kept = await askJson<{ path: string }>(`/uploads?${query}`, { method: "POST", body: file, signal });
    onProgress({ name, sentBytes: file.size, totalBytes: file.size });
    paths.push(kept.path);
  }
  return paths;
}

export type { Dropped };
