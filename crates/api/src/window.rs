use serde::{Deserialize, Serialize};

/// Opens a browser's session with a one-time token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// What stood behind `#token=` in the address.
    pub token: String,
}

/// A browser's session. Its other half is a cookie, which pages at other ports of this machine get to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SessionView {
    /// Goes with every question: as the header `x-gridwell-key`, or as `key=` in the address where a page cannot set headers.
    pub key: String,
}

/// Where the window is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct WindowView {
    /// An address for a browser of this machine; opens a session once, within ten minutes.
    pub url: String,
}

/// Says where a file belongs that a browser sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadRequest {
    /// A name for what is sent together: 8 to 64 of `0-9`, `a-f` and `-`.
    pub batch: String,
    /// Its name, or its path below a folder that is sent whole.
    pub name: String,
}

/// A file that was sent and is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct UploadView {
    /// Where it lies on the node's machine.
    pub path: String,
}
