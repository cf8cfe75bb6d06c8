import { createContext } from "svelte";

import type { Actions } from "./actions.svelte";
import type { Chrome } from "./chrome.svelte";
import type { Router } from "./router.svelte";

export interface Shell {
  actions: Actions;
  router: Router;
  chrome: Chrome;
}

const [read, provide] = createContext<Shell>();

export const provideShell = provide;
export const useShell = read;

export function useRouter(): Router {
  return read().router;
}

export function useChrome(): Chrome {
  return read().chrome;
}
