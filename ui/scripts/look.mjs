// Takes pictures of the lab in Chromium: node scripts/look.mjs [--base URL] [--only WORD] [--out DIR]
//
// The lab must be served: `npm run dev`, or `npm run build:lab` and any file server.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { launch, option } from "./chromium.mjs";

const base = option("base", "http://127.0.0.1:5173/lab.html");
const out = option("out", fileURLToPath(new URL("../shots", import.meta.url)));
const only = option("only", "");

/** Name, address, size, size of the text in percent; `do` may press and click before the picture is taken. */
export const LOOKS = [
  ...["dark", "light"].flatMap(theme =>
    [
      ["grid", "scene=studio#/grid"],
      ["alone", "scene=alone#/grid"],
      ["jobs", "scene=studio#/jobs"],
      ["jobs-empty", "scene=alone#/jobs"],
      ["machines", "scene=studio#/machines"],
      ["machines-alone", "scene=alone#/machines"],
      ["settings", "scene=studio#/settings"],
      ["doctor", "scene=studio#/doctor"],
    ].map(([name, query]) => ({ name: `${name}-${theme}`, query: query.replace("#", `&theme=${theme}#`) })),
  ),
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
  { name: "small-jobs", query: "scene=studio&theme=light#/jobs", size: [900, 600] },
  { name: "small-machines", query: "scene=studio&theme=light#/machines", size: [900, 600] },
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
  await look.do?.(page);
  await page.waitForTimeout(250);
  await page.screenshot({ path: `${out}/${look.name}.png` });
  await page.close();
}
await browser.close();
