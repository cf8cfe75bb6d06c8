use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use gridwell_model::{ActionPlan, EnvironmentPlan, FilePlan, TaskSpan};
use openjd_expr::ExprValue;

use super::{
    action::{Live, Prepared, Script, Source},
    error::ResolveError,
    opening::{Entered, Opening, TASK_NOTICE},
    path::{PathMap, PathRule, PathStyle},
    plan::{Inner, StepPlan},
    space::SpaceValue,
    wrap::{Wrapped, seed},
};

/// Changes from task to task.
const OF_TASK: &[&str] = &["Task.Param", "Task.RawParam"];
/// The machine's side of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionContext {
    /// The session's folder, absolute: working folder of its programs and home of embedded files.
    pub folder: PathBuf,
    /// How paths are written here.
    pub style: PathStyle,
    /// Where the author's folders lie here, in any order.
    pub paths: Vec<PathRule>,
    /// Variables every program of the session gets.
    pub variables: Vec<(String, String)>,
}

impl SessionContext {
    /// A session in `folder`, without path rules and variables, with this system's way to write paths.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), style: PathStyle::host(), paths: Vec::new(), variables: Vec::new() }
    }
}

/// The resolved environments of one session, and the resolver for the tasks of one step in it.
///
/// Everything that does not depend on the task is resolved once, when it is made.
#[derive(Debug, Clone)]
pub struct SessionRuntime {
    variables: Vec<(String, String)>,
    environments: Vec<EnvironmentPlan>,
    rules_file: Option<FilePlan>,
    step: Arc<StepPlan>,
    symbols: Vec<(String, String)>,
    paths: PathMap,
    script: Script,
    action: Prepared,
    hook: Option<Hook>,
    constant: Option<ActionPlan>,
}

/// A wrapping environment's stand-in for the task's action.
#[derive(Debug, Clone)]
struct Hook {
    script: Script,
    action: Prepared,
    variables: BTreeMap<String, String>,
}

impl SessionRuntime {
    /// Variables of every program: the context's, and the session's folder under the name programs expect.
    #[must_use]
    pub fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// Environments to enter in order and to leave in reverse: the job's, then the step's.
    #[must_use]
    pub fn environments(&self) -> &[EnvironmentPlan] {
        &self.environments
    }

    /// Files of the session itself: the path mapping rules, if the job reads them. The actions that need it carry it too.
    #[must_use]
    pub fn files(&self) -> &[FilePlan] {
        self.rules_file.as_slice()
    }

    /// Tells wrap hooks which variables programs have exported so far (`openjd_env`).
    pub fn exported(&mut self, variables: &[(String, String)]) {
        if let Some(hook) = &mut self.hook {
            hook.variables.extend(variables.iter().cloned());
        }
    }

    /// Resolves the action of the task, or of the chunk, at `span`.
    ///
    /// # Errors
    ///
    /// As `JobPlan::task_parameters`, and [`ResolveError`] for what does not resolve with these parameters.
    pub fn task(&mut self, span: TaskSpan) -> Result<ActionPlan, ResolveError> {
        let values = self.step.values(span)?;
        if let Some(plan) = &self.constant {
            return Ok(plan.clone());
        }
        for (value, (mapped, raw)) in values.into_iter().zip(&self.symbols) {
            let scope = &mut self.script.scope;
            let (value, plain) = match value {
                SpaceValue::Plain(value) => (value.clone(), value),
                SpaceValue::Path(path) => {
                    (ExprValue::new_path(self.paths.apply(&path), scope.format), ExprValue::String(path))
                }
            };
            if let Some(hook) = &mut self.hook {
                hook.script.scope.set(mapped, value.clone())?;
                hook.script.scope.set(raw, plain.clone())?;
            }
            scope.set(mapped, value)?;
            scope.set(raw, plain)?;
        }
        self.resolve()
    }

    fn resolve(&mut self) -> Result<ActionPlan, ResolveError> {
        let mut resolved = self.script.run(&self.action)?;
        if let Some(hook) = &mut self.hook {
            seed(&mut hook.script.scope, Wrapped::Step(&self.step.name), &resolved, &hook.variables)?;
            let mut outer = hook.script.run(&hook.action)?;
            outer.files.append(&mut resolved.files);
            resolved = outer;
        }
        resolved.files.extend(self.rules_file.iter().cloned());
        Ok(resolved.into_plan())
    }

    pub(super) fn open(job: &Inner, step: Arc<StepPlan>, context: &SessionContext) -> Result<Self, ResolveError> {
        let opening = Opening::new(job, &step, context);
        let rules_file = opening.rules_file(job, &step);
        let Entered { plans: environments, wrapper, declared } =
            opening.environments(job, &step, rules_file.as_ref())?;
        let names = step.space.iter().flat_map(|space| space.names());
        let symbols: Vec<_> =
            names.map(|name| (format!("Task.Param.{name}"), format!("Task.RawParam.{name}"))).collect();
        let scope = opening.scope(job, &step.symbols)?;
        let source = Source {
            what: format!("step '{}'", step.name),
            prefix: "Task.File",
            lets: step.script.let_bindings.as_deref(),
            files: step.script.embedded_files.as_deref(),
            paths: &opening.step_files,
            style: context.style,
        };
        let script = Script::open(&source, scope, Live::new(OF_TASK), &opening.profile)?;
        let action = script.prepare("the action", &step.script.actions.on_run, TASK_NOTICE)?;
        let hook = match wrapper.and_then(|wrapper| wrapper.on_task.clone().map(|action| (wrapper, action))) {
            Some((wrapper, action)) => {
                let script = wrapper.script(&opening, None)?;
                let action = script.prepare("onWrapTaskRun", &action, TASK_NOTICE)?;
                Some(Hook { script, action, variables: declared })
            }
            None => None,
        };
        let constant = hook.is_none() && script.is_constant(&action);
        let mut variables = context.variables.clone();
        variables.push(("OPENJD_SESSION_WORKING_DIR".to_owned(), opening.folder.clone()));
        let paths = opening.paths.clone();
        let mut runtime =
            Self { variables, environments, rules_file, step, symbols, paths, script, action, hook, constant: None };
        if constant {
            runtime.constant = Some(runtime.resolve()?);
        }
        Ok(runtime)
    }
}
