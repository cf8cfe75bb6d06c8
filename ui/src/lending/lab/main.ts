import "~/styles/fonts.css";
import "~/styles/tokens.css";
import "~/styles/base.css";
import "~/styles/layers.css";

import { mount } from "svelte";

import { setLocale, type Locale } from "~/text";
import type { Policy, Resource } from "../policy";
import { LAB_NOWS, labPolicy } from "./fixtures";
import LendingLab from "./LendingLab.svelte";

/** What the rules asked for, for tests. */
export type Heard = { policy: Policy } | { keepBack: Resource; secs: number };

/** The rules of lending on made-up data: `lending-lab.html?now=used&theme=light&locale=de`. */
const asked = new URLSearchParams(window.location.search);
const target = document.getElementById("lab");
if (target === null) throw new Error("the page has no place for the lab");

const theme = asked.get("theme");
if (theme !== null) document.documentElement.dataset["theme"] = theme;
if (asked.get("dir") === "rtl") document.documentElement.dir = "rtl";
if (asked.has("text")) document.documentElement.style.fontSize = `${asked.get("text")}%`;
const locale = asked.get("locale");
if (locale !== null) setLocale(locale as Locale);

const heard: Heard[] = [];
const name = (Object.keys(LAB_NOWS) as (keyof typeof LAB_NOWS)[]).find(known => known === asked.get("now"));
mount(LendingLab, { target, props: { first: LAB_NOWS[name ?? "lending"], rules: labPolicy(), heard } });

declare global {
  interface Window {
    lendingLab: { heard: Heard[] };
  }
}

window.lendingLab = { heard };
