import { mount } from "svelte";
import "~/styles/fonts.css";
import "~/styles/tokens.css";
import "~/styles/base.css";
import SceneLab from "./SceneLab.svelte";

const target = document.getElementById("lab");
if (target === null) throw new Error("the page has no place for the lab");
const start = performance.now();
mount(SceneLab, { target });
// Mounting ends when the page has been painted once.
requestAnimationFrame(() =>
  requestAnimationFrame(() => performance.measure("mount", { start, end: performance.now() })),
);
