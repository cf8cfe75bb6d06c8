/**
 * Eight colours that people with colour blindness tell apart (Okabe and Ito), in pairs for dark and light ground; after
 * eight they repeat with a hatch.
 */
const COLOURS: readonly [dark: string, light: string][] = [
  ["#56b4e9", "#0072b2"],
  ["#e69f00", "#a86400"],
  ["#2fbf93", "#00795a"],
  ["#f0e442", "#7d7400"],
  ["#cc79a7", "#a23f78"],
  ["#e8764a", "#b84300"],
  ["#9aa7ff", "#4452c2"],
  ["#b8c0cc", "#5c6673"],
];

export interface Ink {
  colour: string;
  hatched: boolean;
}

/** The colour of the `index`-th thing. */
export function ink(index: number, dark: boolean): Ink {
  const pair = COLOURS[index % COLOURS.length] ?? ["#888888", "#888888"];
  return { colour: pair[dark ? 0 : 1], hatched: Math.floor(index / COLOURS.length) % 2 === 1 };
}

/** A number for a text that is the same in every window: FNV-1a. Source: Fowler, Noll, Vo. */
export function numberOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
