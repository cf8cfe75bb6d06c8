//! Fixtures are our own, one group per section of the 2023-09 specification.

mod session;
mod space;
mod speed;
mod template;
mod wrap;

use gridwell_model::TaskSpan;

use super::{JobError, JobPlan, SessionContext, SessionRuntime};

/// A template with these extensions, and `rest` (YAML, not indented) below.
fn job(extensions: &str, rest: &str) -> String {
    let extensions = if extensions.is_empty() { String::new() } else { format!("extensions: [{extensions}]\n") };
    format!("specificationVersion: jobtemplate-2023-09\n{extensions}name: Test\n{rest}\n")
}

/// One step `S` whose parameter space and action are given as YAML flow text.
fn step(space: &str, run: &str) -> String {
    let space = if space.is_empty() { String::new() } else { format!("  parameterSpace: {space}\n") };
    format!("steps:\n- name: S\n{space}  script: {{actions: {{onRun: {run}}}}}")
}

fn plan(text: &str) -> Result<JobPlan, JobError> {
    JobPlan::new(text, &[])
}

fn with(text: &str, values: &[(&str, &str)]) -> Result<JobPlan, JobError> {
    let values: Vec<_> = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    JobPlan::new(text, &values)
}

fn one(index: u32) -> TaskSpan {
    TaskSpan::new(index, index + 1)
}

/// The values of every task of the first step, parameters joined by a space.
fn values(plan: &JobPlan) -> Vec<String> {
    let text = |index| {
        let all = plan.task_parameters(0, one(index)).unwrap();
        all.into_iter().map(|parameter| parameter.value).collect::<Vec<_>>().join(" ")
    };
    (0..plan.steps()[0].task_count).map(text).collect()
}

fn open(plan: &JobPlan) -> SessionRuntime {
    plan.session(0, &posix("/s")).unwrap()
}

fn posix(folder: &str) -> SessionContext {
    SessionContext { style: super::PathStyle::Posix, ..SessionContext::new(folder) }
}
