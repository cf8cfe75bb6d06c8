import { baseLocale, locales, overwriteGetLocale } from "./paraglide/runtime.js";

export type Locale = (typeof locales)[number];

let current = $state<Locale>(baseLocale);

// Messages read the locale through here, so everything on screen follows when it changes.
overwriteGetLocale(() => current);

export function locale(): Locale {
  return current;
}

export function setLocale(next: Locale): void {
  current = next;
}

/** Languages a person can choose, each in its own name. */
export function languages(): { locale: Locale; name: string }[] {
  return locales.map(locale => ({
    locale,
    name: new Intl.DisplayNames([locale], { type: "language" }).of(locale) ?? locale,
  }));
}

/** The first language a person asks for that there is; English otherwise. */
export function bestLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted.map(tag => tag.toLowerCase())) {
    const exact = locales.find(locale => locale.toLowerCase() === tag);
    const found = exact ?? locales.find(locale => locale === tag.split("-")[0]);
    if (found !== undefined) return found;
  }
  return baseLocale;
}

const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);

export function direction(of: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.has(of.split("-")[0] ?? "") ? "rtl" : "ltr";
}
