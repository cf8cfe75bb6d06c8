use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// What tells two builds of a program apart without running them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Size in bytes.
    pub size_bytes: u64,
    /// Last change, in nanoseconds since 1970; negative before.
    pub modified_nanos: i128,
}

/// Versions that programs told earlier, by path; keep it between probes, also on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCache {
    versions: BTreeMap<PathBuf, (Identity, String)>,
}
