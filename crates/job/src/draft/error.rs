use gridwell_model::{NeedError, PreferenceError, format_bytes};

use crate::{blend::BlendError, bundle::BundleError, openjd::JobError, over::OverError, recipe::RecipeError};

/// Why a request does not become a job; every sentence names the thing; what to do about it is the door's to say.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// Nothing was asked for.
    #[error("nothing to do: name a file, a folder or a command")]
    Empty,
    /// The path's bytes are not UTF-8, which templates cannot carry.
    #[error("the path '{shown}' is not valid UTF-8")]
    NotUtf8 {
        /// The path, shown lossily.
        shown: String,
    },
    /// The request's folder is not absolute.
    #[error("'{folder}' is not an absolute path")]
    NotAbsolute {
        /// The folder.
        folder: String,
    },
    /// Nothing lies at the path.
    #[error("'{path}' does not exist")]
    Missing {
        /// The path.
        path: String,
    },
    /// The path may not be read.
    #[error("cannot read '{path}': {reason}")]
    Unreadable {
        /// The path.
        path: String,
        /// The system's reason.
        reason: String,
    },
    /// A device, socket or pipe.
    #[error("'{path}' is neither a file nor a folder")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// The same path was given twice.
    #[error("'{path}' was given twice")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// One name for several jobs.
    #[error("the name '{name}' cannot be given to {jobs} jobs")]
    NameForMany {
        /// The name asked for.
        name: String,
        /// How many jobs the request makes.
        jobs: usize,
    },
    /// The job's name is empty, too long or has control characters.
    #[error("'{name}' is not a job name: it needs 1 to {limit} characters, none of them control characters")]
    BadName {
        /// The name asked for.
        name: String,
        /// Most characters.
        limit: usize,
    },
    /// No recipe fits.
    #[error("no recipe knows what to do with '{path}'")]
    UnknownKind {
        /// The path.
        path: String,
    },
    /// No recipe fits a folder.
    #[error("no recipe knows what to do with the folder '{path}': {}", holds(*files, *size_bytes, *at_least))]
    UnknownFolder {
        /// The path.
        path: String,
        /// Files in it and below it.
        files: u64,
        /// Their size in bytes.
        size_bytes: u64,
        /// There is more: counting took too long.
        at_least: bool,
    },
    /// A .blend that cannot be used.
    #[error("'{path}': {source}")]
    Blend {
        /// The path.
        path: String,
        /// What is wrong with it.
        source: BlendError,
    },
    /// A sample scene that cannot be used.
    #[error("'{path}': {source}")]
    Scene {
        /// The path.
        path: String,
        /// What is wrong with it.
        source: crate::sample::SceneError,
    },
    /// A frame range is wrong.
    #[error(transparent)]
    Frames(#[from] OverError),
    /// Frames were given to something without frames.
    #[error("'{path}' has no frames (recipe '{recipe}')")]
    NoFrames {
        /// The path.
        path: String,
        /// The recipe.
        recipe: String,
    },
    /// A frame number that the recipe's program cannot render.
    #[error("frame {frame} is below {minimum}, the lowest that recipe '{recipe}' can render")]
    FrameTooLow {
        /// The lowest frame asked for.
        frame: i64,
        /// The recipe's bound.
        minimum: i64,
        /// The recipe.
        recipe: String,
    },
    /// A frame number that the recipe's program cannot render.
    #[error("frame {frame} is above {maximum}, the highest that recipe '{recipe}' can render")]
    FrameTooHigh {
        /// The highest frame asked for.
        frame: i64,
        /// The recipe's bound.
        maximum: i64,
        /// The recipe.
        recipe: String,
    },
    /// The file does not say its frames and nobody else did.
    #[error("'{path}' does not say which frames it has")]
    FramesUnknown {
        /// The path.
        path: String,
    },
    /// The template or the values of its parameters are refused.
    #[error("'{what}': {source}")]
    Job {
        /// The path or command.
        what: String,
        /// The reason, with its place.
        source: JobError,
    },
    /// A bundle's files are refused.
    #[error("'{path}': {source}")]
    Bundle {
        /// The bundle's folder.
        path: String,
        /// The reason, naming the file.
        source: BundleError,
    },
    /// Outputs would land where something else lies.
    #[error("'{path}' is not a folder, so results cannot land there")]
    OutputNotAFolder {
        /// The path.
        path: String,
    },
    /// The folder above it is no folder, or may not be looked into.
    #[error("results cannot land in '{path}': {reason}")]
    OutputUnreadable {
        /// The path.
        path: String,
        /// The system's reason.
        reason: String,
    },
    /// A requirement in words is not understood.
    #[error(transparent)]
    Needs(#[from] NeedError),
    /// A wish in words is not understood.
    #[error(transparent)]
    Prefers(#[from] PreferenceError),
    /// The command is empty or names a column or position that does not exist.
    #[error("the command uses '{placeholder}', but {reason}")]
    Placeholder {
        /// The placeholder as written.
        placeholder: String,
        /// Why it means nothing here.
        reason: String,
    },
    /// A pattern for outputs is not one, or leaves the working folder.
    #[error("'{pattern}' is not a pattern for files below the working folder")]
    OutputGlob {
        /// The pattern.
        pattern: String,
    },
    /// A recipe's template does not fit its recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A folder holds too many files to carry.
    #[error("'{path}' holds more than {limit} files")]
    TooManyFiles {
        /// The folder.
        path: String,
        /// The limit.
        limit: usize,
    },
}

/// `50000 files, 2.1 GB`.
fn holds(files: u64, size_bytes: u64, at_least: bool) -> String {
    let word = if files == 1 { "file" } else { "files" };
    let start = if at_least { "at least " } else { "" };
    format!("{start}{files} {word}, {}", format_bytes(size_bytes))
}
