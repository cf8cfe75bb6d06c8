import { expect, it } from "vitest";

import { HandClock } from "./testing";
import { TOAST_MS, Toasts } from "./toasts.svelte";

function messages(toasts: Toasts): string[] {
  return toasts.shown.map(toast => toast.message);
}

it("goes by itself after its time, but a problem stays", () => {
  const clock = new HandClock();
  const toasts = new Toasts(clock);
  toasts.done("done");
  toasts.note("nothing to do");
  toasts.problem("problem");
  clock.advance(TOAST_MS);
  expect(messages(toasts)).toEqual(["problem"]);
});

it("stays while it is read, and then has its whole time again", () => {
  const clock = new HandClock();
  const toasts = new Toasts(clock);
  toasts.done("done");
  clock.advance(TOAST_MS - 1);
  toasts.pause();
  clock.advance(TOAST_MS);
  expect(messages(toasts)).toEqual(["done"]);
  toasts.resume();
  clock.advance(TOAST_MS - 1);
  expect(messages(toasts)).toEqual(["done"]);
  clock.advance(1);
  expect(messages(toasts)).toEqual([]);
});

it("shows at most three, the newest", () => {
  const clock = new HandClock();
  const toasts = new Toasts(clock);
  for (const message of ["a", "b", "c", "d"]) toasts.done(message);
  expect(messages(toasts)).toEqual(["b", "c", "d"]);
  expect(clock.waiting).toBe(3);
});
