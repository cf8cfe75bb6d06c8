import type { LogPiece } from "~/bridge";
import { LineReader, type Line } from "./ansi";

export type Level = "error" | "warning" | "plain";

/** A line with where it came from. */
export interface LogLine extends Line {
  level: Level;
  /** The task's label, its machine and its attempt. */
  label: string;
  machine: string;
  attempt: number;
  /** What is missing before it, in bytes. */
  missing: number;
}

/** Lines kept at once: about 20 MB. Older ones are a page away. */
export const MOST_LINES = 50_000;
/** Tasks that write at the same time; a reader costs little, but a job may have a million tasks. */
const MOST_READERS = 512;

interface Source {
  reader: LineReader;
  /** The line that is still being written, as it stands in the list. */
  open: LogLine | null;
  next: number;
}

/** What one or several programs wrote, as lines in the order in which they came. */
export class LogLines {
  lines: LogLine[] = [];
  /** Lines that were given up at the beginning, to stay within the limit. */
  dropped = 0;
  private readonly sources = new Map<string, Source>();

  constructor(private readonly most = MOST_LINES) {}

  /** Takes in a piece. Returns the number of lines it added. */
  add(piece: LogPiece): number {
    const before = this.lines.length;
    const source = this.source(piece);
    const missing = Math.max(0, piece.offset - source.next);
    if (missing > 0) source.reader = new LineReader();
    const blank = { label: piece.label, machine: piece.machine, attempt: piece.attempt };
    const put = (line: Line, first: boolean): LogLine => {
      const whole = { ...line, ...blank, level: levelOf(line.text), missing: first ? missing : 0 };
      if (source.open !== null && missing === 0)
        return Object.assign(source.open, { ...whole, missing: source.open.missing });
      this.lines.push(whole);
      return whole;
    };
    if (missing > 0) source.open = null;
    let first = true;
    for (const line of source.reader.push(piece.text)) {
      put(line, first);
      source.open = null;
      first = false;
    }
    const open = source.reader.open;
    if (open !== null) source.open = put(open, first);
    source.next = piece.offset + byteLength(piece.text);
    const added = this.lines.length - before;
    this.trim();
    return added;
  }

  /** Puts whole lines before the first one: a page that was asked for. */
  prepend(text: string, from: Pick<LogLine, "label" | "machine" | "attempt">): number {
    const reader = new LineReader();
    const lines = reader.push(text);
    if (reader.open !== null) lines.push(reader.open);
    const earlier = lines.map(line => ({ ...line, ...from, level: levelOf(line.text), missing: 0 }));
    this.lines = [...earlier, ...this.lines];
    return earlier.length;
  }

  private source(piece: LogPiece): Source {
    const id = `${piece.task.step}.${piece.task.index}.${piece.attempt}`;
    const found = this.sources.get(id);
    if (found !== undefined) return found;
    const oldest = this.sources.keys().next().value;
    if (this.sources.size >= MOST_READERS && oldest !== undefined) this.sources.delete(oldest);
    // The first piece may begin anywhere: only the end was asked for.
    const made: Source = { reader: new LineReader(), open: null, next: piece.offset };
    this.sources.set(id, made);
    return made;
  }

  /** A tenth at a time: moving 50,000 lines for each new one would be slow. */
  private trim(): void {
    if (this.lines.length <= this.most) return;
    const cut = this.lines.length - Math.floor(this.most * 0.9);
    this.lines = this.lines.slice(cut);
    this.dropped += cut;
  }
}

/** Only words at the beginning of what programs usually write: "0 errors" is no error. */
export function levelOf(text: string): Level {
  if (/^[^a-z]{0,40}(error|fatal|panic|traceback|exception)\b|\b(ERROR|FATAL|CRITICAL)\b/i.test(text.slice(0, 200))) {
    return /\b0 errors?\b/i.test(text) ? "plain" : "error";
  }
  return /^[^a-z]{0,40}warn(ing)?\b|\bWARN(ING)?\b/i.test(text.slice(0, 200)) ? "warning" : "plain";
}

/** Positions of the lines that contain `query`, of `level` or worse. */
export function matching(lines: readonly LogLine[], query: string, level: Level): number[] | null {
  const wanted = query.trim().toLowerCase();
  if (wanted === "" && level === "plain") return null;
  const found: number[] = [];
  lines.forEach((line, at) => {
    const isBad = level === "plain" || line.level === "error" || (level === "warning" && line.level === "warning");
    if (isBad && (wanted === "" || line.text.toLowerCase().includes(wanted))) found.push(at);
  });
  return found;
}

/** For the clipboard: each line with its machine and task. */
export function copyText(lines: readonly LogLine[]): string {
  return lines.map(line => `${line.machine}\t${line.label}\t${line.text}`).join("\n");
}

const encoder = new TextEncoder();

function byteLength(text: string): number {
  return encoder.encode(text).length;
}
