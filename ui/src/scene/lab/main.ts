import { mount } from "svelte";
import "~/styles/fonts.css";
import "~/styles/tokens.css";
import "~/styles/base.css";
import { aGrid, everyLink } from "./grids";
import SceneLab from "./SceneLab.svelte";

const target = document.getElementById("lab");
if (target === null) throw new Error("the page has no place for the lab");
const asked = new URLSearchParams(location.search);
const number = (key: string, fallback: number): number => Number(asked.get(key) ?? fallback);
const grid = asked.has("looks")
  ? everyLink()
  : aGrid({
      machineCount: number("n", 7),
      seed: number("seed", 7),
      hostile: asked.has("hostile"),
      sites: !asked.has("nosites"),
    });

const start = performance.now();
mount(SceneLab, { target, props: { first: grid, asked } });
// Mounting ends when the page has been painted once.
requestAnimationFrame(() =>
  requestAnimationFrame(() => performance.measure("mount", { start, end: performance.now() })),
);
