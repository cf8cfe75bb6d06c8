import { hrefOf, parseRoute, sameRoute, type Route, type ViewId } from "./routes";

/** The address, as state. The address is the truth: going somewhere changes it, and hearing of the change changes us. */
export class Router {
  current: Route = $state.raw(parseRoute(window.location.hash));

  /** True until somebody went anywhere: the window was opened without an address of its own. */
  get isFresh(): boolean {
    return window.location.hash === "";
  }

  go(view: ViewId, ...path: string[]): void {
    window.location.hash = hrefOf(view, ...path);
  }

  /** Like `go`, without a new entry in the history: for tabs and for what turned out not to be there. */
  replace(view: ViewId, ...path: string[]): void {
    window.location.replace(hrefOf(view, ...path));
  }

  back(): void {
    window.history.back();
  }

  /** Follows the address until the returned function is called. */
  start(): () => void {
    const follow = (): void => {
      const next = parseRoute(window.location.hash);
      if (!sameRoute(next, this.current)) this.current = next;
    };
    follow();
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }
}
