export type { Action, ActionGroup } from "./actions.svelte";
export type { SheetOf } from "./chrome.svelte";
export { useChrome, useRouter, useShell } from "./context";
export { asActions } from "./menu";
export { isUndecided } from "./dropping";
export { hrefOf, type Route, type ViewId } from "./routes";
export { useActions, useTitle } from "./use.svelte";
