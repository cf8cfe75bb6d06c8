use std::fmt;

use gridwell_model::{JobSpec, TaskSpan};
use openjd_model::{ModelError, PathElement};

/// One thing wrong with a document, in the words of the Open Job Description crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the document: `steps[0].script.actions.onRun`; empty when the whole document is meant.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.place, self.message) }
    }
}

/// Writes the first problem and counts the others, so that a refusal stays one sentence.
pub(super) struct First<'a>(pub(super) &'a [Problem]);

impl fmt::Display for First<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no reason given"),
            [only] => f.write_str(&sentence(only)),
            [first, rest @ ..] => write!(f, "{} (and {} more)", sentence(first), rest.len()),
        }
    }
}

/// Longest sentence about a problem, in characters: a terminal's screen has some 1,900.
const SENTENCE_CHARS: usize = 400;

/// The problem without the crate's drawing of the place in the text, which takes further lines, and without the way there
/// through aliases, which a hostile document makes as long as it likes.
fn sentence(problem: &Problem) -> String {
    let text = problem.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(" (defined at").next().unwrap_or_default();
    match line.char_indices().nth(SENTENCE_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Why a template is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Larger than `Template::MAX_BYTES`; nothing of it was parsed.
    #[error("the template has {bytes} bytes, at most {limit} are read")]
    TooLarge {
        /// Size of the text in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Malformed, or against a rule of the specification.
    #[error("the template is refused: {}", First(problems))]
    Refused {
        /// Everything found, at least one.
        problems: Vec<Problem>,
    },
}

/// Why parameter values do not fit a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The template has no such parameter.
    #[error("unknown parameter '{name}' (the template has {})", Names(known))]
    Unknown {
        /// The name as given.
        name: String,
        /// What the template has.
        known: Vec<String>,
    },
    /// The same parameter was given twice with different values.
    #[error("parameter '{name}' was given twice: '{first}' and '{second}'")]
    Twice {
        /// The parameter.
        name: String,
        /// The first value.
        first: String,
        /// The other value.
        second: String,
    },
    /// No value was given and the template has no default.
    #[error("parameter{} {} no value", if names.len() == 1 { "" } else { "s" }, Lacking(names))]
    Missing {
        /// The parameters.
        names: Vec<String>,
    },
    /// A value breaks its parameter's type or constraints.
    #[error("{}", First(problems))]
    Refused {
        /// Everything found; each message names its parameter.
        problems: Vec<Problem>,
    },
}

struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("none") } else { f.write_str(&self.0.join(", ")) }
    }
}

struct Lacking<'a>(&'a [String]);

impl fmt::Display for Lacking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<_> = self.0.iter().map(|name| format!("'{name}'")).collect();
        write!(f, "{} {}", quoted.join(", "), if self.0.len() == 1 { "has" } else { "have" })
    }
}

/// Why a template with its values is not a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The template itself is refused.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The values do not fit.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// More tasks than a job may have.
    #[error("step '{step}' has {count} tasks and the job {total}; a job may have at most {}", JobSpec::MAX_TASKS)]
    TooManyTasks {
        /// The step that went over the limit.
        step: String,
        /// Its tasks.
        count: u64,
        /// Tasks of this and all earlier steps.
        total: u64,
    },
}

/// Why a session or a task cannot be resolved on a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The job has no such step.
    #[error("the job has {count} steps, none at position {step}")]
    NoStep {
        /// The position asked for.
        step: u32,
        /// Number of steps.
        count: usize,
    },
    /// The step has no such tasks.
    #[error("step '{step}' has {count} tasks, none at {}..{}", span.start, span.end)]
    NoTask {
        /// The step.
        step: String,
        /// Number of tasks.
        count: u32,
        /// The tasks asked for.
        span: TaskSpan,
    },
    /// Tasks that cannot be one run: the step is not chunked, or they are not neighbours in one row.
    #[error("tasks {}..{} of step '{step}' cannot run as one: {reason}", span.start, span.end)]
    NotOneRun {
        /// The step.
        step: String,
        /// The tasks asked for.
        span: TaskSpan,
        /// Why.
        reason: &'static str,
    },
    /// A format string or expression does not resolve.
    #[error("cannot resolve {what}: {reason}")]
    Format {
        /// Which one: `argument 2 of step 'Render'`.
        what: String,
        /// In the evaluator's words.
        reason: String,
    },
    /// A resolved value is not what its place needs.
    #[error("{what} must be {wanted}, is '{value}'")]
    Value {
        /// Which one: `timeout of step 'Render'`.
        what: String,
        /// What would do.
        wanted: &'static str,
        /// What it is.
        value: String,
    },
}

/// Turns an error of the crate into our problems, keeping its words and places.
pub(super) fn problems(error: ModelError) -> Vec<Problem> {
    match error {
        ModelError::ModelValidation(all) if !all.is_empty() => {
            all.errors.into_iter().map(|error| Problem { place: place(&error.path), message: error.message }).collect()
        }
        ModelError::DecodeValidation(message) | ModelError::Compatibility(message) => {
            message.lines().filter(|line| !line.trim().is_empty()).map(whole).collect()
        }
        other => vec![whole(&other.to_string())],
    }
}

pub(super) fn whole(message: &str) -> Problem {
    Problem { place: String::new(), message: message.trim().to_owned() }
}

fn place(path: &[PathElement]) -> String {
    let mut text = String::new();
    for element in path {
        match element {
            PathElement::Field(name) if text.is_empty() => text.push_str(name),
            PathElement::Field(name) => text.extend([".", name]),
            PathElement::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}
