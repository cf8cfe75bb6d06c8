//! From what was dropped to a job: recipes, drafts, commands over ranges, and Open Job Description in and out.
//!
//! Floor 1, pure: bytes and values in, plans out. It never opens a file, starts a program or asks the time; whoever needs
//! a file's text hands it in.
//!
//! The Open Job Description half:
//!
//! - [`Template`] is a decoded and validated job template; [`Template::parameters`] is what a form shows,
//!   [`Template::fill`] turns what was typed into a value for every parameter.
//! - [`JobPlan`] is a template with its parameters bound: steps for the scheduler, parameters of any task by index, and
//!   [`JobPlan::session`], which resolves environments and actions for one session on one machine.
//! - [`Bundle`] reads and writes a job bundle: template, parameter values, asset references and our sidecar.
//!
//! The recipe half:
//!
//! - [`draft()`] turns dropped paths or a command into a [`Draft`], asking [`Recipes`] and reading through [`Files`].
//! - [`LineReader`] reads progress, saved files and failures out of a program's lines by a recipe's rules.
//! - [`blend`] reads .blend files, [`over`] ranges, globs and tables, [`sample`] is the built-in renderer.

pub mod blend;
pub mod bundle;
pub mod draft;
mod files;
pub mod openjd;
pub mod over;
pub mod progress;
pub mod recipe;
pub mod sample;

pub use bundle::{Bundle, BundleError, BundleFiles};
pub use openjd::{
    EnvironmentTemplate, Folders, JobError, JobPlan, Parameter, ParameterError, ParameterKind, PathRule, PathStyle,
    PathUse, Problem, ResolveError, SessionContext, SessionRuntime, TaskParameter, Template, TemplateError,
};

pub use draft::{Draft, DraftError, DraftRequest, draft};
pub use files::{FileKind, Files};
pub use progress::{LineReader, LineRules, Progress};
pub use recipe::{Recipe, RecipeError, RecipeText, Recipes};
