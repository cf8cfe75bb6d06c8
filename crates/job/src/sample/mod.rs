//! The sample renderer: a small animated ray tracer whose pixels are the same on every machine, bit for bit.
//!
//! It needs no tool, so a fresh grid has something to render: spheres over a checkered floor, mirrors, a soft light and a
//! camera that moves with the frame. Only `+ - * /` and square roots are used (IEEE 754 gives them one answer
//! everywhere); sine and cosine are polynomials of our own. Whole frames or square tiles give the same pixels.

mod cli;
mod image;
mod math;
mod scene;
mod tiles;
mod trace;

pub use cli::{Assemble, Render, SampleCommand, SampleError, UsageError, assemble_files, parse_arguments, tile_name};
pub use image::{Image, ImageError, decode_png, encode_png};
pub use scene::{SampleScene, SceneError, Sphere};
pub use tiles::{Rect, tile_count, tiles};
pub use trace::render;

#[cfg(test)]
mod tests;
