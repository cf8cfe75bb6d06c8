import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layers.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { openBridge } from "./bridge";
import { Grid, Prefs, Selection } from "./state";

const target = document.getElementById("app");
if (target === null) throw new Error("the page has no #app");

// Not awaited at the top: the bridge's own file needs what this one brings along, and would wait for it for ever.
void openBridge().then(bridge => {
  const grid = new Grid(bridge);
  mount(App, { target, props: { app: { grid, prefs: new Prefs(localStorage), selection: new Selection() } } });
  // The second frame begins when the first one is on the screen.
  requestAnimationFrame(() => requestAnimationFrame(() => bridge.painted()));
});
