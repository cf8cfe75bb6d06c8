use serde::Deserialize;

use crate::over::{IntRanges, OverError};

/// A scene of the sample renderer, as its TOML file says it; every field but the format version has a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleScene {
    /// Format version: 1.
    pub gridwell_sample: u32,
    /// For people.
    #[serde(default = "default_title")]
    pub title: String,
    /// Width of a frame in pixels.
    #[serde(default = "default_width")]
    pub width: u32,
    /// Height of a frame in pixels.
    #[serde(default = "default_height")]
    pub height: u32,
    /// Its frames: `1-24`.
    #[serde(default = "default_frames")]
    pub frames: String,
    /// Frames in which the camera goes round once.
    #[serde(default = "default_turn")]
    pub turn_frames: u32,
    /// Rays per pixel along each side: 2 means 4 rays.
    #[serde(default = "default_samples")]
    pub samples: u32,
    /// How often a ray may be mirrored.
    #[serde(default = "default_bounces")]
    pub bounces: u32,
    /// Rays towards the light from each place that is hit.
    #[serde(default = "default_shadow_rays")]
    pub shadow_rays: u32,
    /// Where the light is.
    #[serde(default = "default_light")]
    pub light: [f64; 3],
    /// How large the light is; larger is softer.
    #[serde(default = "default_light_radius")]
    pub light_radius: f64,
    /// Distance of the camera from the middle.
    #[serde(default = "default_camera_distance")]
    pub camera_distance: f64,
    /// Height of the camera above the floor.
    #[serde(default = "default_camera_height")]
    pub camera_height: f64,
    /// The two colours of the floor, red, green and blue from 0 to 1.
    #[serde(default = "default_floor")]
    pub floor: [[f64; 3]; 2],
    /// The spheres; a few of our own when there are none.
    #[serde(default = "default_spheres")]
    pub spheres: Vec<Sphere>,
}

/// A sphere.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sphere {
    /// Its middle: right, up, away.
    pub center: [f64; 3],
    /// Its radius.
    pub radius: f64,
    /// Its colour, red, green and blue from 0 to 1.
    pub color: [f64; 3],
    /// How much it mirrors, 0 to 1.
    #[serde(default)]
    pub mirror: f64,
    /// How far it hops up and down while the camera goes round once.
    #[serde(default)]
    pub hop: f64,
}

/// Why a scene cannot be rendered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SceneError {
    /// Not the scene format.
    #[error("line {line}: {reason}")]
    Malformed {
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A value outside its bounds: scenes come from anywhere, and a frame must end.
    #[error("{field} is {value}, but must be from {low} to {high}")]
    OutOfBounds {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// Lowest allowed.
        low: f64,
        /// Highest allowed.
        high: f64,
    },
    /// The frames are no range.
    #[error(transparent)]
    Frames(#[from] OverError),
}

impl SampleScene {
    /// Longest scene text in bytes.
    pub const MAX_TEXT_BYTES: u64 = 1 << 20;
    /// Most spheres: every ray tries each.
    pub const MAX_SPHERES: usize = 1_000;

    /// Reads and checks a scene.
    ///
    /// # Errors
    ///
    /// [`SceneError`] naming the line or the field.
    pub fn parse(text: &str) -> Result<Self, SceneError> {
        let scene: Self = toml::from_str(text).map_err(|error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
            let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
            SceneError::Malformed { line, reason: error.message().replace('\n', "; ") }
        })?;
        scene.check()?;
        Ok(scene)
    }

    fn check(&self) -> Result<(), SceneError> {
        within("gridwell_sample", f64::from(self.gridwell_sample), 1.0, 1.0)?;
        within("width", f64::from(self.width), 1.0, 16_384.0)?;
        within("height", f64::from(self.height), 1.0, 16_384.0)?;
        within("turn_frames", f64::from(self.turn_frames), 1.0, 1e6)?;
        within("samples", f64::from(self.samples), 1.0, 16.0)?;
        within("bounces", f64::from(self.bounces), 0.0, 16.0)?;
        within("shadow_rays", f64::from(self.shadow_rays), 1.0, 64.0)?;
        within("light_radius", self.light_radius, 0.0, 100.0)?;
        within("camera_distance", self.camera_distance, 0.1, 1e3)?;
        within("camera_height", self.camera_height, 0.1, 1e3)?;
        within("the number of spheres", self.spheres.len() as f64, 0.0, Self::MAX_SPHERES as f64)?;
        for number in self.light.iter().chain(self.floor.iter().flatten()) {
            within("a number of light or floor", *number, -1e3, 1e3)?;
        }
        for sphere in &self.spheres {
            within("radius", sphere.radius, 1e-3, 1e3)?;
            within("mirror", sphere.mirror, 0.0, 1.0)?;
            within("hop", sphere.hop, -1e3, 1e3)?;
            for number in sphere.center.iter().chain(&sphere.color) {
                within("a number of a sphere", *number, -1e3, 1e3)?;
            }
        }
        IntRanges::parse(&self.frames)?;
        Ok(())
    }
}

/// Also refuses what is not a number.
fn within(field: &'static str, value: f64, low: f64, high: f64) -> Result<(), SceneError> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(SceneError::OutOfBounds { field, value, low, high }) }
}

fn default_title() -> String {
    "Spheres".to_owned()
}

const fn default_width() -> u32 {
    640
}

const fn default_height() -> u32 {
    360
}

fn default_frames() -> String {
    "1-24".to_owned()
}

const fn default_turn() -> u32 {
    96
}

const fn default_samples() -> u32 {
    2
}

const fn default_bounces() -> u32 {
    3
}

const fn default_shadow_rays() -> u32 {
    4
}

const fn default_light() -> [f64; 3] {
    [4.0, 7.0, -3.0]
}

const fn default_light_radius() -> f64 {
    0.9
}

const fn default_camera_distance() -> f64 {
    7.5
}

const fn default_camera_height() -> f64 {
    2.4
}

const fn default_floor() -> [[f64; 3]; 2] {
    [[0.86, 0.84, 0.79], [0.16, 0.22, 0.28]]
}

fn default_spheres() -> Vec<Sphere> {
    let sphere = |center, radius, color, mirror, hop| Sphere { center, radius, color, mirror, hop };
    vec![
        sphere([0.0, 1.0, 0.0], 1.0, [0.9, 0.9, 0.93], 0.75, 0.0),
        sphere([2.1, 0.6, 0.4], 0.6, [0.87, 0.27, 0.17], 0.15, 0.8),
        sphere([-1.9, 0.7, 0.9], 0.7, [0.17, 0.5, 0.8], 0.25, 0.0),
        sphere([0.6, 0.4, -2.0], 0.4, [0.95, 0.73, 0.18], 0.1, 1.2),
        sphere([-0.9, 0.35, -1.6], 0.35, [0.3, 0.65, 0.35], 0.2, 0.5),
    ]
}
