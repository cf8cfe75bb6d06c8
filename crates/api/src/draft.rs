use serde::{Deserialize, Serialize};

/// What a dropped file or a command would become, before anything is sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DraftView {
    /// The paths it is made from; empty for a command.
    pub paths: Vec<String>,
    /// Name of the recipe.
    pub recipe: String,
    /// What it would do, in the imperative: `Render kitchen.blend`.
    pub title: String,
    /// What the job would be called.
    pub name: String,
    /// Scenes in the file; empty when its kind has none.
    pub scenes: Vec<SceneView>,
    /// Frames that would be made, as `1-240`; absent when the tasks are no frames.
    pub frames: Option<String>,
    /// Number of tasks, all steps together.
    pub task_count: u64,
    /// What one task is called: `frame` or `task`.
    pub task_word: String,
    /// Steps with their number of tasks, in order.
    pub steps: Vec<(String, u64)>,
    /// Programs it needs, as requirements in words: `tool:blender >= 3.4`.
    pub tools: Vec<String>,
    /// Everything it needs, in words, tools included.
    pub needs: Vec<String>,
    /// Files it reads that are there; the first [`DraftView::MAX_FILES`].
    pub files: Vec<DraftFile>,
    /// All files it reads that are there.
    pub file_count: u64,
    /// Their size in bytes.
    pub file_bytes: u64,
    /// What lies beside them in a folder that was dropped, and is not read.
    pub left_out: DraftLeftOut,
    /// Files a scene refers to that are not there; the first [`DraftView::MAX_FILES`].
    pub missing: Vec<DraftFile>,
    /// Files a scene refers to whose content lies in the scene's file; the first [`DraftView::MAX_FILES`].
    pub packed: Vec<DraftFile>,
    /// The folder into which results would land.
    pub output: String,
    /// Its parameters with their values.
    pub parameters: Vec<ParameterView>,
    /// What the file says about itself, name and value: `Blender`, `3.4`.
    pub facts: Vec<(String, String)>,
    /// Things worth knowing before Start.
    pub warnings: Vec<String>,
    /// Every machine: whether it fits, and why not.
    pub machines: Vec<DraftMachine>,
}

impl DraftView {
    /// Most files listed: about 150 kB of JSON, and more than anybody reads.
    pub const MAX_FILES: usize = 1_000;
}

/// What lies in a dropped folder and is not read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DraftLeftOut {
    /// Files of other kinds, without hidden ones.
    pub files: u64,
    /// Folders in it, which are not looked into.
    pub folders: u64,
}

/// A scene of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SceneView {
    /// Its name.
    pub name: String,
    /// The frames it asks for.
    pub frames: FrameRange,
    /// Picture size in pixels, already scaled; absent when unknown.
    pub size: Option<(u32, u32)>,
    /// Its render engine, as the file calls it; may be empty.
    pub engine: String,
    /// True for the one that would be rendered.
    pub active: bool,
}

/// First, last and step of a frame range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FrameRange {
    /// First frame.
    pub first: i32,
    /// Last frame, inclusive.
    pub last: i32,
    /// Every so many frames; at least 1.
    pub step: i32,
}

/// A file that a job reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DraftFile {
    /// Where it lies, or should lie; as the scene writes it where that is a path of another system.
    pub path: String,
    /// Size in bytes; 0 when missing or packed.
    pub size_bytes: u64,
    /// What it is for: `scene`, `image`, `library`, `sound`, `font`, `clip`, `strip`, `cache`, `volume`, `text`, `light`,
    /// `simulation`, `file`.
    pub purpose: String,
    /// A file of the same name elsewhere in the scene's folder; only for one that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub closest: Option<String>,
}

/// A parameter of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ParameterView {
    /// Its name.
    pub name: String,
    /// `STRING`, `PATH`, `INT` or `FLOAT`, as Open Job Description calls them.
    pub kind: String,
    /// Its value; absent when it must be given.
    pub value: Option<String>,
    /// What it does; may be empty.
    pub description: String,
    /// Values it may have; any when empty.
    pub choices: Vec<String>,
}

/// Whether a machine would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DraftMachine {
    /// What people call it.
    pub name: String,
    /// Whether all requirements are met.
    pub fits: bool,
    /// Every reason against it.
    pub reasons: Vec<String>,
}
