/** One line of what a program wrote. */
export interface Line {
  /** As it is read, without any code. */
  text: string;
  /** Pieces with their looks; `null` where the whole line looks plain. */
  spans: Span[] | null;
}

export interface Span {
  text: string;
  /** Names of looks: `red`, `bold`, `on-blue`; never anything a program chose. */
  looks: string;
}

/** A longer line goes on in the next one: a program that never ends its line must not stop the window. */
export const LINE_CHARS = 4_096;
/** A code that is longer is no code. */
const CODE_CHARS = 256;

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
type Colour = (typeof NAMES)[number];

interface Style {
  ink: Colour | null;
  ground: Colour | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
}

const PLAIN: Style = {
  ink: null,
  ground: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
};

/**
 * Reads what a program writes to a terminal as lines of coloured text. Only colours and weights come through (ECMA-48,
 * "Select graphic rendition"); a carriage return begins the line anew, as progress bars expect; every other code does
 * nothing, and characters that turn the direction of text are shown as what they are: unreadable.
 */
export class LineReader {
  private style = PLAIN;
  private spans: Span[] = [];
  private length = 0;
  /** The beginning of a code whose end has not come. */
  private held = "";

  /** Takes in the next piece; returns the lines that ended in it. */
  push(piece: string): Line[] {
    const text = this.held + piece;
    this.held = "";
    const ended: Line[] = [];
    let at = 0;
    while (at < text.length) {
      CONTROL.lastIndex = at;
      const next = CONTROL.exec(text)?.index ?? text.length;
      if (next > at) this.add(text.slice(at, next), ended);
      if (next === text.length) break;
      const end = this.control(text, next, ended);
      if (end < 0) {
        this.held = text.slice(next);
        break;
      }
      at = end;
    }
    return ended;
  }

  /** The line that has not ended yet; `null` when nothing of it has come. */
  get open(): Line | null {
    return this.length === 0 ? null : this.line();
  }

  /** Handles the control character at `at`; returns where to go on, or −1 when its end has not come. */
  private control(text: string, at: number, ended: Line[]): number {
    switch (text[at]) {
      case "\n":
        this.end(ended);
        return at + 1;
      case "\r":
        if (at + 1 === text.length) return -1;
        if (text[at + 1] !== "\n") this.clear();
        return at + 1;
      case "\t":
        this.add("\t", ended);
        return at + 1;
      case "\u001b":
        return this.escape(text, at);
      case "\u009b":
        return this.sequence(text, at + 1);
      default:
        return at + 1;
    }
  }

  private escape(text: string, at: number): number {
    const kind = text[at + 1];
    if (kind === undefined) return -1;
    if (kind === "[") return this.sequence(text, at + 2);
    // Titles, links, device strings: up to their end, at most to the end of the line, so that they hide nothing.
    if ("]PX^_".includes(kind)) return skipString(text, at + 2);
    let end = at + 1;
    while (end < text.length && text[end]! >= " " && text[end]! <= "/") end += 1;
    if (end === text.length) return end - at > CODE_CHARS ? end : -1;
    return isControl(text[end]!) ? end : end + 1;
  }

  /** A control sequence from its first parameter. */
  private sequence(text: string, from: number): number {
    let end = from;
    while (end < text.length && text[end]! >= " " && text[end]! <= "?") end += 1;
    if (end - from > CODE_CHARS) return end;
    if (end === text.length) return -1;
    const final = text[end]!;
    if (final < "@" || final > "~") return end;
    const parameters = text.slice(from, end);
    if (final === "m") this.style = styled(this.style, parameters);
    else if (final === "K" && parameters === "2") this.clear();
    return end + 1;
  }

  private add(raw: string, ended: Line[]): void {
    let text = raw.replace(TURNING, "\ufffd");
    while (this.length + text.length > LINE_CHARS) {
      const room = LINE_CHARS - this.length;
      this.append(text.slice(0, room));
      text = text.slice(room);
      this.end(ended);
    }
    if (text !== "") this.append(text);
  }

