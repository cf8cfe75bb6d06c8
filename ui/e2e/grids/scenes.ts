/// <reference types="node" />
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Small and quick, but really rendered. */
const SCENE = `
import bpy, sys
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 36, 100
scene.frame_start, scene.frame_end = 1, 8
`;

const SAVE = "bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])\n";

/** Has Blender save a scene of eight frames. */
export async function scene(file: string): Promise<void> {
  await blender(SCENE + SAVE, file);
}

/** The same with a picture of wood on its cube. */
export async function texturedScene(file: string, texture: string): Promise<void> {
  const picture = `
image = bpy.data.images.new("wood", 8, 8)
image.filepath_raw, image.file_format = ${JSON.stringify(texture)}, "PNG"
image.save()
material = bpy.data.materials["Material"]
material.use_nodes = True
node = material.node_tree.nodes.new("ShaderNodeTexImage")
node.image = bpy.data.images.load(${JSON.stringify(texture)})
material.node_tree.links.new(node.outputs[0], material.node_tree.nodes["Principled BSDF"].inputs[0])
bpy.data.images.remove(image)
`;
  await blender(SCENE + picture + SAVE, file);
}

async function blender(script: string, file: string): Promise<void> {
  const words = ["--background", "--factory-startup", "--python-exit-code", "1", "--python-expr", script, "--", file];
  await run("blender", words);
}
