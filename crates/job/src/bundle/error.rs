use crate::openjd::{DocumentError, Problem, TemplateError};

/// Why a bundle is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The template is refused.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A file is larger than `Bundle::MAX_FILE_BYTES`; nothing of it was parsed.
    #[error("{file} has {bytes} bytes, at most {limit} are read")]
    TooLarge {
        /// The file's name without its ending.
        file: &'static str,
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A file is neither YAML nor JSON with keys and values.
    #[error("{file} is {problem}")]
    Malformed {
        /// The file's name without its ending.
        file: &'static str,
        /// What the parser says.
        problem: Problem,
    },
    /// A value in a file is not what its key needs.
    #[error("{file}: {place} must be {wanted}, is {found}")]
    Value {
        /// The file's name without its ending.
        file: &'static str,
        /// The key, with its parents.
        place: String,
        /// What would do.
        wanted: &'static str,
        /// What is there, shortened.
        found: String,
    },
    /// Words of a need or wish are not understood.
    #[error("{file}: {place}: {reason}")]
    Words {
        /// The file's name without its ending.
        file: &'static str,
        /// The key, with its parents.
        place: String,
        /// Why.
        reason: String,
    },
    /// A file names a parameter that the template does not have.
    #[error("{file} names the parameter '{name}', the template has {}", list(known))]
    UnknownParameter {
        /// The file's name without its ending.
        file: &'static str,
        /// The name.
        name: String,
        /// What the template has.
        known: Vec<String>,
    },
    /// A file names a step that the template does not have.
    #[error("{file} names the step '{name}', the template has {}", list(known))]
    UnknownStep {
        /// The file's name without its ending.
        file: &'static str,
        /// The name.
        name: String,
        /// What the template has.
        known: Vec<String>,
    },
    /// The sidecar is of a version that this program does not know.
    #[error(
        "gridwell.yaml has format {found}, this version of Gridwell reads up to {known}: update Gridwell to open it"
    )]
    Newer {
        /// Its version.
        found: u64,
        /// The newest known.
        known: u64,
    },
    /// A relative path leaves the bundle.
    #[error("{file}: the path '{path}' leaves the bundle")]
    Leaves {
        /// The file's name without its ending.
        file: &'static str,
        /// The path.
        path: String,
    },
    /// A per-task edge between steps of different size.
    #[error("step '{step}' has {count} tasks and cannot follow '{other}' task by task, which has {other_count}")]
    Uneven {
        /// The step that waits.
        step: String,
        /// Its tasks.
        count: u32,
        /// The step it waits for.
        other: String,
        /// That step's tasks.
        other_count: u32,
    },
    /// Steps wait for each other.
    #[error("with the edges of gridwell.yaml step '{step}' waits for itself")]
    Circle {
        /// One of the steps.
        step: String,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl BundleError {
    pub(super) fn document(file: &'static str, error: DocumentError) -> Self {
        match error {
            DocumentError::TooLarge { bytes, limit } => Self::TooLarge { file, bytes, limit },
            DocumentError::Malformed { problem } => Self::Malformed { file, problem },
        }
    }
}
