import type { Closer, Dropped, DropEar, DropPoint } from "./bridge";

/** Asks for files or a folder; `null` when the person changes their mind. */
export function pick({ folder }: { folder: boolean }): Promise<Dropped | null> {
  return new Promise(resolve => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.webkitdirectory = folder;
    input.hidden = true;
    const finish = (picked: Dropped | null): void => {
      input.remove();
      resolve(picked);
    };
    input.addEventListener("change", () => finish({ files: [...(input.files ?? [])] }), { once: true });
    input.addEventListener("cancel", () => finish(null), { once: true });
    document.body.append(input);
    input.click();
  });
}

/** Listens for files dragged from outside. Drags that start in the page carry no files and are left alone. */
export function drops(target: Window, ear: DropEar): Closer {
  const stop = new AbortController();
  const on = <K extends keyof WindowEventMap>(type: K, hear: (event: WindowEventMap[K]) => void): void =>
    target.addEventListener(type, hear, { signal: stop.signal });
  // Enter and leave come for every element under the pointer: the drag is inside while entries are ahead.
  let depth = 0;
  on("dragenter", event => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth += 1;
    if (depth === 1) ear.entered([], point(event));
  });
  on("dragover", event => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    ear.moved(point(event));
  });
  on("dragleave", event => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (depth === 0) ear.left();
  });
  on("drop", event => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    ear.dropped({ files: [...(event.dataTransfer?.files ?? [])] }, point(event));
  });
  return { close: () => stop.abort() };
}

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

function point(event: DragEvent): DropPoint {
  return { x: event.clientX, y: event.clientY };
}
