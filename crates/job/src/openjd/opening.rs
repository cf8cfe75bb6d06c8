use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use gridwell_model::{ActionPlan, EnvironmentPlan, FilePlan};
use openjd_expr::{ExprProfile, ExprType, ExprValue, FunctionLibrary, SerializedSymbolTable, SymbolTable};
use openjd_model::job::{Action, EmbeddedFile, Environment, EnvironmentScript};

use super::{
    action::{Live, Resolved, Script, Source},
    error::ResolveError,
    parameter::ParameterKind,
    path::{PathMap, PathStyle},
    plan::{Inner, StepPlan},
    scope::{Scope, formats, used, used_by},
    session::SessionContext,
    wrap::{Wrapped, seed, wraps},
};

/// Notice before the kill, where an action asks for one without saying how long. Source: Open Job Description 2023-09, 5.3.2.
pub(super) const TASK_NOTICE: Duration = Duration::from_secs(120);
const ENVIRONMENT_NOTICE: Duration = Duration::from_secs(30);

const RULES_FILE: &str = "pathmapping.json";
const RULES_SYMBOL: &str = "Session.PathMappingRulesFile";

/// Changes for a wrap hook with what it wraps.
const OF_WRAPPED: &[&str] = &["Task.Param", "Task.RawParam", "WrappedAction", "WrappedStep", "WrappedEnv"];

/// The environments of a session.
pub(super) struct Entered<'a> {
    pub(super) plans: Vec<EnvironmentPlan>,
    /// The one that runs the actions inside it.
    pub(super) wrapper: Option<Wrapper<'a>>,
    /// Variables that they declare, the innermost counting.
    pub(super) declared: BTreeMap<String, String>,
}

/// What is known while a session is being resolved.
pub(super) struct Opening<'a> {
    context: &'a SessionContext,
    pub(super) folder: String,
    pub(super) paths: PathMap,
    library: Arc<FunctionLibrary>,
    pub(super) profile: ExprProfile,
    /// Paths of embedded files: of each environment in order, then of the step.
    environment_files: Vec<Vec<String>>,
    pub(super) step_files: Vec<String>,
}

impl<'a> Opening<'a> {
    pub(super) fn new(job: &Inner, step: &StepPlan, context: &'a SessionContext) -> Self {
        let folder = context.folder.to_string_lossy().into_owned();
        let paths = PathMap::new(&context.paths, context.style);
        let profile = job.profile.to_expr_profile(paths.host_context());
        let library = FunctionLibrary::for_profile(&profile);
        let mut taken = BTreeSet::from([RULES_FILE.to_owned()]);
        let all = job.environments.iter().chain(&step.environments);
        let mut place = |files: Option<&Vec<EmbeddedFile>>| {
            let names = files.into_iter().flatten().map(|file| file_name(&mut taken, file));
            names.map(|name| context.style.join(&folder, &name)).collect::<Vec<_>>()
        };
        let environment_files =
            all.map(|one| place(one.script.as_ref().and_then(|script| script.embedded_files.as_ref()))).collect();
        let step_files = place(step.script.embedded_files.as_ref());
        Self { context, folder, paths, library, profile, environment_files, step_files }
    }

    /// The rules file, when anything in the session names it.
    pub(super) fn rules_file(&self, job: &Inner, step: &StepPlan) -> Option<FilePlan> {
        let mut symbols = BTreeSet::new();
        job.environments.iter().chain(&step.environments).for_each(|one| used_by(one, &mut symbols));
        let files = step.script.embedded_files.iter().flatten().filter_map(|file| file.data.as_ref());
        let lets = step.script.let_bindings.as_deref();
        used(formats(&step.script.actions.on_run).chain(files), lets, &mut symbols);
        symbols.iter().any(|symbol| symbol.starts_with(RULES_SYMBOL)).then(|| FilePlan {
            path: PathBuf::from(self.context.style.join(&self.folder, RULES_FILE)),
            text: self.paths.json(),
            executable: false,
        })
    }

