import { expect, it } from "vitest";

import { bestLocale, direction, locale, setLocale } from "./locale.svelte";
import { m } from "./paraglide/messages.js";

it("takes the first language there is", () => {
  expect(bestLocale(["fr-FR", "de-AT", "en-GB"])).toBe("de");
  expect(bestLocale(["tlh"])).toBe("en");
  expect(bestLocale(["en-XA", "de"])).toBe("en-XA");
});

it("changes every message at once", () => {
  setLocale("de");
  expect(locale()).toBe("de");
  expect(m.common_close()).toBe("Schließen");
  setLocale("en");
  expect(m.common_close()).toBe("Close");
});

it("knows which way a language runs", () => {
  expect(direction("ar-EG")).toBe("rtl");
  expect(direction("en-XA")).toBe("ltr");
});
