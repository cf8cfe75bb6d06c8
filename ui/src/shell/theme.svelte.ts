import type { Appearance } from "~/bridge";
import type { PrefValues } from "~/state";
import { fittingAccent, inkOn } from "./accent";

export type Theme = "dark" | "light" | "contrast-dark" | "contrast-light";

/** The theme to show: what the person chose, and for "system" what the desktop says. */
export function themeFor(chosen: PrefValues["theme"], systemDark: boolean, moreContrast: boolean): Theme {
  const scheme = systemDark ? "dark" : "light";
  switch (chosen) {
    case "dark":
    case "light":
      return chosen;
    case "contrast":
      return `contrast-${scheme}`;
    case "system":
      return moreContrast ? `contrast-${scheme}` : scheme;
  }
}

/** Keeps the page's theme right while it runs. `appearance` is what the desktop app read from the desktop, if anything. */
export function followTheme(chosen: () => PrefValues["theme"], appearance: () => Appearance | null): void {
  const dark = media("(prefers-color-scheme: dark)");
  const contrast = media("(prefers-contrast: more)");
  $effect(() => {
    const says = appearance();
    const systemDark = says?.scheme == null ? dark.on : says.scheme === "dark";
    const root = document.documentElement;
    root.dataset["theme"] = themeFor(chosen(), systemDark, contrast.on);
    useAccent(root, says?.accent ?? null);
  });
}

function useAccent(root: HTMLElement, accent: string | null): void {
  root.style.removeProperty("--accent");
  root.style.removeProperty("--on-accent");
  if (accent === null) return;
  const surface = getComputedStyle(root).getPropertyValue("--surface");
  const fitting = fittingAccent(accent, surface);
  if (fitting === null) return;
  root.style.setProperty("--accent", fitting);
  root.style.setProperty("--on-accent", inkOn(fitting));
}

/** A media query as state, for as long as the surrounding effect lives. */
function media(query: string): { readonly on: boolean } {
  const list = window.matchMedia(query);
  let on = $state(list.matches);
  $effect(() => {
    const follow = (): void => {
      on = list.matches;
    };
    list.addEventListener("change", follow);
    return () => list.removeEventListener("change", follow);
  });
  return {
    get on() {
      return on;
    },
  };
}
