export * from "./errors";
export * as format from "./format";
export { bestLocale, direction, languages, locale, setLocale, type Locale } from "./locale.svelte";
export { isolate, plain } from "./names";
export { m } from "./paraglide/messages.js";
export * as words from "./words";
