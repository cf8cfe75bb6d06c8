/** What a key reaches; without what a list of its own leads to by arrows. */
const REACHABLE =
  ":is(a[href], button, input, select, textarea, summary, [tabindex]):not([tabindex='-1'], :disabled, [type='radio']:not(:checked))";

/** What can take the focus in `element`, itself included, in reading order. */
export function reachableIn(element: Element | undefined): HTMLElement[] {
  if (element === undefined) return [];
  const all = [element, ...element.querySelectorAll(REACHABLE)];
  return all.filter(
    (each): each is HTMLElement => each instanceof HTMLElement && each.matches(REACHABLE) && isSeen(each),
  );
}

function isSeen(element: HTMLElement): boolean {
  return element.getClientRects().length > 0;
}

/**
 * Where the focus goes when something opens over the page: to what is marked with `data-autofocus`, else to the whole, so
 * that the first key acts inside and no button looks as if it were chosen.
 */
export function focusFirst(whole: HTMLElement): void {
  (whole.querySelector<HTMLElement>("[data-autofocus]") ?? whole).focus();
}

/** Gives the focus back to what had it before, if it is still there. */
export function focusAgain(element: Element | null): void {
  const takes = element instanceof HTMLElement || element instanceof SVGElement;
  if (takes && element.isConnected && element !== document.body) element.focus({ preventScroll: true });
}

/** What lies over the page and lets nobody past it; the newest last. */
export function modals(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('[aria-modal="true"]')];
}
