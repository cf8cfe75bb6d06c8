import { createSubscriber } from "svelte/reactivity";

/** Calls whoever reads sizes when the size of the text changes: an element of one rem changes with it. */
const watch = createSubscriber(changed => {
  const probe = document.createElement("div");
  probe.style.cssText = "position: fixed; width: 1rem; height: 0; visibility: hidden";
  document.body.append(probe);
  const observer = new ResizeObserver(changed);
  observer.observe(probe);
  return () => {
    observer.disconnect();
    probe.remove();
  };
});

/** Pixels of so many rem: for what is laid out by numbers and follows the size of the text, also while that changes. */
export function rem(count: number): number {
  watch();
  return Math.round(count * parseFloat(getComputedStyle(document.documentElement).fontSize));
}
