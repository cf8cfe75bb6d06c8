/** The parts of the window that F6 goes through, in the order they are read (WCAG 2.4.3). */
export function focusRegion(step: 1 | -1): void {
  const regions = [...document.querySelectorAll<HTMLElement>("[data-region]")].filter(
    region => region.offsetParent !== null,
  );
  if (regions.length === 0) return;
  const now = regions.findIndex(region => region.contains(document.activeElement));
  const next = now < 0 ? (step > 0 ? 0 : regions.length - 1) : (now + step + regions.length) % regions.length;
  regions[next]?.focus();
}

/** The filter box of the screen in front, if it has one. */
export function focusFilter(): void {
  const input = document.querySelector<HTMLInputElement>('[data-region] [role="search"] input');
  input?.focus();
  input?.select();
}