    /// Adds this machine to symbols that every machine shares: mapped paths and the session.
    pub(super) fn scope(&self, job: &Inner, shared: &SymbolTable) -> Result<Scope, ResolveError> {
        let style = self.context.style;
        let format = style.format();
        let table = match style {
            // Shared symbols hold POSIX paths; writing and reading them back gives them this machine's separators.
            PathStyle::Windows => SerializedSymbolTable::from_symtab(shared)
                .to_symtab(format)
                .map_err(|reason| ResolveError::Format { what: "the job's symbols".to_owned(), reason })?,
            PathStyle::Posix => shared.clone(),
        };
        let mut scope = Scope { table, library: Arc::clone(&self.library), format };
        for (name, paths, kind) in &job.paths {
            let mut mapped: Vec<_> =
                paths.iter().map(|path| ExprValue::new_path(self.paths.apply(path), format)).collect();
            let value = match kind {
                ParameterKind::ListPath => ExprValue::make_list(mapped, ExprType::PATH).map_err(|error| {
                    ResolveError::Format { what: format!("parameter '{name}'"), reason: error.to_string() }
                })?,
                _ => mapped.pop().unwrap_or(ExprValue::Null),
            };
            scope.set(&format!("Param.{name}"), value)?;
        }
        scope.set_path("Session.WorkingDirectory", &self.folder)?;
        scope.set("Session.HasPathMappingRules", ExprValue::Bool(!self.paths.is_empty()))?;
        scope.set_path(RULES_SYMBOL, &style.join(&self.folder, RULES_FILE))?;
        Ok(scope)
    }

    /// Resolves every environment of the session, the job's before the step's.
    pub(super) fn environments<'b>(
        &self,
        job: &'b Inner,
        step: &'b StepPlan,
        rules_file: Option<&FilePlan>,
    ) -> Result<Entered<'b>, ResolveError> {
        let outer = self.scope(job, &job.symbols)?;
        let inner = self.scope(job, &step.symbols)?;
        let mut plans = Vec::new();
        let mut wrapper: Option<Wrapper<'b>> = None;
        let mut declared = BTreeMap::new();
        let all =
            job.environments.iter().map(|one| (one, &outer)).chain(step.environments.iter().map(|one| (one, &inner)));
        for (at, (environment, scope)) in all.enumerate() {
            let variables = variables(environment, scope)?;
            declared.extend(variables.iter().cloned());
            let mut plan = EnvironmentPlan { name: environment.name.clone(), variables, enter: None, exit: None };
            if let Some(script) = &environment.script {
                let mut actions = Actions::open(self, environment, script, scope.clone(), at)?;
                let around = wrapper.as_ref().map(|wrapper| (wrapper, &declared));
                plan.enter = actions.plan(self, "onEnter", script.actions.on_enter.as_ref(), around, rules_file)?;
                plan.exit = actions.plan(self, "onExit", script.actions.on_exit.as_ref(), around, rules_file)?;
                if wraps(environment) {
                    wrapper = Some(Wrapper::new(environment, script, scope.clone(), at));
                }
            }
            plans.push(plan);
        }
        Ok(Entered { plans, wrapper, declared })
    }
}

fn variables(environment: &Environment, scope: &Scope) -> Result<Vec<(String, String)>, ResolveError> {
    let sorted: BTreeMap<_, _> = environment.variables.iter().flatten().collect();
    let resolve = |(name, format): (&String, &openjd_expr::FormatString)| {
        let what = format_args!("variable '{name}' of environment '{}'", environment.name).to_string();
        Ok((name.clone(), scope.text(what, format)?))
    };
    sorted.into_iter().map(resolve).collect()
}

/// The scripts' files share the session's folder: a name that another script has gets a number in front.
fn file_name(taken: &mut BTreeSet<String>, file: &EmbeddedFile) -> String {
    let plain = file.filename.clone().unwrap_or_else(|| format!("embedded_{}", file.name));
    let mut name = plain.clone();
    let mut number = 1;
    // Compared without case: some file systems do.
    while !taken.insert(name.to_lowercase()) {
        number += 1;
        name = format!("{number}_{plain}");
    }
    name
}

