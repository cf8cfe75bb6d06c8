import { Refusal, type DraftView, type SubmitRequest, type ParameterView } from "~/bridge";
import type { Replies } from "./bridge";
import { job } from "./fixtures";

const PICTURES: Partial<DraftView> = {
  recipe: "images",
  title: "Pictures: 3 pictures",
  name: "3 pictures",
  task_count: 3,
  steps: [["Convert", 3]],
  tools: ["tool:ffmpeg"],
  files: [1, 2, 3].map(n => ({ path: `/home/ana/shoot/img_000${n}.png`, size_bytes: 18e6, purpose: "image" })),
  output: "/home/ana/shoot/converted",
  parameters: [
    parameter("Extension", "STRING", "png", "Format of the results as an extension."),
    parameter("Filter", "STRING", "null", "Filter of ffmpeg, for example scale=1920:-2."),
  ],
};

/** What the node makes of files, as it really answers for files of these kinds. */
const DRAFTS: Readonly<Record<string, Partial<DraftView>>> = {
  "kitchen.blend": scene("kitchen", []),
  "welcome.gridwell-sample": {
    recipe: "sample",
    title: "Sample scene: welcome",
    frames: "1-24",
    task_count: 24,
    task_word: "frame",
    steps: [["Render", 24]],
    files: [{ path: "/home/ana/welcome.gridwell-sample", size_bytes: 80, purpose: "file" }],
    output: "/home/ana/welcome_frames",
  },
  "lobby.blend": scene("lobby", [
    {
      path: "/home/ana/Textures/wood_04.png",
      size_bytes: 0,
      purpose: "image",
      closest: "/home/ana/Textures/old/wood_04.png",
    },
    { path: "D:\\stock\\sky.hdr", size_bytes: 0, purpose: "image" },
  ]),
  "holiday film.mov": {
    recipe: "film",
    title: "Film: holiday film",
    task_count: 10,
    steps: [
      ["Split", 1],
      ["Convert", 8],
      ["Join", 1],
    ],
    tools: ["tool:ffmpeg"],
    files: [{ path: "/home/ana/holiday film.mov", size_bytes: 2.1e9, purpose: "file" }],
    output: "/home/ana/holiday film_converted",
    parameters: [
      parameter("SourceFile", "PATH", "/home/ana/holiday film.mov", "The film."),
      parameter("OutputDir", "PATH", "/home/ana/holiday film_converted", "Where the result and its parts go."),
      parameter("Name", "STRING", "holiday film", "Name of the result without extension."),
      parameter("Parts", "INT", "8", "How many parts."),
      parameter("Codec", "STRING", "libx264", "Video encoder of ffmpeg."),
      parameter("Quality", "INT", "20", "Quality as -crf: lower is better."),
      parameter("Speed", "STRING", "medium", "Preset of the encoder."),
      parameter("Filter", "STRING", "", "Filter of ffmpeg for the picture, for example scale=1280:-2."),
    ],
  },
  "img_0001.png": PICTURES,
  shoot: { ...PICTURES, left_out: { files: 2, folders: 1 } },
  "train.py": {
    recipe: "python",
    title: "Python script: train",
    steps: [["Run", 1]],
    tools: ["tool:python3"],
    files: [{ path: "/home/ana/train.py", size_bytes: 4_200, purpose: "file" }],
    output: "/home/ana/train_output",
    parameters: [
      parameter("Script", "PATH", "/home/ana/train.py", "The script."),
      parameter("Args", "LISTSTRING", "[]", "Its arguments."),
    ],
  },
  turntable: {
    recipe: "openjd",
    title: "Open Job Description: turntable",
    task_count: 48,
    steps: [["Turn", 48]],
    parameters: [
      { ...parameter("Item", "STRING", "chair", "What turns."), choices: ["chair", "table", "lamp"] },
      parameter("Frames", "STRING", "1-48", ""),
      { ...parameter("Samples", "INT", "", "Samples of each pixel."), value: null },
    ],
  },
};

