import "../styles/fonts.css";
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/layers.css";

import { flushSync, mount } from "svelte";

import App from "../App.svelte";
import { Refusal, type OwnSettings } from "~/bridge";
import { Grid, Prefs, Selection, type PrefValues } from "~/state";
import { setLocale, type Locale } from "~/text";
import { LabBridge, type Replies } from "./bridge";
import { jobReplies, logPieces } from "./job";
import { draftReplies } from "./drafts";
import { fileReplies, NO_FILES } from "./files";
import { alone, hostile, LAB_NOW, many, studio } from "./fixtures";
import { layoutReplies } from "./layout";
import { lendingReplies } from "./lending";
import { limitReplies } from "./limits";
import { LabLinks } from "./links";
import { memberReplies } from "./members";
import { LabPairing } from "./pairing";
import { LabWaiting } from "./waiting";
import { NOTHING_YET, pastReplies } from "./past";

/**
 * The whole window on made-up data: `lab.html?scene=studio&theme=light&locale=en-XA#/jobs`.
 *
 * Tests find the bridge under `window.lab`, to tell the window something and to see what it asked.
 */
const asked = new URLSearchParams(window.location.search);

const ABOUT_JOBS = jobReplies(studio());
const links = new LabLinks(
  () => grid,
  body => bridge.tell(body),
);
const waiting = new LabWaiting(
  () => grid.machines,
  body => bridge.tell(body),
);
const pairing = new LabPairing(body => bridge.tell(body));
const REPLIES: Replies = {
  ...ABOUT_JOBS,
  ...pairing.replies,
  ...draftReplies,
  ...pastReplies(studio(), ABOUT_JOBS.timeline),
  status: () => ({
    version: asked.get("version") ?? "0.1.0",
    peer: studio().machines[0]?.id,
    name: "atelier-tower",
    grid: "daaaaaaaaaaaaaaaaaaaaaaaaa",
    addresses: ["192.168.1.20:7766", "[fd00::20]:7766"],
    data: "/home/ana/.local/share/gridwell",
    pid: 4711,
    uptime_secs: 86_400,
    machines: 7,
    machines_online: 6,
    active_jobs: 4,
    running: 6,
    accepts: true,
    why_not: "",
    safe_to_close: false,
    close_why: ["holiday film.mov: the files it reads are still being copied to render-01"],
  }),
  set: request => waiting.set(request),
  link: request => links.change(request),
  links: () => grid.links,
  ...links.replies,
  ...lendingReplies({ isPoor: asked.get("poor") === "1" }),
  ...limitReplies(),
  ...fileReplies(),
  ...layoutReplies(studio()),
  ...memberReplies(studio(), { admin: asked.get("admin") !== "0", waiting: asked.get("proposals") === "1" }, body =>
    bridge.tell(body),
  ),
  doctor_of: ({ machine }) => ({
    findings: [
      { what: "link", ok: false, sentence: "there is no link with it since 10:02", next_step: "" },
      {
        what: "what others see",
        ok: true,
        sentence: "render-01 last heard of it 3 h ago",
        next_step: "",
      },
      {
        what: `addresses of ${grid.machine(machine)?.name ?? machine}`,
        ok: false,
        sentence: "192.168.1.44:7766 does not answer",
        next_step: "see whether it is switched on, and wake it with: gridwell wake old-imac",
      },
      { what: "clock", ok: true, sentence: "its clock was right when it was last heard of", next_step: "" },
    ],
  }),
  doctor: () => ({
    findings: [
      { what: "socket", ok: true, sentence: "The local door answers.", next_step: "" },
      { what: "tool blender", ok: true, sentence: "Blender 4.2.1 is here.", next_step: "" },
      {
        what: "clock of win-box",
        ok: false,
        sentence: "Its clock is 4 min ahead of this machine's.",
        next_step: "Turn on automatic time on win-box.",
      },
    ],
  }),
};

const SCENES = {
  studio: () => new LabBridge(studio(), REPLIES),
  alone: () => new LabBridge(alone(), { ...REPLIES, ...NOTHING_YET, ...NO_FILES }),
  hostile: () => new LabBridge(hostile(), REPLIES),
  /** As many machines and jobs as `&n=` says. */
  many: () => new LabBridge(many(Number(asked.get("n"))), REPLIES),
  /** Nothing has come yet. */
  starting: () => new LabBridge(null),
};

const scene = (Object.keys(SCENES) as (keyof typeof SCENES)[]).find(name => name === asked.get("scene")) ?? "studio";
const bridge = SCENES[scene]();
bridge.pieces = logPieces;
if (asked.get("desktop") === "1") bridge.own = ownChoices();

const shelf = new Map<string, string>();
const prefs = new Prefs({
  getItem: key => shelf.get(key) ?? null,
  setItem: (key, value) => void shelf.set(key, value),
});
prefs.set("welcomed", asked.get("first") !== "1");
const theme = asked.get("theme");
if (theme !== null) prefs.set("theme", theme as PrefValues["theme"]);
const locale = asked.get("locale");
if (locale !== null) {
  prefs.set("language", locale);
  setLocale(locale as Locale);
}
if (asked.get("inspector") === "1") prefs.set("inspectorOpen", true);

if (asked.get("text") !== null) document.documentElement.style.fontSize = `${asked.get("text")}%`;

const target = document.getElementById("lab");
if (target === null) throw new Error("the page has no #lab");

const grid = new Grid(bridge, { now: () => LAB_NOW, after: (ms, then) => stopper(setTimeout(then, ms)) });
mount(App, { target, props: { app: { grid, prefs, selection: new Selection() } } });

// After the app has set the direction of the language.
flushSync();
if (asked.get("dir") !== null) document.documentElement.dir = asked.get("dir") ?? "ltr";

/** The desktop app's choices, kept as long as the page. */
function ownChoices(): NonNullable<LabBridge["own"]> {
  let kept: OwnSettings = {
    keep_running: true,
    autostart: false,
    acceleration: true,
    notify_done: true,
    notify_problem: true,
    notify_lending: false,
  };
  return { get: async () => kept, set: async settings => void (kept = settings) };
}

function stopper(id: ReturnType<typeof setTimeout>): () => void {
  return () => clearTimeout(id);
}

declare global {
  interface Window {
    lab: {
      bridge: LabBridge;
      grid: Grid;
      links: LabLinks;
      pairing: LabPairing;
      waiting: LabWaiting;
      Refusal: typeof Refusal;
    };
  }
}

window.lab = { bridge, grid, links, pairing, waiting, Refusal };
