import type { AnswerTo, Cursor, Event, LogPiece, LogsRequest, Refusal, Request } from "./types";

/** What the window stands on, decided once at start. */
export interface Platform {
  kind: "browser" | "desktop";
  os: "linux" | "macos" | "windows";
  /** False where results lie on a disk that this window cannot show, as in a browser. */
  canReveal: boolean;
  /** False where dropped files have no paths and are uploaded instead. */
  hasPaths: boolean;
}

/** Light or dark, and the accent, as the desktop says; `null` where only the style sheet can ask. */
export interface Appearance {
  scheme: "light" | "dark" | null;
  accent: string | null;
  reducedMotion: boolean | null;
}

/** Something that runs until it is closed. */
export interface Closer {
  close(): void;
}

/** What a listener hears. After `lost` nothing more comes; listen again with the cursor. */
export interface EventEar {
  opened(): void;
  heard(events: Event[]): void;
  lost(reason: Refusal): void;
}

export interface LogEar {
  piece(piece: LogPiece): void;
  /** The target has ended and everything was sent, or `refusal` says why not. */
  ended(refusal: Refusal | null): void;
}

/** A picture the node has or makes: of a task's output, a file of this machine, or one of the tree. */
export interface PictureRef {
  /** `JOB.STEP.INDEX`. */
  target?: string;
  /** An absolute path on this machine. */
  path?: string;
  /** A path of the tree: what the picture takes is read from where it lies. */
  file?: string;
  /** Longest side in pixels; the node re-encodes. */
  size?: number;
}

/** Where something hovers or was dropped: CSS pixels of the page. */
export interface DropPoint {
  x: number;
  y: number;
}

/** Files on their way in: paths where there are any, else contents to upload. */
export type Dropped = { paths: string[] } | { files: File[] };

export interface DropEar {
  /** `names` is empty where the system hides names until the drop. */
  entered(names: string[], at: DropPoint): void;
  moved(at: DropPoint): void;
  dropped(dropped: Dropped, at: DropPoint): void;
  left(): void;
}

export interface UploadProgress {
  name: string;
  sentBytes: number;
  totalBytes: number;
}

/** What the tray, a second start or the system asks of the window. */
export type Command =
  | { command: "open"; route: string }
  | { command: "submit"; paths: string[] }
  | { command: "pair"; link: string }
  | { command: "appearance"; appearance: Appearance }
  /** Ask how to quit; `closing` when the window was closed and no panel shows the app's icon. */
  | { command: "quit"; closing: boolean; last: Quitting }
  /** Say that the window draws without the graphics card, because the last one showed nothing. */
  | { command: "unaccelerated" };

/** The two ways of quitting: the window goes, or everything ends. */
export type Quitting = "keep_lending" | "stop";

/** What a person chose for the desktop app on this machine, in its own words. */
export interface OwnSettings {
  /** Closing the window leaves Gridwell running in the tray. */
  keep_running: boolean;
  /** Start with the session, in the tray. */
  autostart: boolean;
  /** Draw with the graphics card where there is one; from the next window on. */
  acceleration: boolean;
  notify_done: boolean;
  notify_problem: boolean;
  notify_lending: boolean;
}

/** The only way out of the page. Two implementations: the desktop app, and a browser at the node's own address. */
export interface Bridge {
  readonly platform: Platform;
  /** One wish, one answer. Rejects with a {@link Refusal}. */
  ask<R extends Request>(request: R): Promise<AnswerTo<R>>;
  listen(since: Cursor | null, ear: EventEar): Closer;
  logs(request: LogsRequest, ear: LogEar): Closer;
  /** An address for `<img src>`. */
  pictureUrl(picture: PictureRef): string;
  pickFiles(): Promise<Dropped | null>;
  pickFolder(): Promise<Dropped | null>;
  /** A scene that every machine can render, for whoever has none. */
  sample(): Promise<Dropped>;
  /** Shows a file in the file manager. */
  reveal(path: string): Promise<void>;
  /** Opens a file or folder with the program the system has for it. */
  openPath(path: string): Promise<void>;
  /**
   * Keeps a copy of a file of the tree where the person says; of a folder, one of its files joined as one. Answers where it lies then:
   * `null` if the person changed their mind, or where only the browser knows.
   */
  saveCopy(path: string, as: "file" | "joined"): Promise<string | null>;
  /** Starts the node where none runs; `null` where the window has no way to. */
  startNode: (() => Promise<void>) | null;
  onDrop(ear: DropEar): Closer;
  /** Sends contents to the node; returns the absolute paths under which it keeps them. */
  upload(files: File[], onProgress: (progress: UploadProgress) => void, signal: AbortSignal): Promise<string[]>;
  onCommand(hear: (command: Command) => void): Closer;
  appearance(): Promise<Appearance>;
  /** The first picture is on the screen. */
  painted(): void;
  /** Leaves as chosen; `null` where the window is not ours to close. */
  quit: ((how: Quitting) => Promise<void>) | null;
  /** The app's own choices; `null` in a browser, which has none. */
  own: { get(): Promise<OwnSettings>; set(settings: OwnSettings): Promise<void> } | null;
}