  private append(text: string): void {
    if (text === "") return;
    const looks = looksOf(this.style);
    const last = this.spans.at(-1);
    if (last?.looks === looks) last.text += text;
    else this.spans.push({ text, looks });
    this.length += text.length;
  }

  private end(ended: Line[]): void {
    ended.push(this.line());
    this.clear();
  }

  private clear(): void {
    this.spans = [];
    this.length = 0;
  }

  private line(): Line {
    const isPlain = this.spans.every(span => span.looks === "");
    return {
      text: this.spans.map(span => span.text).join(""),
      spans: isPlain ? null : this.spans.map(span => ({ ...span })),
    };
  }
}

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const TURNING = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function isControl(char: string): boolean {
  return char < " " || (char >= "\u007f" && char <= "\u009f");
}

function skipString(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === "\u0007" || char === "\u009c") return at + 1;
    if (char === "\n") return at;
    if (char === "\u001b") {
      if (at + 1 === text.length) return -1;
      return text[at + 1] === "\\" ? at + 2 : at;
    }
    if (at - from > CODE_CHARS * 16) return at;
  }
  return -1;
}

function styled(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map(code => (code === "" ? 0 : Number(code)));
  let next = style;
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(at + 1));
      next = { ...next, [code === 38 ? "ink" : "ground"]: colour };
      at += used;
    } else next = simple(next, code);
  }
  return next;
}

function simple(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code >= 30 && code <= 37) return { ...style, ink: NAMES[code - 30] ?? null };
  if (code >= 90 && code <= 97) return { ...style, ink: NAMES[code - 90] ?? null };
  if (code >= 40 && code <= 47) return { ...style, ground: NAMES[code - 40] ?? null };
  if (code >= 100 && code <= 107) return { ...style, ground: NAMES[code - 100] ?? null };
  switch (code) {
    case 1:
      return { ...style, bold: true };
    case 2:
      return { ...style, dim: true };
    case 3:
      return { ...style, italic: true };
    case 4:
      return { ...style, underline: true };
    case 7:
      return { ...style, inverse: true };
    case 22:
      return { ...style, bold: false, dim: false };
    case 23:
      return { ...style, italic: false };
    case 24:
      return { ...style, underline: false };
    case 27:
      return { ...style, inverse: false };
    case 39:
      return { ...style, ink: null };
    case 49:
      return { ...style, ground: null };
    default:
      return style;
  }
}

/** `5;n` or `2;r;g;b`: the nearest of the eight colours, because those can be read in every theme. */
function extended(codes: readonly number[]): [Colour | null, number] {
  if (codes[0] === 5) {
    const index = codes[1] ?? 0;
    if (index < 16) return [NAMES[index % 8] ?? null, 2];
    if (index >= 232) return [index < 244 ? "black" : "white", 2];
    const cube = index - 16;
    const levels = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6];
    return [nearest(levels.map(level => level * 51)), 2];
  }
  if (codes[0] === 2) return [nearest(codes.slice(1, 4)), 4];
  return [null, codes.length];
}

function nearest(rgb: readonly number[]): Colour {
  const most = Math.max(...rgb);
  const bits = rgb.map(value => (value >= most * 0.6 && value >= 64 ? 1 : 0));
  return NAMES[(bits[0] ?? 0) + 2 * (bits[1] ?? 0) + 4 * (bits[2] ?? 0)] ?? "white";
}

function looksOf(style: Style): string {
  if (style === PLAIN) return "";
  const looks: string[] = [];
  if (style.ink !== null) looks.push(style.ink);
  if (style.ground !== null) looks.push(`on-${style.ground}`);
  for (const name of ["bold", "dim", "italic", "underline", "inverse"] as const) if (style[name]) looks.push(name);
  return looks.join(" ");
}
