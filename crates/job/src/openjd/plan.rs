use std::sync::Arc;

use gridwell_model::{StepSpec, TaskSpan};
use openjd_expr::SymbolTable;
use openjd_model::{
    JobParameterValues, ModelProfile,
    job::{Environment, StepScript},
};

use super::{
    error::{JobError, ResolveError},
    parameter::ParameterKind,
    session::{SessionContext, SessionRuntime},
    space::{Space, SpaceValue, SpanRefusal},
    template::Template,
};

/// A template with its parameters bound: what every peer makes of a `JobSpec`.
///
/// Cheap to clone, and safe to share between threads. Every peer makes the same plan from the same template and values.
#[derive(Debug, Clone)]
pub struct JobPlan {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    name: String,
    specs: Vec<StepSpec>,
    pub(super) steps: Vec<Arc<StepPlan>>,
    pub(super) environments: Arc<[Environment]>,
    pub(super) symbols: SymbolTable,
    /// PATH and LIST[PATH] parameters with the author's paths; every machine maps them its own way.
    pub(super) paths: Vec<(String, Vec<String>, ParameterKind)>,
    pub(super) profile: ModelProfile,
}

#[derive(Debug)]
pub(super) struct StepPlan {
    pub(super) name: String,
    pub(super) script: StepScript,
    pub(super) environments: Vec<Environment>,
    pub(super) symbols: SymbolTable,
    pub(super) space: Option<Space>,
    pub(super) count: u32,
    pub(super) key: u32,
}

/// A parameter of one run with its value as text, before path mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskParameter {
    /// Its name.
    pub name: String,
    /// Its value; a chunk is a range such as `1-5` or `1,3,5`.
    pub value: String,
}

/// Longest label, in characters: one line of a list.
const LABEL_CHARS: usize = 120;

impl JobPlan {
    /// Binds `parameters` to a template, as `JobSpec` carries both.
    ///
    /// # Errors
    ///
    /// As [`Template::decode`] and [`Template::create`].
    pub fn new(template: &str, parameters: &[(String, String)]) -> Result<Self, JobError> {
        Template::decode(template)?.create(parameters)
    }

    pub(super) fn assemble(
        name: String,
        specs: Vec<StepSpec>,
        steps: Vec<Arc<StepPlan>>,
        environments: Arc<[Environment]>,
        symbols: SymbolTable,
        values: &JobParameterValues,
        profile: ModelProfile,
    ) -> Self {
        let mut paths: Vec<_> = values
            .iter()
            .filter_map(|(name, value)| {
                let kind = ParameterKind::of(value.param_type);
                let all = match kind {
                    ParameterKind::Path => vec![value.value.to_display_string()],
                    ParameterKind::ListPath => {
                        value.value.list_elements()?.iter().map(|one| one.to_display_string()).collect()
                    }
                    _ => return None,
                };
                Some((name.clone(), all, kind))
            })
            .collect();
        paths.sort_by(|a, b| a.0.cmp(&b.0));
        Self { inner: Arc::new(Inner { name, specs, steps, environments, symbols, paths, profile }) }
    }

    /// The job's name, resolved.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Its steps as the scheduler sees them, in the template's order; dependencies are whole steps, wishes are none.
    #[must_use]
    pub fn steps(&self) -> &[StepSpec] {
        &self.inner.specs
    }

    /// Tells whether two steps may share a session: they may when their keys are equal.
    #[must_use]
    pub fn environment_key(&self, step: u32) -> Option<u32> {
        self.step(step).ok().map(|step| step.key)
    }

    /// The name of the program that a step runs, without its folder; `None` for an unknown step, or if that differs by task.
    #[must_use]
    pub fn program(&self, step: u32) -> Option<String> {
        let command = self.step(step).ok()?.script.actions.on_run.command.raw();
        let path = match command.strip_prefix("{{Param.").and_then(|rest| rest.strip_suffix("}}")) {
            Some(parameter) => self.inner.paths.iter().find(|(name, ..)| name == parameter)?.1.first()?,
            None => command,
        };
        (!path.contains("{{")).then(|| path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned())
    }

