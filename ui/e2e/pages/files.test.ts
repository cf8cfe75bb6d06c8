import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";

usePages();

const TEXTURES = "#/files/render-01/Textures";

/** What the window asked for, of one kind. */
function asked(page: Page, ask: string): Promise<unknown[]> {
  return page.evaluate(word => window.lab.bridge.asked.filter(request => request.ask === word), ask);
}

function hash(page: Page): string {
  return new URL(page.url()).hash;
}

describe("files of a machine", () => {
  it("say how much of them is here, each in words", async () => {
    const page = await open(TEXTURES);
    const list = page.getByRole("grid", { name: "Textures" });
    for (const [name, words] of [
      ["metal", /On .*render-01/],
      ["fabric", /1\.2 GB here/],
      ["wood", /Kept here/],
      ["brick_01.exr", /On .*render-01/],
      ["brick_02.exr", /46 % here/],
      ["concrete.png", /Here/],
      ["floor.png", /Kept here/],
      ["plaster.exr", /Older version here/],
      ["latest", /Leads to wood\/oak\.png/],
      ["socket", /Not shown to others/],
    ] as const)
      await list.getByRole("row", { name }).getByText(words).waitFor();
    await page.getByText("6 files · 260 MB · 18 MB kept here · 61 MB here · 181 MB elsewhere").waitFor();
  });

  it("are walked through with keys as in a file manager", async () => {
    const page = await open("#/files");
    await page.getByRole("grid", { name: "Files" }).focus();
    await page.keyboard.type("rend");
    await page.keyboard.press("Enter");
    await expect.poll(() => hash(page)).toBe("#/files/render-01");
    await page.getByRole("grid", { name: "render-01" }).getByText("Textures").waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    const list = page.getByRole("grid", { name: "Textures" });
    await list.getByText("fabric").waitFor();
    await page.keyboard.type("w");
    await list.getByRole("row", { name: /wood/, selected: true }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("grid", { name: "wood" }).getByText("oak.png").waitFor();
    await page.keyboard.press("Backspace");
    await list.getByRole("row", { name: /wood/, selected: true }).waitFor();
    expect(hash(page)).toBe(TEXTURES);
  });

  it("lead back over the path above them", async () => {
    const page = await open("#/files/render-01/Textures/wood");
    const way = page.getByRole("navigation", { name: "Path" });
    await way.locator("[aria-current=page]").getByText("wood").waitFor();
    await way.getByRole("link", { name: "render-01" }).click();
    await page.getByRole("grid", { name: "render-01" }).getByText("Textures").waitFor();
    await page.goBack();
    await page.getByRole("grid", { name: "wood" }).getByText("oak.png").waitFor();
  });

  it("are sorted by size, and found by a part of their name", async () => {
    const page = await open(TEXTURES);
    const rows = page.getByRole("grid", { name: "Textures" }).getByRole("row");
    await page.getByRole("button", { name: "Size" }).click();
    await page.getByRole("button", { name: "Size" }).click();
    await expect.poll(async () => (await rows.nth(1).innerText()).startsWith("brick")).toBe(true);
    await page.keyboard.press("/");
    await page.keyboard.type("floor");
    await expect.poll(() => rows.count()).toBe(2);
    await page.getByRole("textbox", { name: "Filter names" }).fill("nothing like this");
    await page.getByRole("button", { name: "Clear filter" }).last().click();
    await expect.poll(() => rows.count()).toBe(12);
  });

  it("of a large folder come as one scrolls, and all of them for a filter", async () => {
    const page = await open("#/files/studio-nas/Films");
    const list = page.getByRole("grid", { name: "Films" });
    await list.getByText("shot_00000.exr").waitFor();
    expect(await asked(page, "files")).toHaveLength(1);
    await list.focus();
    await page.keyboard.press("End");
    await expect.poll(() => list.getAttribute("aria-rowcount")).toBe("8193");
    await page.keyboard.press("/");
    await page.keyboard.type("09999");
    await list.getByText("shot_09999.exr").waitFor();
    expect(await list.getByRole("row").count()).toBe(2);
  });

  it("tell more about themselves beside the list", async () => {
    const page = await open(TEXTURES, { inspector: "1" });
    await page.getByRole("row", { name: /concrete\.png/ }).click();
    const more = page.getByRole("complementary", { name: "Inspector" });
    await more.getByRole("heading", { name: "concrete.png" }).waitFor();
    await more.getByText("/render-01/Textures/concrete.png").waitFor();
    await more.getByRole("button", { name: "Save a copy" }).click();
    expect(await page.evaluate(() => window.lab.bridge.copied)).toEqual(["/render-01/Textures/concrete.png"]);
    expect(await breaches(page)).toEqual([]);
  });
});

describe("a picture of a file that is elsewhere", () => {
  const pictures = (page: Page): Promise<unknown[]> =>
    page.evaluate(() => window.lab.bridge.pictures.filter(({ file }) => file !== undefined));

  it("is made at once where that takes little, and else when somebody wants it", async () => {
    const page = await open(TEXTURES, { inspector: "1" });
    const more = page.getByRole("complementary", { name: "Inspector" });
    await page.getByRole("row", { name: /concrete\.png/ }).click();
    await more.locator("img").waitFor();
    await page.getByRole("row", { name: /brick_01/ }).click();
    await more.getByText(/Reads 84 MB from .*render-01/).waitFor();
    expect(await more.locator("img").count()).toBe(0);
    expect(await breaches(page)).toEqual([]);
    await more.getByRole("button", { name: "Show picture" }).click();
    await more.locator("img").waitFor();
    const last = (await pictures(page)).at(-1);
    expect(last).toEqual({ file: "/render-01/Textures/brick_01.exr", size: 640 });
  });

  it("is not offered while its machine is away", async () => {
    const page = await open("#/files/old-imac/Archive", { inspector: "1" });
    await page.getByRole("row", { name: /portrait/ }).click();
    const more = page.getByRole("complementary", { name: "Inspector" });
    await more.getByRole("heading", { name: "portrait.tif" }).waitFor();
    expect(await more.getByRole("button", { name: "Show picture" }).count()).toBe(0);
  });
});

describe("what is here of other machines' files", () => {
  const floor = { name: /floor\.png/ };

  async function choose(page: Page, file: RegExp, deed: string): Promise<void> {
    await page.getByRole("row", { name: file }).click({ button: "right" });
    await page.getByRole("menuitem", { name: deed }).click();
  }

  it("is kept and not kept, each with a way back", async () => {
    const page = await open(TEXTURES);
    await choose(page, /brick_01/, "Keep here");
    const row = page.getByRole("row", { name: /brick_01/ });
    await row.getByText("Kept here").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await row.getByText("Here", { exact: true }).waitFor();
    await choose(page, /floor/, "Don’t keep");
    await page.getByRole("row", floor).getByText("Here", { exact: true }).waitFor();
    expect(await asked(page, "file_pin")).toEqual([
      { ask: "file_pin", path: "/render-01/Textures/brick_01.exr", on: true },
      { ask: "file_pin", path: "/render-01/Textures/brick_01.exr", on: false },
      { ask: "file_pin", path: "/render-01/Textures/floor.png", on: false },
    ]);
  });

  it("makes room, says how much, and comes again", async () => {
    const page = await open(TEXTURES);
    const row = page.getByRole("row", { name: /concrete/ });
    await choose(page, /concrete/, "Free space");
    await row.getByText(/On .*render-01/).waitFor();
    await page.getByText("22 MB freed.").first().waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await row.getByText("Here", { exact: true }).waitFor();
  });

  it("does not go while it is kept, or may be the last copy", async () => {
    const page = await open(TEXTURES);
    await page.getByRole("row", floor).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Don’t keep" }).waitFor();
    expect(await page.getByRole("menuitem", { name: "Free space" }).count()).toBe(0);
    await page.keyboard.press("Escape");
    await page.evaluate(() => (window.location.hash = "#/files/old-imac/Archive"));
    await choose(page, /logo/, "Free space");
    await page.getByText("Nothing was freed. 1 file stayed: no other copy can be reached now.").first().waitFor();
    await page.getByRole("row", { name: /logo/ }).getByText("Here", { exact: true }).waitFor();
  });

  it("is fetched ahead for several at once, from the palette too", async () => {
    const page = await open(TEXTURES);
    await page.getByRole("row", { name: /brick_01/ }).click();
    await page.getByRole("row", { name: /brick_02/ }).click({ modifiers: ["Shift"] });
    await page.keyboard.press("Control+k");
    await page.keyboard.type("prefetch");
    await page.keyboard.press("Enter");
    await expect.poll(() => asked(page, "file_fetch")).toHaveLength(2);
    await page
      .getByRole("row", { name: /brick_02/ })
      .getByText("Here", { exact: true })
      .waitFor();
  });

  it("is told machine by machine beside the list", async () => {
    const page = await open(TEXTURES, { inspector: "1" });
    await page.getByRole("row", floor).click();
    const where = page.getByRole("region", { name: "Where it is" }).getByRole("listitem");
    await expect.poll(() => where.allInnerTexts()).toHaveLength(3);
    const said = (await where.allInnerTexts()).map(text => text.replaceAll("\n", " "));
    expect(said).toEqual(["render-01 Its owner", "atelier-tower All of it · kept", "studio-nas 50 %"]);
    expect(await breaches(page)).toEqual([]);
  });
});

describe("a machine that is away", () => {
  it("is named with the time since when, for each of its files", async () => {
    const page = await open("#/files/old-imac/Archive");
    const list = page.getByRole("grid", { name: "Archive" });
    await list
      .getByRole("row", { name: /holiday/ })
      .getByText(/Only on .*old-imac.*, offline since/)
      .waitFor();
    await list
      .getByRole("row", { name: /portrait/ })
      .getByText(/46 % here\. Only on/)
      .waitFor();
    await list.getByRole("row", { name: /logo/ }).getByText("Here").waitFor();
    await page.getByText(/old-imac.* is away: these are the names remembered here/).waitFor();
  });

  it("is waited for, if somebody wants to be told, from the menu and beside the list", async () => {
    const page = await open("#/files/old-imac/Archive", { inspector: "1" });
    await page.getByRole("row", { name: /holiday/ }).click({ button: "right" });
    await page.getByRole("menuitem", { name: /Notify me when .*old-imac.* is back/ }).click();
    await page
      .getByText(/You will be told when .*old-imac.* is back/)
      .first()
      .waitFor();
    await page.getByRole("row", { name: /holiday/ }).click();
    const more = page.getByRole("complementary", { name: "Inspector" });
    await more.getByRole("button", { name: /Don’t notify me about .*old-imac/ }).click();
    await page.getByRole("button", { name: "Undo" }).last().click();
    await more.getByRole("button", { name: /Don’t notify me about .*old-imac/ }).waitFor();
    await page.evaluate(() => window.lab.waiting.tellBack("old-imac"));
    await page.getByText("old-imac is back").first().waitFor();
  });

  it("is named where nothing of its folder is known", async () => {
    const page = await open("#/files/old-imac/Archive/never-seen");
    await page.getByRole("heading", { name: /Only on .*old-imac.*, offline since/ }).waitFor();
    await page.getByRole("main").getByRole("button", { name: "Up one folder" }).last().click();
    await page.getByRole("grid", { name: "Archive" }).waitFor();
  });
});

it("a folder that is not there says so", async () => {
  const page = await open("#/files/render-01/Textures/gone");
  await page.getByRole("heading", { name: "A file or folder is not there." }).waitFor();
  expect(await breaches(page)).toEqual([]);
});

describe("folders of this machine", () => {
  it("are shared with some machines, and not any more, and again", async () => {
    const page = await open("#/files", { scene: "studio" });
    await page.getByRole("button", { name: "Share a folder" }).click();
    const dialog = page.getByRole("dialog", { name: "Share a folder" });
    expect(await dialog.getByRole("textbox", { name: "Name for the others" }).inputValue()).toBe("Textures");
    await dialog.getByText("Only some machines").click();
    await dialog.getByRole("checkbox", { name: "render-01" }).check();
    expect(await breaches(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Share", exact: true }).click();
    const own = page.getByRole("region", { name: "Shared from this machine" });
    await own.getByText("/home/ana/Textures").waitFor();
    await own.getByRole("button", { name: /Stop sharing .*Textures/ }).click();
    await own.getByText("/home/ana/Textures").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).last().click();
    await own.getByText("/home/ana/Textures").waitFor();
    expect(await asked(page, "share_add")).toHaveLength(2);
  });

  it("are copied to more machines, or fewer, with a way back", async () => {
    const page = await open("#/files");
    await page.getByText("No copies elsewhere").waitFor();
    await page.getByRole("button", { name: /One more copy of .*Scenes/ }).click();
    await page.getByText("2 of 2 copies").waitFor();
    await page.getByRole("button", { name: /One more copy of .*Scenes/ }).click();
    await page.getByText("2 of 3 copies").waitFor();
    await page.getByText(/atelier-tower.* and .*studio-nas.* · 1 on the way/).waitFor();
    await page.getByRole("button", { name: "Undo" }).last().click();
    await page.getByText("2 of 2 copies").waitFor();
    expect(await asked(page, "share_replicate")).toMatchObject([{ copies: 2 }, { copies: 3 }, { copies: 2 }]);
    expect(await breaches(page)).toEqual([]);
  });

  it("of others say how many copies of them there are", async () => {
    const page = await open("#/files/render-01");
    await page
      .getByRole("row", { name: /Textures/ })
      .getByText("2 of 2 copies")
      .waitFor();
  });

  it("say in the form why they cannot be shared", async () => {
    const page = await open("#/files");
    await page.getByRole("button", { name: "Share a folder" }).click();
    const dialog = page.getByRole("dialog", { name: "Share a folder" });
    await dialog.getByRole("textbox", { name: "Folder on this machine" }).fill("Textures");
    await page.keyboard.press("Enter");
    await dialog.getByText("'Textures' is no absolute path.").waitFor();
  });

  it("are offered for sharing when they are dropped, and scenes still become jobs", async () => {
    const page = await open("#/files");
    const drop = (path: string): Promise<void> =>
      page.evaluate(dropped => {
        const at = { x: 600, y: 400 };
        window.lab.bridge.drag?.entered([dropped.split("/").at(-1)!], at);
        window.lab.bridge.drag?.dropped({ paths: [dropped] }, at);
      }, path);
    await drop("/home/ana/Props");
    const dialog = page.getByRole("dialog", { name: "Share a folder" });
    await dialog.waitFor();
    await dialog.getByRole("button", { name: "Start a job with it instead" }).click();
    await page.getByRole("dialog", { name: "New job" }).waitFor();
    await page.keyboard.press("Escape");
    await drop("/home/ana/kitchen.blend");
    await page.getByRole("dialog", { name: "kitchen.blend" }).or(page.getByRole("dialog")).first().waitFor();
    expect(await page.getByRole("dialog", { name: "Share a folder" }).count()).toBe(0);
  });

  it("and those of others are shown as a folder, and not any more", async () => {
    const page = await open("#/files");
    const own = page.getByRole("region", { name: "Shared from this machine" });
    await own.getByRole("button", { name: "Show as a folder…" }).click();
    await page.getByRole("textbox", { name: "An empty folder" }).fill("/home/ana/Gridwell");
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("textbox", { name: "An empty folder" }).press("Enter");
    await own.getByText("/home/ana/Gridwell").waitFor();
    await own.getByRole("button", { name: "Open in file manager" }).waitFor();
    await own.getByRole("button", { name: "Show no more" }).click();
    await own.getByRole("button", { name: "Show as a folder…" }).waitFor();
  });
});

describe("files for a folder that this machine shares", () => {
  const SCENES = "#/files/atelier-tower/Scenes";
  const drop = (page: Page, ...paths: string[]): Promise<void> =>
    page.evaluate(dropped => {
      const at = { x: 600, y: 400 };
      window.lab.bridge.drag?.entered(
        dropped.map(path => path.split("/").at(-1)!),
        at,
      );
      window.lab.bridge.drag?.dropped({ paths: dropped }, at);
    }, paths);

  it("are copied into it when they are dropped, and replace others only when that is meant", async () => {
    const page = await open(SCENES);
    await page.getByRole("grid", { name: "Scenes" }).waitFor();
    await drop(page, "/home/ana/oak.png", "/home/ana/kitchen.blend");
    const dialog = page.getByRole("dialog", { name: /Copy 2 files into .*Scenes/ });
    await dialog.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByRole("row", { name: /oak\.png/ }).waitFor();
    const there = page.getByRole("dialog", { name: "Already there: 1 file" });
    await there.getByText("kitchen.blend").waitFor();
    expect(await breaches(page)).toEqual([]);
    await there.getByRole("button", { name: "Replace" }).click();
    await there.waitFor({ state: "detached" });
    const put = (name: string, overwrite: boolean): unknown => ({
      ask: "file_put",
      from: `/home/ana/${name}`,
      to: "/atelier-tower/Scenes",
      overwrite,
    });
    expect(await asked(page, "file_put")).toEqual([
      put("oak.png", false),
      put("kitchen.blend", false),
      put("kitchen.blend", true),
    ]);
  });

  it("are chosen with a button, and may become a job instead", async () => {
    const page = await open(SCENES);
    await page.getByRole("button", { name: "Copy files here…" }).click();
    const dialog = page.getByRole("dialog", { name: /Copy 1 file into/ });
    await dialog.getByText("kitchen.blend").waitFor();
    expect(await breaches(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Start a job instead" }).click();
    await page.getByRole("dialog", { name: "kitchen.blend" }).or(page.getByRole("dialog")).first().waitFor();
    expect(await asked(page, "file_put")).toEqual([]);
  });

  it("of another machine is not theirs to take", async () => {
    const page = await open(TEXTURES);
    await page.getByRole("grid", { name: "Textures" }).waitFor();
    expect(await page.getByRole("button", { name: "Copy files here…" }).count()).toBe(0);
    await drop(page, "/home/ana/oak.png", "/home/ana/elm.png");
    await page.getByRole("dialog", { name: "New job" }).or(page.getByRole("dialog")).first().waitFor();
    expect(await asked(page, "file_put")).toEqual([]);
  });
});

it("the files of a folder are saved as one", async () => {
  const page = await open(TEXTURES);
  await page.getByRole("row", { name: /fabric/ }).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Save as one file" }).click();
  expect(await page.evaluate(() => window.lab.bridge.copied)).toEqual(["/render-01/Textures/fabric (joined)"]);
});

it("before anybody shares, the screen says how to begin", async () => {
  const page = await open("#/files", { scene: "alone" });
  await page.getByRole("heading", { name: "No machine shares a folder yet" }).waitFor();
  expect(await page.getByRole("button", { name: "Share a folder" }).count()).toBe(2);
});
