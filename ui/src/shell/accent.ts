/** Text on the accent and the accent on a surface must be readable (WCAG 1.4.3). */
const LEAST_CONTRAST = 4.5;

type Rgb = [number, number, number];

/**
 * The system's accent, darkened or lightened until it is readable on `surface`; `null` for what is no colour.
 * Colours are `#rrggbb`.
 */
export function fittingAccent(accent: string, surface: string): string | null {
  const wanted = parse(accent);
  const ground = parse(surface);
  if (wanted === null || ground === null) return null;
  const target: Rgb = luminance(ground) < 0.5 ? [255, 255, 255] : [0, 0, 0];
  for (let step = 0; step <= 20; step += 1) {
    const colour = mix(wanted, target, step / 20);
    if (contrast(colour, ground) >= LEAST_CONTRAST) return write(colour);
  }
  return write(target);
}

/** Black or white, whichever is easier to read on `colour`. */
export function inkOn(colour: string): string {
  const ground = parse(colour) ?? [0, 0, 0];
  return contrast([255, 255, 255], ground) >= contrast([14, 17, 22], ground) ? "#ffffff" : "#0e1116";
}

/** WCAG 2.2, "contrast ratio". */
export function contrastOf(a: string, b: string): number {
  return contrast(parse(a) ?? [0, 0, 0], parse(b) ?? [0, 0, 0]);
}

function contrast(a: Rgb, b: Rgb): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** WCAG 2.2, "relative luminance". */
function luminance([red, green, blue]: Rgb): number {
  const linear = (value: number): number => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function mix(a: Rgb, b: Rgb, share: number): Rgb {
  return a.map((value, at) => Math.round(value + ((b[at] ?? 0) - value) * share)) as Rgb;
}

function parse(colour: string): Rgb | null {
  const hex = /^#([0-9a-f]{6})$/i.exec(colour.trim())?.[1];
  if (hex === undefined) return null;
  return [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16)) as Rgb;
}

function write(colour: Rgb): string {
  return `#${colour.map(value => value.toString(16).padStart(2, "0")).join("")}`;
}
