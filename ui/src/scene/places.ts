/** The value that remembers where machines stand, and how it changes. Callers keep it; undo is an older value. */

import type { MachineId, Places, Point, Preset } from "./model";

type Spots = ReadonlyMap<MachineId, Point>;

export const NO_PLACES: Places = { preset: "mesh", at: new Map(), byHand: new Map() };

/** Machines that left stay remembered up to this many, so that they come back where they stood. */
export const REMEMBERED_MAX = 4_000;
/** Anything farther out can only be a damaged file. */
const FAR = 1_000_000;
const PRESETS: readonly Preset[] = ["mesh", "chain", "star", "sites", "manual"];

/** Puts machines where a person moved them. */
export function moved(places: Places, spots: Spots): Places {
  const at = merged(places.at, spots);
  return { preset: "manual", at, byHand: at };
}

/** Puts all machines where a preset has them. */
export function arranged(places: Places, preset: Preset, spots: Spots): Places {
  return { preset, at: merged(places.at, spots), byHand: places.byHand };
}

/** Brings back the last arrangement made by hand; without one, what is now counts as made by hand. */
export function manual(places: Places): Places {
  return moved(places, places.byHand);
}

/** Fills in places for machines that had none. */
export function settled(places: Places, spots: Spots): Places {
  const missing = new Map([...spots].filter(([id]) => !places.at.has(id)));
  if (missing.size === 0) return places;
  const at = merged(places.at, missing);
  return { ...places, at, byHand: places.preset === "manual" ? at : places.byHand };
}

function merged(at: Spots, spots: Spots): Spots {
  const others = [...at].filter(([id]) => !spots.has(id));
  return new Map([...others.slice(Math.max(others.length + spots.size - REMEMBERED_MAX, 0)), ...spots]);
}

/** Returns places as plain JSON. */
export function storedPlaces(places: Places): unknown {
  const rows = (spots: Spots): unknown => [...spots].map(([id, { x, y }]) => [id, x, y]);
  return { preset: places.preset, at: rows(places.at), byHand: rows(places.byHand) };
}

/** Reads what `storedPlaces` wrote; whatever is not a place is left out, since the file may be old or damaged. */
export function parsePlaces(stored: unknown): Places {
  if (typeof stored !== "object" || stored === null) return NO_PLACES;
  const fields = new Map<string, unknown>(Object.entries(stored));
  const preset = PRESETS.find(known => known === fields.get("preset")) ?? "mesh";
  return { preset, at: parseSpots(fields.get("at")), byHand: parseSpots(fields.get("byHand")) };
}

function parseSpots(stored: unknown): Spots {
  const spots = new Map<MachineId, Point>();
  if (!Array.isArray(stored)) return spots;
  for (const row of stored.slice(0, REMEMBERED_MAX) as unknown[]) {
    if (!Array.isArray(row)) continue;
    const [id, x, y] = row as unknown[];
    if (typeof id === "string" && isPlace(x) && isPlace(y)) spots.set(id, { x, y });
  }
  return spots;
}

function isPlace(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= FAR;
}
