import type * as api from "./api";

export type * from "./api";

export type Ask = api.Request["ask"];
export type AnswerTo<R extends api.Request> = api.Answers[R["ask"]];

/** Up to where a listener has heard. */
export interface Cursor {
  stream: api.Incarnation;
  seq: number;
}

/** The cursor as the door reads it. */
export function cursorText(cursor: Cursor): string {
  return `${cursor.stream}:${cursor.seq}`;
}

/** A wish that was not granted: by the node, or because nobody answered (`no_node`). */
export class Refusal extends Error {
  readonly kind: api.ErrorKind;
  readonly code: api.ErrorCode;
  readonly help: string;
  /** What a folder holds that became no job. */
  readonly holds: api.FolderContents | null;

  constructor(error: api.ApiError) {
    super(error.message);
    this.name = "Refusal";
    this.kind = error.kind;
    this.code = error.code;
    this.help = error.help ?? "";
    this.holds = error.holds ?? null;
  }

  /** True when nobody answered, so that nobody knows whether the wish was carried out. */
  get unanswered(): boolean {
    return this.code === "no_node";
  }

  /** Makes a refusal of whatever a transport threw. */
  static from(thrown: unknown): Refusal {
    if (thrown instanceof Refusal) return thrown;
    if (isApiError(thrown)) return new Refusal(thrown);
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new Refusal({ kind: "bug", code: "internal", message });
  }

  static noNode(message: string): Refusal {
    return new Refusal({ kind: "machine", code: "no_node", message });
  }
}

export function isApiError(value: unknown): value is api.ApiError {
  return typeof value === "object" && value !== null && "kind" in value && "code" in value && "message" in value;
}
