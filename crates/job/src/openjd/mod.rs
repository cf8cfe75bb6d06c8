//! Open Job Description 2023-09: templates, parameter spaces and what a session runs.
//!
//! The only module that names the `openjd-*` crates. They decode, validate and evaluate; the numbering of tasks, random
//! access into parameter spaces and the resolution of actions are ours. Their types never leave this module.

mod action;
mod document;
mod error;
mod expand;
mod needs;
mod opening;
mod parameter;
mod path;
mod plan;
mod scope;
mod session;
mod space;
mod template;
mod wrap;

#[cfg(test)]
mod tests;

pub(crate) use document::{Document, DocumentError};
pub use error::{JobError, ParameterError, Problem, ResolveError, TemplateError};
pub use parameter::{Control, DataFlow, FileFilter, Hints, ObjectKind, Parameter, ParameterKind};
pub use path::{PathRule, PathStyle};
pub use plan::{JobPlan, TaskParameter};
pub use session::{SessionContext, SessionRuntime};
pub use template::{EnvironmentTemplate, Folders, PathUse, Template};
