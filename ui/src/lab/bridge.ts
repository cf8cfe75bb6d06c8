import { Refusal } from "~/bridge";
import type {
  AnswerTo,
  Bridge,
  Closer,
  Command,
  DropEar,
  Event,
  EventEar,
  LogEar,
  LogPiece,
  LogsRequest,
  PictureRef,
  Platform,
  Request,
  Snapshot,
} from "~/bridge";
import { snapshotEvent } from "./fixtures";

/** Answers to requests; what is missing is refused with `busy`, so that a page shows its error state. */
export type Replies = { [K in Request["ask"]]?: (request: Extract<Request, { ask: K }>) => unknown };

/** A node that is not there: pages of the lab and component tests say what it would have said. */
export class LabBridge implements Bridge {
  readonly platform: Platform;
  readonly startNode = null;
  /** Every request so far, for tests. */
  readonly asked: Request[] = [];
  private ear: EventEar | null = null;
  private dropEar: DropEar | null = null;
  private commandEar: ((command: Command) => void) | null = null;
  private seq = 1;
  private away = false;

  constructor(
    private readonly snapshot: Snapshot | null,
    private readonly replies: Replies = {},
    platform: Partial<Platform> = {},
  ) {
    this.platform = { kind: "browser", os: "linux", canReveal: true, hasPaths: true, ...platform };
  }

  async ask<R extends Request>(request: R): Promise<AnswerTo<R>> {
    this.asked.push(request);
    if (this.away) throw Refusal.noNode("the lab's node is away");
    const reply = this.replies[request.ask] as ((request: Request) => unknown) | undefined;
    if (reply === undefined) {
      throw new Refusal({ kind: "machine", code: "busy", message: `the lab does not answer '${request.ask}'` });
    }
    return reply(request) as AnswerTo<R>;
  }

  listen(_since: unknown, ear: EventEar): Closer {
    this.ear = ear;
    queueMicrotask(() => {
      if (this.snapshot === null || this.ear !== ear) return;
      ear.opened();
      ear.heard([snapshotEvent(this.snapshot, this.seq)]);
    });
    return { close: () => void (this.ear = null) };
  }

  /** Tells the window something. */
  tell(...bodies: Omit<Event, "seq">[]): void {
    this.ear?.heard(bodies.map(body => ({ ...body, seq: ++this.seq }) as Event));
  }

  /** Cuts the events and answers no more, as when the node goes away. */
  lose(refusal: Refusal): void {
    this.away = true;
    const ear = this.ear;
    this.ear = null;
    ear?.lost(refusal);
  }

  /** Answers again. */
  comeBack(): void {
    this.away = false;
  }

  /** What programs wrote; then nothing more comes, as while they run on. */
  pieces: () => LogPiece[] = () => [];

  logs(request: LogsRequest, ear: LogEar): Closer {
    queueMicrotask(() => {
      if ((request.after ?? 0) === 0) for (const piece of this.pieces()) ear.piece(piece);
      if (request.follow !== true) ear.ended(null);
    });
    return { close() {} };
  }

  /** Pictures that were asked for, for tests. */
  readonly pictures: PictureRef[] = [];

  pictureUrl(picture: PictureRef): string {
    this.pictures.push(picture);
    return "/icon.svg";
  }

  async pickFiles(): Promise<{ paths: string[] }> {
    return { paths: ["/home/ana/kitchen.blend"] };
  }

  async pickFolder(): Promise<{ paths: string[] }> {
    return { paths: ["/home/ana/Textures"] };
  }

  async sample(): Promise<{ paths: string[] }> {
    return { paths: ["/home/ana/welcome.gridwell-sample"] };
  }

  async reveal(): Promise<void> {}

  async openPath(): Promise<void> {}

  /** What was asked to be copied, for tests. */
  readonly copied: string[] = [];

  async saveCopy(path: string, as: "file" | "joined"): Promise<string | null> {
    this.copied.push(as === "joined" ? `${path} (joined)` : path);
    return this.platform.kind === "desktop" ? `/home/ana/${path.split("/").at(-1)}` : null;
  }

  onDrop(ear: DropEar): Closer {
    this.dropEar = ear;
    return { close: () => void (this.dropEar = null) };
  }

  /** Plays a drag over the window. */
  get drag(): DropEar | null {
    return this.dropEar;
  }

  async upload(): Promise<string[]> {
    return [];
  }

  onCommand(hear: (command: Command) => void): Closer {
    this.commandEar = hear;
    return { close: () => void (this.commandEar = null) };
  }

  command(command: Command): void {
    this.commandEar?.(command);
  }

  /** Kept as long as the page: only a lab for the desktop app has it. */
  own: Bridge["own"] = null;

  async appearance(): Promise<{ scheme: null; accent: null; reducedMotion: null }> {
    return { scheme: null, accent: null, reducedMotion: null };
  }

  painted(): void {}

  async quit(): Promise<void> {}
}
