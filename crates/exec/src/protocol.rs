use std::{path::PathBuf, time::Duration};

use gridwell_model::{ActionPlan, SessionPlan};
use serde::{Deserialize, Serialize};

use crate::{event::Yield, exec::Which};

/// Node → runner. The way back carries `Vec<SessionEvent>`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToRunner {
    /// First, exactly once.
    Open {
        plan: Box<SessionPlan>,
        /// What the program name `gridwell` stands for.
        self_program: PathBuf,
        /// Where the session's control group may be made; the node removes it.
        cgroup: Option<PathBuf>,
    },
    Run(Vec<(u64, ActionPlan)>),
    Stop {
        which: Which,
        notice_limit: Option<Duration>,
    },
    Yield(Yield),
    Close,
}

/// Bytes as one piece: serde would otherwise carry a `Vec<u8>` as a sequence, byte by byte.
pub(crate) mod bytes {
    use std::fmt;

    use serde::{
        Deserializer, Serializer,
        de::{Error, Visitor},
    };

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
