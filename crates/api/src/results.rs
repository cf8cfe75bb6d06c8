use gridwell_model::{JobId, Stamp, TaskKey};
use serde::{Deserialize, Serialize};

use crate::Flaw;

/// A page of the files that a job brought home.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ResultsRequest {
    /// `JOB`, `JOB.INDEX` or `JOB.STEP.INDEX`; JOB may be a unique prefix.
    pub target: String,
    /// Files to skip.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub offset: u64,
    /// Most files to send: at most [`ResultsRequest::MAX_LIMIT`], 0 means that.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub limit: u32,
}

impl ResultsRequest {
    /// Most files in one page: about 300 kB of JSON.
    pub const MAX_LIMIT: u32 = 1_000;
}

/// Files that landed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ResultsPage {
    /// The job.
    pub job: JobId,
    /// Files on all pages.
    pub total: u64,
    /// Their size in bytes.
    pub total_bytes: u64,
    /// True when the list is full: what landed after that lies in the results folder only.
    pub full: bool,
    /// Those of this page, by step and index of their task, then by path.
    pub files: Vec<ResultFile>,
}

/// A file that landed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ResultFile {
    /// Where it lies on this machine.
    pub path: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// The task that made it.
    pub task: TaskKey,
    /// When it landed.
    pub landed: Stamp,
    /// What can be shown of it.
    pub kind: FileKind,
    /// What is wrong with it, if it was looked into.
    pub flaw: Option<Flaw>,
}

/// What can be shown of a file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A picture that [`crate::PictureRequest`] makes smaller.
    Picture,
    /// A film; a picture of it may be had where ffmpeg is installed.
    Film,
    /// Nothing.
    Other,
}

/// A small picture of a result or of a file here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct PictureRequest {
    /// `JOB`: its newest picture; `JOB.STEP.INDEX`: that task's first one.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub target: Option<String>,
    /// Absolute path of a picture, film or scene on this machine; instead of `target`.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub path: Option<String>,
    /// Path of a picture or scene in the tree, written as in a [`crate::FilesRequest`]; instead of `target`. What it takes is read from its
    /// machine, and nothing else.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub file: Option<String>,
    /// Longest side in pixels; rounded to the next step the node makes.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub size: u32,
}

/// A picture made for people: decoded and encoded anew, never what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// `image/jpeg`, `image/png` or `image/webp`.
    pub mime: &'static str,
    /// The encoded picture.
    pub bytes: Vec<u8>,
}
