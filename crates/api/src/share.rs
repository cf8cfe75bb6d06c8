use gridwell_model::{BlobId, PeerId, ShareId};
use serde::{Deserialize, Serialize};

/// Shows a folder of this machine to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ShareAddRequest {
    /// Absolute path of the folder.
    pub path: String,
    /// What it is called in the tree; the folder's own name when absent.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub name: Option<String>,
    /// Machines that see it; when empty, all that may see shared files.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<String>>"))]
    pub to: Vec<String>,
}

/// Shows a folder no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ShareRemoveRequest {
    /// What it is called in the tree.
    pub name: String,
}

/// Has so many machines keep each file of a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ShareReplicateRequest {
    /// What it is called in the tree.
    pub name: String,
    /// Its owner counted: 1 … 32; 1 is none elsewhere.
    pub copies: u32,
}

/// How many copies of a share there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CopiesView {
    /// On how many machines each file is to be, the owner counted.
    pub wanted: u32,
    /// On how many each file is at least now, whole, on machines that can be reached.
    pub whole: u32,
    /// How many more are being made.
    pub on_the_way: u32,
    /// Machines that can be reached and have files of it whole, the owner first.
    pub places: Vec<CopyPlaceView>,
    /// Its files of different content; absent while its list of files is not here.
    pub files: Option<u64>,
    /// Why there are not as many as wished, or what is not copied, in one sentence; else empty.
    pub note: String,
}

/// A machine that has files of a share whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CopyPlaceView {
    /// Which machine.
    pub machine: PeerId,
    /// What it is called.
    pub name: String,
    /// How many files of different content.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// A folder that a machine shows to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ShareView {
    /// Which.
    pub id: ShareId,
    /// What it is called.
    pub name: String,
    /// The machine on which it lies.
    pub machine: PeerId,
    /// Its name.
    pub machine_name: String,
    /// False while that machine cannot be reached.
    pub online: bool,
    /// Its path in the tree.
    pub at: String,
    /// Where the folder lies; only for shares of this machine.
    pub path: Option<String>,
    /// Names of the machines that see it, for shares of this machine; empty when all see it that may see shared files.
    pub to: Vec<String>,
    /// How many copies of it are wished, and how many there are; absent where others are to keep none.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub copies: Option<CopiesView>,
}

/// A page of a folder of the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct FilesRequest {
    /// `/machine/share/…`; empty for the top. A byte that is not UTF-8 is written `%XX`, and so is a `%` before two such
    /// digits.
    pub path: String,
    /// Only names after this one, written like the path.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub after: Option<String>,
}

/// One file or folder of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct FileRequest {
    /// `/machine/share/…`, written as in a [`FilesRequest`].
    pub path: String,
}

/// Names in a folder, in their order as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FilesPage {
    /// The folder.
    pub path: String,
    /// What is in it.
    pub files: Vec<FileView>,
    /// True if more follow the last one.
    pub more: bool,
    /// False if its machine does not answer: then this is what is remembered here, those files of which something was read.
    pub online: bool,
}

/// What something in the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum TreeKind {
    /// Bytes.
    File,
    /// More names; so are machines and shares.
    Folder,
    /// Another name in the same share.
    Link,
    /// Not shown to others: a device, a socket, a link that leads out of the share.
    Hidden,
}

/// Something in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FileView {
    /// The last part of its path.
    pub name: String,
    /// What it is.
    pub kind: TreeKind,
    /// Bytes of content; 0 for everything but files.
    pub size_bytes: u64,
    /// When its content changed, in milliseconds since 1970; 0 where that is not known.
    pub modified_ms: i64,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// Where a link leads, relative to its folder.
    pub target: Option<String>,
    /// The hash of its content, where that is known already.
    pub blob: Option<BlobId>,
    /// False if its machine does not answer: then this is what is remembered here.
    pub online: bool,
    /// Bytes of its content that lie here; of a folder those of all files below it that are known here. Absent for what this
    /// machine itself shares: all of it is here.
    pub here_bytes: Option<u64>,
    /// Bytes of all files below a folder of another machine that are known here: those of which something was read.
    /// Absent for everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub known_bytes: Option<u64>,
    /// True if another version of it lies here than its machine has now.
    #[serde(default, skip_serializing_if = "crate::machine::is_false")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
    pub outdated: bool,
    /// True if it, or a folder above it, is kept here.
    pub kept: bool,
    /// True while it, or something in it, is fetched as a whole.
    pub fetching: bool,
}

/// Copies a file of this machine into a folder that it shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct FilePutRequest {
    /// Absolute path of the file.
    pub from: String,
    /// Where it is to be: a name that is free, or a folder, written as in a [`FilesRequest`].
    pub to: String,
    /// Whether it replaces another file that lies there.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
    pub overwrite: bool,
}

/// Shows the tree as a folder of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct MountRequest {
    /// Absolute path of an empty folder; it is made if it is not there.
    pub dir: String,
    /// Whether exactly those bytes move that programs read.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
    pub strict: bool,
}

/// Where the tree is shown as a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MountView {
    /// The folder; absent while it is shown nowhere.
    pub dir: Option<String>,
    /// Whether exactly those bytes move that programs read.
    pub strict: bool,
}
