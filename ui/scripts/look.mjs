// Takes pictures of the lab in Chromium: node scripts/look.mjs [--base URL] [--only WORD] [--out DIR]
//
// The lab must be served: `npm run dev`, or `npm run build:lab` and any file server.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { launch, option } from "./chromium.mjs";

const base = option("base", "http://127.0.0.1:5173/lab.html");
const out = option("out", fileURLToPath(new URL("../shots", import.meta.url)));
const only = option("only", "");

/** The time of the lab: what is said of "now" is the same on every day. */
const LAB_NOW = new Date("2026-11-25T13:02:10Z");

/** Machines of the lab by their names, in the letters of ids. */
const idOf = name => name.replace(/[^a-z2-7]/g, "a").padEnd(52, "a");
const TOWER = idOf("atelier-tower");
const WINBOX = idOf("win-box");
const IMAC = idOf("old-imac");
const NAS = idOf("studio-nas");

/** The sheet for pairing. */
async function pairSheet(page, inGerman) {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill(inGerman ? "koppeln" : "pair");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".side-sheet");
}

async function showCode(page, inGerman) {
  await pairSheet(page, inGerman);
  await page.getByRole("button", { name: inGerman ? "Code zeigen" : "Show code" }).click();
  await page.waitForSelector(".side-sheet svg[role=img]");
}

async function enter(page, inGerman, code, address = "192.168.1.30:7766") {
  await pairSheet(page, inGerman);
  await page.locator(".side-sheet input[type=radio]").last().check();
  await page.locator(".side-sheet input").last().fill(address);
  await page.locator(".side-sheet input").first().fill(code);
  await page.keyboard.press("Enter");
}

/** States of files: name, address, what is done before the picture. */
const drop =
  (...paths) =>
  page =>
    page.evaluate(dropped => window.lab.bridge.drag.dropped({ paths: dropped }, { x: 600, y: 300 }), paths);
const inspect = name => page => page.getByRole("row", { name }).click();
const FILES = [
  ["outdated", "inspector=1#/files/render-01/Textures", inspect(/plaster/)],
  ["offer", "inspector=1#/files/render-01/Textures", inspect(/brick_01/)],
  ["picture", "inspector=1#/files/render-01/Textures", inspect(/floor/)],
  ["awaited", "inspector=1#/files/old-imac/Archive", inspect(/holiday/)],
  ["unknown", "#/files/old-imac/Archive/never-seen", () => undefined],
  ["own", "#/files/atelier-tower/Scenes", () => undefined],
  ["put", "#/files/atelier-tower/Scenes", drop("/home/ana/oak.png", "/home/ana/kitchen.blend")],
  [
    "there",
    "#/files/atelier-tower/Scenes",
    async page => {
      await drop("/home/ana/oak.png", "/home/ana/kitchen.blend")(page);
      await page.getByRole("button", { name: "Copy", exact: true }).click();
      await page.getByRole("button", { name: "Replace" }).waitFor();
    },
  ],
];
const FILE_LOOKS = FILES.flatMap(([name, query, deed]) =>
  ["dark", "light"].flatMap(theme =>
    [
      [1280, 800],
      [900, 600],
    ].map(size => ({
      name: `files-now-${name}-${theme}-${size[0]}`,
      query: `scene=studio&theme=${theme}&${query}`.replace("&#", "#"),
      do: deed,
      size,
    })),
  ),
);

/** The states of pairing: what is done before the picture. */
const PAIRING = [
  ["sheet", pairSheet],
  ["code", showCode],
  [
    "burnt",
    async (page, inGerman) => {
      await showCode(page, inGerman);
      await page.evaluate(() => window.lab.pairing.burn());
    },
  ],
  [
    "nearby",
    async (page, inGerman) => {
      await page.evaluate(() => window.lab.pairing.around("mill", "forge"));
      await pairSheet(page, inGerman);
    },
  ],
  [
    "nearby-off",
    async (page, inGerman) => {
      await page.evaluate(() => window.lab.pairing.around(null));
      await pairSheet(page, inGerman);
    },
  ],
  ["waits", (page, inGerman) => enter(page, inGerman, "7k2m 9qxr")],
  ["unreachable", (page, inGerman) => enter(page, inGerman, "7K2M-9QXR", "10.9.9.9:7766")],
  ["wrong", (page, inGerman) => enter(page, inGerman, "2222-2222")],
  ["asked", page => page.evaluate(() => window.lab.pairing.come())],
  [
    "asked-later",
    async page => {
      await page.evaluate(() => ["sandstone", "forge"].forEach(machine => window.lab.pairing.come({ machine })));
      await page.waitForSelector(".dialog");
      await page.keyboard.press("Escape");
      await page.keyboard.press("5");
    },
  ],
  [
    "paired",
    async (page, inGerman) => {
      await showCode(page, inGerman);
      await page.evaluate(() => window.lab.pairing.come());
      await page.locator(".dialog footer button").last().click();
    },
  ],
];

