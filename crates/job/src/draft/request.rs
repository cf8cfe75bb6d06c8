use std::path::PathBuf;

/// What a person asks for: paths dropped or named, or a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftRequest {
    /// What the job is made of.
    pub what: What,
    /// Absolute folder against which relative paths are read, and the default landing place of a command's outputs.
    pub folder: PathBuf,
    /// Frames as typed: `1-24`, `1-10:2,20`.
    pub frames: Option<String>,
    /// Where outputs land; relative to `folder`.
    pub output: Option<PathBuf>,
    /// Name of the job instead of the recipe's choice.
    pub name: Option<String>,
    /// Requirements in words, as `gridwell_model::Needs` reads them.
    pub needs: Vec<String>,
    /// Wishes in words, as `gridwell_model::Preference` reads them.
    pub prefers: Vec<String>,
    /// The one machine that may run it.
    pub on: Option<String>,
    /// Values of template parameters, in the order given.
    pub parameters: Vec<(String, String)>,
}

/// What a job is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Files and folders.
    Paths(Vec<PathBuf>),
    /// A command, once or over many values.
    Command(Command),
}

impl Default for What {
    fn default() -> Self {
        Self::Paths(Vec::new())
    }
}

/// A command that becomes a job.
///
/// Its arguments may hold `{}` (the value), `{.}` (the value without its last extension), `{/}` (the last part of the
/// value), `{//}` (its folder), `{/.}` (its last part without extension), `{#}` (the position, counted from 1) and
/// `{NAME}` for the columns of a CSV file. A command over values without any of them gets the value as last argument.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// What it runs over; nothing means once.
    pub over: Option<Over>,
    /// Patterns, below the session's working folder, of the files that are its results.
    pub outputs: Vec<String>,
    /// Whether its program leaves checkpoints.
    pub continues: bool,
}

/// What a command runs over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// The values `0..count`.
    Array {
        /// Number of values.
        count: u64,
    },
    /// Whole numbers (`1-10:2,20`), a glob below the request's folder, or a CSV file whose first line names its columns.
    Text(String),
}