/// An environment's own enter and exit.
struct Actions<'a> {
    name: &'a str,
    script: Script,
}

impl<'a> Actions<'a> {
    fn open(
        opening: &Opening<'_>,
        environment: &'a Environment,
        script: &EnvironmentScript,
        scope: Scope,
        at: usize,
    ) -> Result<Self, ResolveError> {
        let source = source(opening, &environment.name, script, at);
        let script = Script::open(&source, scope, Live::default(), &opening.profile)?;
        Ok(Self { name: &environment.name, script })
    }

    fn plan(
        &mut self,
        opening: &Opening<'_>,
        name: &'static str,
        action: Option<&Action>,
        around: Option<(&Wrapper<'_>, &BTreeMap<String, String>)>,
        rules_file: Option<&FilePlan>,
    ) -> Result<Option<ActionPlan>, ResolveError> {
        let Some(action) = action else { return Ok(None) };
        let prepared = self.script.prepare(name, action, ENVIRONMENT_NOTICE)?;
        let mut resolved = self.script.run(&prepared)?;
        if let Some((wrapper, variables)) = around {
            resolved = wrapper.around_environment(opening, name, self.name, resolved, variables)?;
        }
        resolved.files.extend(rules_file.cloned());
        Ok(Some(resolved.into_plan()))
    }
}

fn source<'a>(opening: &'a Opening<'_>, name: &str, script: &'a EnvironmentScript, at: usize) -> Source<'a> {
    Source {
        what: format!("environment '{name}'"),
        prefix: "Env.File",
        lets: script.let_bindings.as_deref(),
        files: script.embedded_files.as_deref(),
        paths: &opening.environment_files[at],
        style: opening.context.style,
    }
}

/// The environment that runs the actions of everything inside it, its own way.
pub(super) struct Wrapper<'a> {
    name: &'a str,
    script: &'a EnvironmentScript,
    scope: Scope,
    at: usize,
    pub(super) on_task: Option<Action>,
}

impl<'a> Wrapper<'a> {
    fn new(environment: &'a Environment, script: &'a EnvironmentScript, scope: Scope, at: usize) -> Self {
        let on_task = script.actions.on_wrap_task_run.clone();
        Self { name: &environment.name, script, scope, at, on_task }
    }

    /// Its script with the symbols of what it wraps: set now, or with every task.
    pub(super) fn script(&self, opening: &Opening<'_>, seeded: Option<Scope>) -> Result<Script, ResolveError> {
        let source = source(opening, self.name, self.script, self.at);
        match seeded {
            Some(scope) => Script::open(&source, scope, Live::default(), &opening.profile),
            None => Script::open(&source, self.scope.clone(), Live::new(OF_WRAPPED), &opening.profile),
        }
    }

    fn around_environment(
        &self,
        opening: &Opening<'_>,
        name: &'static str,
        inner_name: &str,
        mut inner: Resolved,
        variables: &BTreeMap<String, String>,
    ) -> Result<Resolved, ResolveError> {
        let (hook, hook_name) = match name {
            "onEnter" => (&self.script.actions.on_wrap_env_enter, "onWrapEnvEnter"),
            _ => (&self.script.actions.on_wrap_env_exit, "onWrapEnvExit"),
        };
        let Some(hook) = hook else { return Ok(inner) };
        let mut scope = self.scope.clone();
        seed(&mut scope, Wrapped::Environment(inner_name), &inner, variables)?;
        let mut script = self.script(opening, Some(scope))?;
        let prepared = script.prepare(hook_name, hook, ENVIRONMENT_NOTICE)?;
        let mut outer = script.run(&prepared)?;
        outer.files.append(&mut inner.files);
        Ok(outer)
    }
}