/** Name, address, size, size of the text in percent; `do` may press and click before the picture is taken. */
export const LOOKS = [
  ...FILE_LOOKS,
  ...["dark", "light"].flatMap(theme =>
    [
      ["grid", "scene=studio#/grid"],
      ["alone", "scene=alone#/grid"],
      ["jobs", "scene=studio#/jobs"],
      ["jobs-empty", "scene=alone#/jobs"],
      ["machines", "scene=studio#/machines"],
      ["machines-alone", "scene=alone#/machines"],
      ["machine", `scene=studio#/machines/${TOWER}`],
      ["problem-machine", `scene=studio#/machines/${WINBOX}`],
      ["inspect-machine", `scene=studio&inspector=1#/machines`],
      ["files", "scene=studio#/files"],
      ["files-alone", "scene=alone#/files"],
      ["files-states", "scene=studio&inspector=1#/files/render-01/Textures"],
      ["files-away", "scene=studio#/files/old-imac/Archive"],
      ["files-many", "scene=studio#/files/studio-nas/Films"],
      ["activity", "scene=studio#/activity"],
      ["activity-empty", "scene=alone#/activity"],
      ["settings", "scene=studio#/settings"],
      ["people", "proposals=1#/settings/machines"],
      ["network", "scene=studio#/settings/network"],
      ["doctor", "scene=studio#/doctor"],
      ["doctor-machine", `scene=studio#/doctor/${IMAC}`],
      ["link", `scene=studio#/grid/${TOWER}/${NAS}`],
      ["limits", "scene=studio#/settings/advanced/limits"],
    ].map(([name, query]) => ({ name: `${name}-${theme}`, query: query.replace("#", `&theme=${theme}#`) })),
  ),
  ...["lending", "machine", "machines", "notifications", "appearance", "network", "advanced", "about"].flatMap(page => [
    { name: `settings-${page}`, query: `desktop=1&theme=dark#/settings/${page}` },
    { name: `settings-${page}-small`, query: `desktop=1&theme=light&locale=de#/settings/${page}`, size: [900, 600] },
    { name: `settings-${page}-large`, query: `desktop=1&theme=light#/settings/${page}`, text: "200%" },
  ]),
  ...[
    ["dark", "en", [1280, 800]],
    ["light", "de", [900, 600]],
  ].flatMap(([theme, locale, size]) => [
    { name: `first-${locale}`, query: `scene=alone&desktop=1&theme=${theme}&locale=${locale}#/welcome`, size },
    {
      name: `first-pair-${locale}`,
      query: `scene=alone&desktop=1&theme=${theme}&locale=${locale}#/welcome`,
      size,
      do: page => page.getByRole("button", { name: locale === "de" ? "Weiter" : "Continue" }).click(),
    },
    ...PAIRING.map(([name, act]) => ({
      name: `pair-${name}-${locale}`,
      query: `theme=${theme}&locale=${locale}#/jobs`,
      size,
      do: page => act(page, locale === "de"),
    })),
    { name: `check-up-${locale}`, query: `theme=${theme}&locale=${locale}#/doctor`, size },
    {
      name: `check-up-away-${locale}`,
      query: `theme=${theme}&locale=${locale}#/jobs`,
      size,
      do: page =>
        page.evaluate(() => {
          window.lab.bridge.lose(window.lab.Refusal.noNode("gone"));
          window.location.hash = "#/doctor";
        }),
    },
    {
      name: `older-${locale}`,
      query: `theme=${theme}&locale=${locale}#/settings`,
      size,
      do: page =>
        page.evaluate(() => {
          const data = { ...window.lab.grid.thisMachine, version: "0.0.9" };
          window.lab.bridge.tell({ event: "machine_changed", data });
        }),
    },
  ]),
  {
    name: "palette",
    query: "scene=studio&theme=dark#/jobs",
    do: async page => {
      await page.keyboard.press("Control+k");
      await page.waitForSelector('[role="listbox"]');
    },
  },
  {
    name: "palette-typed",
    query: "scene=studio&theme=light#/jobs",
    do: async page => {
      await page.keyboard.press("Control+k");
      await page.keyboard.type("pa");
    },
  },
  { name: "keys", query: "scene=studio&theme=dark#/jobs", do: page => page.keyboard.press("?") },
  { name: "inspector", query: "scene=studio&theme=light&inspector=1#/jobs" },
  {
    name: "drop",
    query: "scene=studio&theme=dark#/grid",
    do: async page => {
      const box = await page.locator("[data-machine]").nth(1).boundingBox();
      await page.evaluate(
        ([x, y]) => window.lab.bridge.drag.entered(["kitchen.blend"], { x, y }),
        [box.x + box.width / 2, box.y + box.height / 2],
      );
    },
  },
  {
    name: "reconnecting",
    query: "scene=studio&theme=dark#/jobs",
    do: async page => {
      await page.evaluate(() => window.lab.bridge.lose(window.lab.Refusal.noNode("gone")));
      await page.waitForSelector(".banner [role]");
    },
  },
  {
    name: "toast",
    query: "scene=studio&theme=light#/jobs",
    do: async page => {
      await page.evaluate(() => {
        window.lab.grid.toasts.done("kitchen is paused.", { label: "Undo", run() {} });
        window.lab.grid.toasts.problem(
          "The other machine did not answer.",
          "render-01 closed the link after 4 MB of 18 MB.",
        );
      });
    },
  },
  {
    name: "pause-menu",
    query: "scene=studio&theme=dark#/grid",
    do: page => page.getByRole("button", { name: "Pause lending" }).click(),
  },
  {
    name: "pair",
    query: "scene=studio&theme=light#/grid",
    do: async page => {
      await page.keyboard.press("Control+k");
      await page.keyboard.type("pair");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".side-sheet");
    },
  },
  {
    name: "submit",
    query: "scene=studio&theme=dark#/grid",
    do: async page => {
      await page.keyboard.press("Control+n");
      await page.waitForSelector(".side-sheet");
    },
  },
  { name: "small-grid", query: "scene=studio&theme=dark#/grid", size: [900, 600] },
  {
    name: "files-inspect",
    query: "scene=studio&inspector=1#/files/render-01/Textures",
    do: async page => {
      await page.getByRole("row", { name: /floor/ }).click();
      await page.getByRole("region", { name: "Where it is" }).waitFor();
    },
  },
  {
    name: "files-menu",
    query: "scene=studio&theme=light#/files/render-01/Textures",
    do: page => page.getByRole("row", { name: /brick_02/ }).click({ button: "right" }),
  },
  {
    name: "files-share",
    query: "scene=studio#/files",
    do: async page => {
      await page.getByRole("button", { name: "Share a folder" }).click();
      await page.getByText("Only some machines").click();
    },
  },
  { name: "files-small", query: "scene=studio&theme=light#/files/render-01/Textures", size: [900, 600] },
  { name: "files-small-top", query: "scene=studio#/files", size: [900, 600] },
  { name: "files-large", query: "scene=studio#/files/render-01/Textures", text: 200 },
  { name: "files-pseudo", query: "scene=studio&locale=en-XA#/files", size: [900, 600] },
  { name: "files-german", query: "scene=studio&locale=de#/files/old-imac/Archive" },
  { name: "small-jobs", query: "scene=studio&theme=light#/jobs", size: [900, 600] },
  { name: "small-machines", query: "scene=studio&theme=light#/machines", size: [900, 600] },
  { name: "small-machine", query: `scene=studio&theme=light#/machines/${TOWER}`, size: [900, 600] },
  { name: "large-machine", query: `scene=studio&theme=dark#/machines/${TOWER}`, text: 200 },
  { name: "table-machine", query: `scene=studio&theme=dark#/machines/${TOWER}`, do: page => page.keyboard.press("t") },
  { name: "small-activity", query: "scene=studio&theme=dark#/activity", size: [900, 600] },
  { name: "large-activity", query: "scene=studio&theme=light#/activity", text: 200 },
  {
    name: "events-activity",
    query: "scene=studio&theme=light#/activity",
    do: page => page.getByRole("tab", { name: "Events" }).click(),
  },
  { name: "logs-activity", query: "scene=studio&theme=dark#/activity", do: page => page.keyboard.press("t") },
  { name: "large-machines", query: "scene=studio&theme=dark#/machines", text: 200 },
  { name: "hostile-machines", query: "scene=hostile&theme=light#/machines" },
  { name: "rtl-machines", query: "scene=studio&dir=rtl#/machines" },
  {
    name: "menu-machines",
    query: "scene=studio&theme=dark#/machines",
    do: page => page.getByText("atelier-tower").nth(1).click({ button: "right" }),
  },
  { name: "large-jobs", query: "scene=studio&theme=dark#/jobs", text: 200 },
  { name: "pseudo-jobs", query: "scene=studio&locale=en-XA#/jobs" },
  { name: "hostile-jobs", query: "scene=hostile#/jobs" },
  { name: "contrast-jobs", query: "scene=studio&theme=contrast#/jobs" },
];

const browser = await launch();
mkdirSync(out, { recursive: true });
for (const look of LOOKS) {
  if (!look.name.includes(only)) continue;
  const [width, height] = look.size ?? [1280, 800];
  const page = await browser.newPage({ viewport: { width, height } });
  await page.clock.setFixedTime(LAB_NOW);
  page.on("pageerror", error => console.error(`${look.name}: ${error.message}`));
  page.on("console", message => message.type() === "error" && console.error(`${look.name}: ${message.text()}`));
  if (look.text !== undefined) {
    await page.addInitScript(percent => {
      document.addEventListener("readystatechange", () => {
        document.documentElement.style.fontSize = `${percent}%`;
      });
    }, look.text);
  }
  await page.goto(`${base}?${look.query}`);
  await page.evaluate(() => document.fonts.ready);
  await page.waitForLoadState("networkidle");
  if (look.text !== undefined) await page.evaluate(size => (document.documentElement.style.fontSize = size), look.text);
  await look.do?.(page);
  await page.waitForTimeout(250);
  await page.screenshot({ path: `${out}/${look.name}.png` });
  await page.close();
}
await browser.close();
