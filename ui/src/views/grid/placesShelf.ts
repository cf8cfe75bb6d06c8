import { parsePlaces, storedPlaces, type Places } from "~/scene";

const KEY = "gridwell.places.1";

/** Where this person put the machines last time. */
export function keptPlaces(): Places {
  try {
    return parsePlaces(JSON.parse(localStorage.getItem(KEY) ?? "null"));
  } catch {
    return parsePlaces(null);
  }
}

export function keepPlaces(places: Places): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(storedPlaces(places)));
  } catch {
    // A full or forbidden storage loses the places at the next start, nothing else.
  }
}
