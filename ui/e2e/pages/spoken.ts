import type { Page } from "playwright-core";

/** A node of the tree that a screen reader walks. */
interface Node {
  readonly role: string;
  readonly name: string;
  readonly description: string;
  readonly children: Node[];
  /** The nearest first. */
  readonly within: readonly Node[];
}

/** What is nothing without a name (ARIA 1.2, "accessible name required"), and landmarks of which there are several. */
const NAMED = new Set([
  ...["button", "link", "checkbox", "radio", "combobox", "listbox", "option", "searchbox", "slider", "spinbutton"],
  ...["switch", "tab", "tabpanel", "textbox", "menuitem", "menuitemradio", "menu", "tooltip", "progressbar", "meter"],
  ...["application", "dialog", "alertdialog", "grid", "heading", "image", "img", "radiogroup", "table", "tree"],
  ...["columnheader", "rowheader", "tablist", "toolbar", "region", "navigation", "search", "complementary", "figure"],
]);
/** They say all they hold in one breath. */
const ONE_BREATH = new Set(["button", "link", "option", "tab", "menuitem", "row", "listitem", "cell", "gridcell"]);
/** They say what their lists are of. */
const TITLED = new Set(["region", "dialog", "navigation", "tabpanel", "table", "application", "figure", "grid"]);

/** What a screen reader would not say, or say twice, one line each. */
export async function unspoken(page: Page): Promise<string[]> {
  return (await tree(page)).flatMap(faultsOf);
}

/** Roles and names of all that is there, so that a test can tell that it looked at something. */
export async function spoken(page: Page): Promise<string[]> {
  return (await tree(page)).map(node => `${node.role} ${node.name}`.trim());
}

function faultsOf(node: Node): string[] {
  const where = `${node.role} “${node.name}” in ${node.within.map(({ role, name }) => `${role} “${name}”`)[0] ?? ""}`;
  const faults: string[] = [];
  if (NAMED.has(node.role) && node.name === "") faults.push(`no name: ${where}`);
  if (node.role === "list" && node.name === "" && holdsControls(node) && !node.within.some(isTitled))
    faults.push(`a list of something: ${where}`);
  if (node.description !== "" && saysName(node)) faults.push(`says its name again: ${where}`);
  if (ONE_BREATH.has(node.role)) {
    const twice = repeated(breathOf(node));
    if (twice !== null) faults.push(`says “${twice}” twice: ${where}`);
  }
  if (node.role === "StaticText" && node.within[0]?.role === "application") faults.push(`loose words: ${where}`);
  return faults;
}

function isTitled({ role, name }: Node): boolean {
  return name !== "" && TITLED.has(role);
}

function holdsControls(node: Node): boolean {
  return node.children.some(child => child.role === "link" || child.role === "button" || holdsControls(child));
}

function saysName({ name, description }: Node): boolean {
  return name !== "" && description.toLowerCase().startsWith(name.toLowerCase());
}

/** Words as they come, of the node and all it holds. */
function breathOf(node: Node): string {
  if (node.children.length === 0) return node.name;
  return node.children.map(breathOf).join(" ");
}

/** So many words in a row are no chance. */
const WORDS = 3;

/** Returns words that come twice, as in "4 of 9 tasks 4 of 9 tasks". */
function repeated(text: string): string | null {
  const words = text.toLowerCase().split(/[\s·,:]+/);
  const runs = words
    .slice(0, Math.max(0, words.length - WORDS + 1))
    .map((_, at) => words.slice(at, at + WORDS).join(" "));
  return runs.find((run, at) => /[a-z]/.test(run) && runs.indexOf(run) < at) ?? null;
}

interface AxValue {
  value?: unknown;
}

async function tree(page: Page): Promise<Node[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  await session.detach();
  const byId = new Map(nodes.map(node => [node.nodeId, node]));
  const all: Node[] = [];
  const text = (value?: AxValue): string =>
    String(value?.value ?? "")
      .replace(/[\u2066-\u2069]/g, "")
      .trim();
  const walk = (id: string, within: readonly Node[], into: Node[]): void => {
    const found = byId.get(id);
    if (found === undefined) return;
    const role = text(found.role);
    // What is not told, and what stands for nothing, leaves its children to what it is in.
    const isTold = !found.ignored && !["generic", "none", "RootWebArea", "InlineTextBox"].includes(role);
    const node = { role, name: text(found.name), description: text(found.description), children: [], within };
    if (isTold) {
      all.push(node);
      into.push(node);
    }
    for (const child of found.childIds ?? [])
      walk(child, isTold ? [node, ...within] : within, isTold ? node.children : into);
  };
  const root = nodes.find(node => node.parentId === undefined);
  if (root !== undefined) walk(root.nodeId, [], []);
  return all;
}
