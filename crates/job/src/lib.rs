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

pub mod openjd;

pub use openjd::{
    EnvironmentTemplate, Folders, JobError, JobPlan, Parameter, ParameterError, ParameterKind, PathRule, PathStyle,
    Problem, ResolveError, SessionContext, SessionRuntime, TaskParameter, Template, TemplateError,
};