    /// The parameters of the task, or of the chunk, at `span`, in the template's order.
    ///
    /// Cost: index arithmetic; nothing is listed.
    ///
    /// # Errors
    ///
    /// [`ResolveError::NoStep`], [`ResolveError::NoTask`], or [`ResolveError::NotOneRun`] for several tasks that are not
    /// neighbours of one chunked row.
    pub fn task_parameters(&self, step: u32, span: TaskSpan) -> Result<Vec<TaskParameter>, ResolveError> {
        let step = self.step(step)?;
        let names = step.space.iter().flat_map(Space::names);
        Ok(step
            .values(span)?
            .into_iter()
            .zip(names)
            .map(|(value, name)| TaskParameter { name: name.clone(), value: value.text() })
            .collect())
    }

    /// What people call a task: `frame 12`, `Frame=12, Tile=3`, the item's name for a command over items; the step's name
    /// when it has no parameters.
    #[must_use]
    pub fn task_label(&self, step: u32, index: u32) -> String {
        let found = index.checked_add(1).and_then(|end| self.task_parameters(step, TaskSpan::new(index, end)).ok());
        let Some(parameters) = found else { return format!("task {index}") };
        if parameters.is_empty() {
            return self.step(step).map(|step| step.name.clone()).unwrap_or_default();
        }
        shorten(&plain(&match parameters.as_slice() {
            [frame] if frame.name == "Frame" => format!("frame {}", frame.value),
            // What `gridwell exec` makes of a command.
            [item] if self.inner.name == "Command" && matches!(item.name.as_str(), "Value" | "Index") => {
                self.item(item).unwrap_or_else(|| format!("item {}", item.value))
            }
            all => all.iter().map(|one| format!("{}={}", one.name, one.value)).collect::<Vec<_>>().join(", "),
        }))
    }

    /// The last part of the path that a task of a command over files runs over.
    fn item(&self, index: &TaskParameter) -> Option<String> {
        let (_, items, _) = self.inner.paths.iter().find(|(name, ..)| name == "Items")?;
        let item = items.get(index.value.parse::<usize>().ok()?)?;
        Some(item.rsplit('/').next().unwrap_or(item).to_owned())
    }

    /// Resolves the environments and the action of `step` for one session.
    ///
    /// # Errors
    ///
    /// [`ResolveError`] naming the action, file, variable or binding that does not resolve here.
    pub fn session(&self, step: u32, context: &SessionContext) -> Result<SessionRuntime, ResolveError> {
        SessionRuntime::open(&self.inner, Arc::clone(self.step(step)?), context)
    }

    fn step(&self, step: u32) -> Result<&Arc<StepPlan>, ResolveError> {
        let steps = &self.inner.steps;
        let found = usize::try_from(step).ok().and_then(|at| steps.get(at));
        found.ok_or(ResolveError::NoStep { step, count: steps.len() })
    }
}

impl StepPlan {
    pub(super) fn values(&self, span: TaskSpan) -> Result<Vec<SpaceValue>, ResolveError> {
        let found = match &self.space {
            Some(space) => space.get(span),
            None if span == TaskSpan::new(0, 1) => Ok(Vec::new()),
            None => Err(SpanRefusal::Outside),
        };
        found.map_err(|refusal| match refusal {
            SpanRefusal::Outside => ResolveError::NoTask { step: self.name.clone(), count: self.count, span },
            SpanRefusal::NotOneRun(reason) => ResolveError::NotOneRun { step: self.name.clone(), span, reason },
        })
    }
}

impl SpaceValue {
    fn text(self) -> String {
        match self {
            Self::Plain(value) => value.to_display_string(),
            Self::Path(path) => path,
        }
    }
}

fn plain(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(LABEL_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
