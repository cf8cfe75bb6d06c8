import { getLocale } from "./paraglide/runtime.js";

/** One of two texts, by the language; what `scripts/messages.mjs` makes of a message without plurals. */
export function pick(german: string, english: string): string {
  return getLocale() === "de" ? german : english;
}
