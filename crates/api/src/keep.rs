use gridwell_model::PeerId;
use serde::{Deserialize, Serialize};

/// Keeps something of another machine here, or no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct FilePinRequest {
    /// A share, or a file or folder in one, written as in a [`crate::FilesRequest`].
    pub path: String,
    /// True: all of it is fetched, also what comes to it later, and never makes room for others. False: it may.
    pub on: bool,
}

/// Fetches a file, or all files of a folder, without keeping them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct FileFetchRequest {
    /// A share, or a file or folder in one, written as in a [`crate::FilesRequest`].
    pub path: String,
    /// True: the answer comes once all is here, or says why it is not. False: at once; how far it is,
    /// [`crate::FileView::here_bytes`] says.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
    pub wait: bool,
}

/// What went to make room, and what stayed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FileFreed {
    /// Bytes that went.
    pub bytes: u64,
    /// Files of which something went.
    pub files: u64,
    /// Files that stayed because they are kept here, or in use.
    pub kept: u64,
    /// Files that stayed because no machine that has them answers now: what is here may be the last copy.
    pub last: u64,
    /// Paths of files of which something went, so that they can be fetched again; at most [`FileFreed::MAX_PATHS`].
    pub paths: Vec<String>,
}

impl FileFreed {
    /// Most paths in one answer: more files nobody fetches again to take back a click.
    pub const MAX_PATHS: usize = 1_000;
}

/// A machine that has something of a file or folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FilePlaceView {
    /// Which machine.
    pub machine: PeerId,
    /// What it is called.
    pub name: String,
    /// False while it cannot be reached.
    pub online: bool,
    /// Bytes of it that lie there.
    pub here_bytes: u64,
    /// Its size in bytes; of a folder that of all files below it that are known here.
    pub size_bytes: u64,
    /// True if that machine keeps it.
    pub kept: bool,
    /// True for the machine whose file it is.
    pub owner: bool,
}

/// What became of a check of what lies here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FileVerified {
    /// Files that were checked.
    pub files: u64,
    /// Bytes that were checked.
    pub bytes: u64,
    /// Bytes that were wrong, and are not here any more.
    pub wrong_bytes: u64,
    /// Paths of files of which something was wrong, at most [`FileVerified::MAX_WRONG`].
    pub wrong: Vec<String>,
}

impl FileVerified {
    /// Most paths in one answer: a disk that spoils more is told by the first of them.
    pub const MAX_WRONG: usize = 1_000;
}
