use std::{fmt, str::FromStr};

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not in the id's alphabet or has the wrong length.
    #[error("'{text}' is not a {kind} id")]
    Malformed {
        /// What the text should have named.
        kind: &'static str,
        /// The text as given, cut to 80 characters.
        text: String,
    },
}

fn malformed(kind: &'static str, text: &str) -> IdError {
    IdError::Malformed { kind, text: text.chars().take(80).collect() }
}

/// Declares a fixed-size random or content-based id, written in lower-case base 32 (or hex), opaque otherwise.
macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $kind:literal, $encode:path, $decode:path) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&$encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                $decode(text)
                    .and_then(|bytes| <[u8; $len]>::try_from(bytes).ok())
                    .map(Self)
                    .ok_or_else(|| malformed($kind, text))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
                } else {
                    <[u8; $len]>::deserialize(deserializer).map(Self)
                }
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some(concat!("a ", $kind, " id")))
                    .build()
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_lowercase()
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    BASE32_NOPAD.decode(text.to_uppercase().as_bytes()).ok()
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    HEXLOWER.decode(text.as_bytes()).ok()
}

bytes_id!(
    /// A peer, known by its Ed25519 public key.
    PeerId, 32, "machine", base32, from_base32
);
bytes_id!(
    /// A grid: random, made once with its first peer.
    GridId, 16, "grid", base32, from_base32
);
bytes_id!(
    /// A job: 80 random bits, 16 letters; any unique prefix of at least 4 letters names it to a person's node.
    JobId, 10, "job", base32, from_base32
);
bytes_id!(
    /// Bytes named by their BLAKE3 hash.
    BlobId, 32, "blob", hex, from_hex
);
bytes_id!(
    /// One run of a node: random at every start, so that peers notice a restart at once.
    Incarnation, 8, "incarnation", base32, from_base32
);

bytes_id!(
    /// A shared folder: random, so that it stays the same when it is called otherwise.
    ShareId, 10, "share", base32, from_base32
);

bytes_id!(
    /// What a task does to what: the hash of its command, of the files that it reads, and of what it waited for. Tasks of any
    /// jobs with the same one make the same.
    WorkId, 32, "work", hex, from_hex
);

impl PeerId {
    /// The first 8 letters: enough for people to tell machines apart in logs.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

impl BlobId {
    /// Hashes `bytes`. Source: BLAKE3 specification, default mode.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// A task within its job: the step's position and the position in the step's parameter space, both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TaskKey {
    /// Position of the step in the job.
    pub step: u32,
    /// Position of the task in the step's parameter space.
    pub index: u32,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.step, self.index)
    }
}

impl FromStr for TaskKey {
    type Err = IdError;

    /// Reads `INDEX` (step 0) or `STEP.INDEX`.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (step, index) = text.split_once('.').unwrap_or(("0", text));
        match (step.parse(), index.parse()) {
            (Ok(step), Ok(index)) => Ok(Self { step, index }),
            _ => Err(malformed("task", text)),
        }
    }
}

/// What people type to name a job or one of its tasks: `JOB`, `JOB.INDEX` or `JOB.STEP.INDEX`, JOB possibly shortened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRef {
    /// The job id or a prefix of it, lower case.
    pub job: String,
    /// The task, when one was named.
    pub task: Option<TaskKey>,
}

impl FromStr for TaskRef {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (job, task) = match text.split_once('.') {
            Some((job, task)) => (job, Some(task.parse().map_err(|_| malformed("task", text))?)),
            None => (text, None),
        };
        let job = job.to_lowercase();
        let plausible = (1..=16).contains(&job.len()) && job.bytes().all(|b| b.is_ascii_alphanumeric());
        plausible.then_some(Self { job, task }).ok_or_else(|| malformed("job", text))
    }
}

/// Orders all claims on a task: a claim counts only if its fence equals the one the ledger holds.
///
/// `epoch` grows with each steward (and each restart of one), `attempt` with each lease of the job within an epoch.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
pub struct Fence {
    /// Which stewardship of the job granted the lease.
    pub epoch: u32,
    /// Which lease of that stewardship; from 1, 0 before the first.
    pub attempt: u32,
}

/// A lease: one peer's right to some tasks of one step until a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LeaseId {
    /// The job.
    pub job: JobId,
    /// Unique among the job's leases.
    pub fence: Fence,
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}.{}", self.job, self.fence.epoch, self.fence.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let job = JobId([0xA7; 10]);
        assert_eq!(job.to_string().len(), 16);
        assert_eq!(job.to_string().parse(), Ok(job));
        let peer = PeerId([3; 32]);
        assert_eq!(peer.to_string().parse(), Ok(peer));
    }

    #[test]
    fn a_task_reference_names_step_and_index() {
        let parsed: TaskRef = "ABCD.2.17".parse().unwrap();
        assert_eq!(parsed, TaskRef { job: "abcd".into(), task: Some(TaskKey { step: 2, index: 17 }) });
        assert_eq!("abcd.17".parse::<TaskRef>().unwrap().task, Some(TaskKey { step: 0, index: 17 }));
        assert!("../x".parse::<TaskRef>().is_err());
        assert!("abcd.1.2.3".parse::<TaskRef>().is_err());
    }
}
