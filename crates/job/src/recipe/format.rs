use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A recipe as its TOML file says it; `docs/recipes.md` is the description for people.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecipeFile {
    pub(super) version: Spanned<u32>,
    pub(super) name: Spanned<String>,
    pub(super) title: String,
    #[serde(default)]
    pub(super) priority: i32,
    pub(super) reader: Reader,
    #[serde(default)]
    pub(super) template: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) tool: Option<String>,
    #[serde(default)]
    pub(super) needs: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) prefers: Vec<Spanned<String>>,
    #[serde(default, rename = "match")]
    pub(super) matches: MatchFile,
    #[serde(default)]
    pub(super) session: SessionFile,
    #[serde(default)]
    pub(super) job_name: Option<String>,
    #[serde(default)]
    pub(super) output: Option<OutputFile>,
    #[serde(default)]
    pub(super) frames: Option<FramesFile>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) steps_at_origin: Vec<String>,
    #[serde(default)]
    pub(super) step_needs: BTreeMap<String, Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) progress: Vec<PatternFile>,
    #[serde(default)]
    pub(super) saved: Vec<PatternFile>,
    #[serde(default)]
    pub(super) failure: Vec<PatternFile>,
    #[serde(default)]
    pub(super) proof: Proof,
    #[serde(default)]
    pub(super) too_fast: Option<TooFastFile>,
    #[serde(default)]
    pub(super) same_look: bool,
    #[serde(default, rename = "variant")]
    pub(super) variants: Vec<VariantFile>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantFile {
    pub(super) when_parameter: String,
    pub(super) template: Spanned<String>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) steps_at_origin: Vec<String>,
}

/// How the dropped thing is looked at before the template is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// A .blend: scenes, frames, version and file references are read.
    Blend,
    /// A scene of the sample renderer.
    Sample,
    /// Any file: only its name and place matter.
    File,
    /// Many files that together make one job.
    Files,
    /// An Open Job Description template or bundle folder, which brings its own template.
    Openjd,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchFile {
    #[serde(default)]
    pub(super) extensions: Vec<String>,
    #[serde(default)]
    pub(super) magic: Vec<String>,
    #[serde(default)]
    pub(super) folder_markers: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionFile {
    #[serde(default)]
    pub(super) network: Option<bool>,
    #[serde(default)]
    pub(super) memory: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) disk: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) stuck_after: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) continues: bool,
    #[serde(default)]
    pub(super) heartbeat_seconds: Option<Spanned<u32>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputFile {
    pub(super) folder: String,
    #[serde(default)]
    pub(super) globs: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FramesFile {
    #[serde(default)]
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) minimum: Option<i64>,
    #[serde(default)]
    pub(super) maximum: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PatternFile {
    pub(super) pattern: Spanned<String>,
    #[serde(default)]
    pub(super) says: Option<String>,
}

/// What must be true of a run that ended with exit code 0 before its frames count as good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Nothing more.
    #[default]
    ExitCode,
    /// Each task of the run said that it saved a file.
    SavedEach,
    /// The run left a file where results are looked for.
    File,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TooFastFile {
    pub(super) under: Spanned<String>,
    #[serde(default)]
    pub(super) then: Verdict,
}

/// What a run is that ended well too fast to be true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Good, with a line in its log.
    #[default]
    Warn,
    /// Failed.
    Fail,
}
