/// <reference types="node" />
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { MembersView } from "../../src/bridge/api";
import { TestGrid, until } from "./grid";
import { open, useWindows } from "./window";

useWindows();

let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start(["mill", "sandstone", "forge"]);
});

afterAll(() => grid.stop());

function members(): Promise<MembersView> {
  return grid.first.json<MembersView>("members");
}

async function sandstone(): Promise<MembersView["members"][number] | undefined> {
  return (await members()).members.find(member => member.name === "sandstone");
}

describe("a member of the grid", () => {
  it("loses a role in the window of an admin", async () => {
    const page = await open(grid.first, `#/machines/${(await sandstone())!.id}`);
    const files = page.getByRole("checkbox", { name: "See shared files" });
    await files.waitFor();
    expect(await files.isChecked()).toBe(true);
    await files.press("Space");
    await until("it may see no files", async () => (await sandstone())?.roles.includes("files") === false);
    await expect.poll(() => files.isChecked()).toBe(false);
  });

  it("shows what others change while its page is open", async () => {
    const page = await open(grid.first, `#/machines/${(await sandstone())!.id}`);
    const links = page.getByRole("checkbox", { name: "Change links" });
    await links.waitFor();
    expect(await links.isChecked()).toBe(true);
    await grid.peers[2]!.cli("role", "sandstone", "--take", "links");
    await expect.poll(() => links.isChecked(), { timeout: 20_000 }).toBe(false);
  });

  it("gives recovery words to an admin, which count once another one agrees in its own window", async () => {
    const [here, there] = [
      await open(grid.first, "#/settings/machines"),
      await open(grid.peers[2]!, "#/settings/machines"),
    ];
    await here.getByRole("button", { name: "Make words…" }).click();
    const dialog = here.getByRole("dialog", { name: "Write these words down" });
    await dialog.getByText("They count once another admin agrees.").waitFor();
    const words = (await dialog.getByRole("listitem").locator("bdi").allTextContents()).join(" ");
    expect((await members()).recovery).toBe(false);
    await there.getByRole("button", { name: "Agree" }).click();
    await until("the words count", async () => (await members()).recovery);
    await there.getByText("They are set, and were shown once.").waitFor();
    await there.getByRole("button", { name: "Use the words…" }).click();
    await there.getByRole("dialog").getByRole("textbox").fill(words);
    await there.getByRole("button", { name: "Make this machine an admin" }).click();
    await there.getByText("This machine is an admin now.").first().waitFor();
  });

  it("is revoked, if it is an admin, by the word of a second one, whose window asks", async () => {
    const [here, there] = [
      await open(grid.first, `#/machines/${(await sandstone())!.id}`),
      await open(grid.peers[2]!, "#/jobs"),
    ];
    await here.getByRole("button", { name: "Revoke…" }).click();
    await here.getByRole("alertdialog").getByRole("button", { name: "Revoke", exact: true }).click();
    await here.getByText("Another admin has to confirm that.").first().waitFor();
    await here.getByRole("alertdialog").waitFor({ state: "detached" });
    expect((await sandstone())?.roles).toContain("admin");
    await there.getByText(/mill.* wants to revoke .*sandstone/).waitFor();
    await there.getByRole("button", { name: "Look" }).click();
    await there.getByRole("region", { name: "Needs you" }).getByRole("button", { name: "Agree" }).click();
    await until("it is gone", async () => (await sandstone()) === undefined);
    await here.evaluate(() => (window.location.hash = "#/settings/machines"));
    await here.getByText(/Revoked by /).waitFor();
  });
});