function scene(stem: string, missing: DraftView["missing"]): Partial<DraftView> {
  return {
    recipe: "blender",
    title: `Blender scene: ${stem}`,
    scenes: [{ name: "Scene", frames: { first: 1, last: 240, step: 1 }, size: null, engine: "", active: true }],
    frames: "1-240",
    task_count: 240,
    task_word: "frame",
    steps: [["Render", 240]],
    tools: ["tool:blender"],
    needs: ["tool:blender", "cores = all"],
    files: [
      { path: `/home/ana/${stem}.blend`, size_bytes: 88e6, purpose: "scene" },
      { path: "/home/ana/Textures/wood_01.png", size_bytes: 12e6, purpose: "image" },
    ],
    missing,
    output: `/home/ana/${stem}_frames`,
    parameters: [
      parameter("SceneFile", "PATH", `/home/ana/${stem}.blend`, "The .blend file."),
      parameter("Frames", "RANGE", "1-240", "Frames to render."),
      parameter("OutputName", "STRING", "frame_####", "Name of the pictures; the signs stand for the frame's digits."),
      {
        ...parameter("Format", "STRING", "PNG", "Format of the pictures."),
        choices: ["PNG", "OPEN_EXR", "JPEG", "TIFF"],
      },
      {
        ...parameter("Engine", "STRING", "", "Render engine; empty keeps the scene's."),
        choices: ["", "CYCLES", "BLENDER_EEVEE", "BLENDER_WORKBENCH"],
      },
      { ...parameter("Device", "STRING", "AUTO", "What Cycles computes on."), choices: ["AUTO", "CPU", "CUDA"] },
      parameter("Threads", "INT", "0", "Threads per Blender; 0 means as many as the machine has cores."),
    ],
    facts: [
      ["Blender", "4.2"],
      ["Preview", "128 × 128 pixels"],
    ],
  };
}

function parameter(name: string, kind: string, value: string, description: string): ParameterView {
  return { name, kind, value, description, choices: [] };
}

function draftOf(request: SubmitRequest): DraftView {
  const path = request.paths?.[0] ?? "";
  const stem = (path.split("/").at(-1) ?? "").replace(/\.\w+$/, "");
  const known = request.command === undefined ? DRAFTS[path.split("/").at(-1) ?? ""] : { title: "Command" };
  if (known === undefined) {
    const message = `no recipe knows what to do with '${path}'`;
    const holds = { files: 50_000, size_bytes: 2.1e9, at_least: false };
    const isFolder = path.endsWith("Textures");
    throw new Refusal({ kind: "input", code: "unknown_file", message, ...(isFolder && { holds }) });
  }
  const machine = (name: string, ...reasons: string[]) => ({ name, fits: reasons.length === 0, reasons });
  const files = known.files ?? [];
  return {
    paths: request.paths ?? [],
    recipe: "command",
    title: stem,
    name: stem === "" ? "command" : stem,
    scenes: [],
    frames: null,
    task_count: 1,
    task_word: "task",
    steps: [],
    tools: [],
    needs: [],
    files: [],
    left_out: { files: 0, folders: 0 },
    missing: [],
    packed: [],
    output: "",
    parameters: [],
    facts: [],
    warnings: [],
    machines: [
      machine("atelier-tower"),
      machine("render-01"),
      machine("studio-nas", "it has no blender"),
      machine("ana-laptop"),
      machine("lab-mini"),
      machine("old-imac", "it is offline", "it has 8 GB of memory; the job needs 12 GB"),
      machine("win-box", "its graphics driver is too old for GPU jobs"),
    ],
    ...known,
    file_count: files.length,
    file_bytes: files.reduce((sum, file) => sum + file.size_bytes, 0),
  };
}

/** Answers about what is dropped. */
export const draftReplies: Replies = {
  inspect: request =>
    (request.paths?.length ? groups(request.paths) : [""]).map(path =>
      draftOf(path === "" ? request : { ...request, paths: [path] }),
    ),
  submit: request => ({ jobs: [job("kitchen", request.name ?? "kitchen", "running")], warnings: [] }),
};

/** Pictures become one job. */
function groups(paths: readonly string[]): string[] {
  return paths.filter(path => !/img_000[2-9]/.test(path));
}
