/**
 * QR codes (ISO/IEC 18004) of text, as rows of dark and light modules without a border.
 *
 * Bytes at the lowest level of error correction: a screen is clean, and fewer modules are easier for a camera. The mask
 * is always the first: what is encoded here is as good as random, and no mask would be better than another.
 */

/** Check bytes of each block, and blocks, by version; level L. Source: ISO/IEC 18004, table 9. */
const CHECKS = [
  7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, 30, 30, 30, 30,
  30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
];
const BLOCKS = [
  1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19,
  20, 21, 22, 24, 25,
];
/** Level L and mask 0 with their check bits, already masked. Source: table C.1. */
const FORMAT = 0b111011111000100;

/** Returns the code; throws when the text is longer than the largest one holds, 2,953 bytes. */
export function qr(text: string): boolean[][] {
  const bytes = new TextEncoder().encode(text);
  const version = CHECKS.findIndex((_, at) => bytes.length * 8 + head(at + 1) <= 8 * dataBytes(at + 1)) + 1;
  if (version === 0) throw new RangeError(`${bytes.length} bytes do not fit into a QR code`);
  const code = frame(version);
  fill(code, interleaved(message(bytes, version), version));
  return code.map(row => row.map(module => module === true));
}

/** Bits before the text: its kind and its length. */
function head(version: number): number {
  return version < 10 ? 12 : 20;
}

/** Places for alignment patterns along each side. */
function alignments(version: number): number {
  return version === 1 ? 0 : Math.floor(version / 7) + 2;
}

function allBytes(version: number): number {
  const marks = alignments(version);
  const taken = marks === 0 ? 0 : (25 * marks - 10) * marks - 55 + (version < 7 ? 0 : 36);
  return Math.floor(((16 * version + 128) * version + 64 - taken) / 8);
}

function dataBytes(version: number): number {
  return allBytes(version) - CHECKS[version - 1]! * BLOCKS[version - 1]!;
}

function message(bytes: Uint8Array, version: number): number[] {
  const bits = `0100${bytes.length.toString(2).padStart(head(version) - 4, "0")}${[...bytes].map(byte).join("")}0000`;
  const filled = bits.match(/.{8}/g)!.map(eight => Number.parseInt(eight, 2));
  for (let pad = 0xec; filled.length < dataBytes(version); pad ^= 0xfd) filled.push(pad);
  return filled.slice(0, dataBytes(version));
}

function byte(value: number): string {
  return value.toString(2).padStart(8, "0");
}

/** Cuts the message into blocks, adds check bytes to each, and deals them out in turn. */
function interleaved(data: readonly number[], version: number): number[] {
  const [checks, count] = [CHECKS[version - 1]!, BLOCKS[version - 1]!];
  const short = Math.floor(data.length / count);
  const blocks = Array.from({ length: count }, (_, at) => {
    const long = Math.max(0, at - (count - (data.length % count)));
    const from = at * short + long;
    return data.slice(from, from + short + (at < count - (data.length % count) ? 0 : 1));
  });
  const remainders = blocks.map(block => remainder(block, checks));
  const deal = (from: readonly number[][], rounds: number): number[] =>
    Array.from({ length: rounds }, (_, at) => from.flatMap(block => block.slice(at, at + 1))).flat();
  return [...deal(blocks, short + 1), ...deal(remainders, checks)];
}

/** Multiplies in the field of 256 elements over x⁸+x⁴+x³+x²+1. */
function times(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) product = (product << 1) ^ ((product >> 7) * 0x11d) ^ (((b >> bit) & 1) * a);
  return product;
}

/** Reed-Solomon: what is left of the block divided by (x−1)(x−2)(x−4)… */
function remainder(block: readonly number[], checks: number): number[] {
  let divisor = [1];
  for (let root = 1, at = 0; at < checks; at += 1, root = times(root, 2))
    divisor = [...divisor, 0].map((value, place) => value ^ times(divisor[place - 1] ?? 0, root));
  const rest = [...block, ...divisor.slice(1).map(() => 0)];
  block.forEach((_, at) => {
    const factor = rest[at]!;
    divisor.forEach((value, place) => (rest[at + place]! ^= times(value, factor)));
  });
  return rest.slice(block.length);
}

type Frame = (boolean | null)[][];

/** Everything but the message; `null` where that goes. */
function frame(version: number): Frame {
  const size = version * 4 + 17;
  const code: Frame = Array.from({ length: size }, () => Array<boolean | null>(size).fill(null));
  const set = (x: number, y: number, dark: boolean): void => {
    if (x >= 0 && y >= 0 && x < size && y < size) code[y]![x] = dark;
  };
  /** Rings around a middle: dark where `isDark` says so. */
  const rings = (x: number, y: number, reach: number, isDark: (ring: number) => boolean): void => {
    for (let dy = -reach; dy <= reach; dy += 1)
      for (let dx = -reach; dx <= reach; dx += 1) set(x + dx, y + dy, isDark(Math.max(Math.abs(dx), Math.abs(dy))));
  };
  for (let at = 0; at < size; at += 1) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  for (const [x, y] of [
    [3, 3],
    [size - 4, 3],
    [3, size - 4],
  ] as const)
    rings(x, y, 4, ring => ring !== 2 && ring !== 4);
  const marks = alignments(version);
  const step = version === 32 ? 26 : Math.ceil((version * 4 + 4) / (marks * 2 - 2)) * 2;
  const places = Array.from({ length: marks }, (_, at) => (at === 0 ? 6 : size - 7 - (marks - 1 - at) * step));
  for (const x of places)
    for (const y of places) {
      const inCorner = (x === 6 && y === 6) || (x === 6 && y === size - 7) || (x === size - 7 && y === 6);
      if (!inCorner) rings(x, y, 2, ring => ring !== 1);
    }
  for (let bit = 0; bit < 15; bit += 1) {
    const dark = ((FORMAT >> bit) & 1) === 1;
    set(8, bit < 6 ? bit : bit < 8 ? bit + 1 : size - 15 + bit, dark);
    set(bit < 8 ? size - 1 - bit : bit < 9 ? 7 : 14 - bit, 8, dark);
  }
  set(8, size - 8, true);
  if (version >= 7) {
    let check = version;
    for (let round = 0; round < 12; round += 1) check = (check << 1) ^ ((check >> 11) * 0x1f25);
    const bits = (version << 12) | check;
    for (let bit = 0; bit < 18; bit += 1) {
      const dark = ((bits >> bit) & 1) === 1;
      const [a, b] = [size - 11 + (bit % 3), Math.floor(bit / 3)];
      set(a, b, dark);
      set(b, a, dark);
    }
  }
  return code;
}

/** Winds the message up and down through what is free, two columns at a time from the right, and masks it. */
function fill(code: Frame, bytes: readonly number[]): void {
  const bits = bytes.map(byte).join("");
  const size = code.length;
  let at = 0;
  for (let right = size - 1; right > 0; right -= right === 8 ? 3 : 2) {
    const up = ((right + 1) & 2) === 0;
    for (let step = 0; step < size; step += 1) {
      const y = up ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (code[y]![x] !== null) continue;
        code[y]![x] = (bits[at] === "1") !== ((x + y) % 2 === 0);
        at += 1;
      }
    }
  }
}
