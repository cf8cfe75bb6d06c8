// Icons as outlines: of each of Lucide's components only what it draws is shipped, as one path that `parts/outline` shows.
// The components themselves say the same around it 79 times, and build it anew each time one is shown. 3 kB of 250.
import { readFileSync } from "node:fs";

/** A Vite plugin that loads `@lucide/svelte/icons/NAME` as such an outline. */
export function icons() {
  return {
    name: "gridwell-icons",
    enforce: "pre",
    load: {
      filter: { id: /@lucide\/svelte\/dist\/icons\/[\w-]+\.js$/ },
      handler(id) {
        const [, file] = /"\.\/([\w-]+\.svelte)"/.exec(readFileSync(id, "utf8"));
        const component = readFileSync(id.replace(/[\w-]+\.js$/, file), "utf8");
        const [, nodes] = /"node": (\[\[.*?\]\]) *[,}]/s.exec(component);
        const outline = JSON.parse(nodes).map(outlineOf).join("");
        return `import { outline } from "~/parts/outline";\nexport default outline(${JSON.stringify(outline)});`;
      },
    },
  };
}

/** The beginning of a path that says "from here", and whether lines follow at once. */
const FROM_HERE = /^m *(-?(?:\d+\.?\d*|\.\d+))[ ,]*(-?(?:\d+\.?\d*|\.\d+)) *(?=([-\d.])?)/;

/** What an element of an icon draws, as a piece of a path. */
export function outlineOf([tag, at]) {
  const number = name => Number(at[name] ?? 0);
  switch (tag) {
    case "path":
      // Behind other pieces a path would begin where these end, if it said "from here".
      return at.d.replace(FROM_HERE, (_, x, y, more) => `M${x} ${y}${more === undefined ? "" : "l"}`);
    case "circle":
      return ring(number("cx"), number("cy"), number("r"), number("r"));
    case "ellipse":
      return ring(number("cx"), number("cy"), number("rx"), number("ry"));
    case "line":
      return `M${at.x1} ${at.y1}L${at.x2} ${at.y2}`;
    case "polyline":
      return `M${at.points}`;
    case "polygon":
      return `M${at.points}z`;
    case "rect": {
      const [x, y, r] = [number("x"), number("y"), number("rx")];
      const [w, h] = [number("width") - 2 * r, number("height") - 2 * r];
      const turn = (dx, dy) => (r === 0 ? "" : `a${r} ${r} 0 0 1 ${dx} ${dy}`);
      return `M${x + r} ${y}h${w}${turn(r, r)}v${h}${turn(-r, r)}h${-w}${turn(-r, -r)}v${-h}${turn(r, -r)}z`;
    }
    default:
      throw new Error(`an icon has an element that is not known: ${tag}`);
  }
}

function ring(cx, cy, rx, ry) {
  return `M${cx - rx} ${cy}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0`;
}
