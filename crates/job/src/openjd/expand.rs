use std::sync::Arc;

use gridwell_model::{Edge, EdgeKind, JobSpec, StepSpec};
use openjd_expr::{ExprValue, FunctionLibrary, HostContext, PathFormat, SymbolTable};
use openjd_model::{
    JobParameterValues, ModelError, ModelExtension, ValidationContext, build_symbol_table, create_job,
    evaluate_let_bindings,
    job::{Job, Step},
    template::{ChunksDefinition, JobTemplate, RangeConstraint, TaskParameterDefinition},
};

use super::{
    error::{JobError, TemplateError, problems},
    needs::needs,
    plan::{JobPlan, StepPlan},
    scope::same_environments,
    space::Space,
    template::limits,
};

impl JobPlan {
    pub(super) fn expand(template: JobTemplate, values: &JobParameterValues) -> Result<Self, JobError> {
        let context = ValidationContext::from_profile(template.profile()).with_caller_limits(limits());
        if template.steps.iter().any(is_chunked) {
            // The crate lists every value of a chunked parameter while it creates a job. Count the tasks first, with
            // chunks that it need not look into: a range of 10^9 frames is refused before it costs memory.
            let plain = create(&without_chunks(&template), values, &context)?;
            count(&plain.steps)?;
        }
        let job = create(&template, values, &context)?;
        let counted = count(&job.steps)?;
        let symbols = symbols(&job, values, &context).map_err(refused)?;
        let mut steps: Vec<Arc<StepPlan>> = Vec::with_capacity(job.steps.len());
        let specs = specs(&job.steps, &counted);
        for (at, (step, (space, count))) in job.steps.into_iter().zip(counted).enumerate() {
            let lets = template.steps[at].let_bindings.as_deref();
            let symbols = step_symbols(&symbols, &step, lets, &context).map_err(refused)?;
            let environments = step.step_environments.unwrap_or_default();
            let same = |other: &&Arc<StepPlan>| {
                same_environments((&other.environments, &other.symbols), (&environments, &symbols))
            };
            let key = steps.iter().find(same).map_or(u32::try_from(at).unwrap_or(u32::MAX), |other| other.key);
            let (name, script) = (step.name, step.script);
            steps.push(Arc::new(StepPlan { name, script, environments, symbols, space, count, key }));
        }
        let environments = Arc::from(job.job_environments.unwrap_or_default());
        Ok(Self::assemble(job.name, specs, steps, environments, symbols, values, context.profile))
    }
}

fn refused(error: ModelError) -> JobError {
    JobError::Template(TemplateError::Refused { problems: problems(error) })
}

fn create(template: &JobTemplate, values: &JobParameterValues, context: &ValidationContext) -> Result<Job, JobError> {
    create_job(template, values, context).map_err(refused)
}

fn chunks_mut(template: &mut JobTemplate) -> impl Iterator<Item = &mut ChunksDefinition> {
    let spaces = template.steps.iter_mut().filter_map(|step| step.parameter_space.as_mut());
    spaces.flat_map(|space| &mut space.task_parameter_definitions).filter_map(|one| match one {
        TaskParameterDefinition::CHUNK_INT(one) => Some(&mut one.chunks),
        _ => None,
    })
}

fn is_chunked(step: &openjd_model::template::StepTemplate) -> bool {
    let definitions = step.parameter_space.iter().flat_map(|space| &space.task_parameter_definitions);
    definitions.into_iter().any(|one| matches!(one, TaskParameterDefinition::CHUNK_INT(_)))
}

fn without_chunks(template: &JobTemplate) -> JobTemplate {
    let mut plain = template.clone();
    for chunks in chunks_mut(&mut plain) {
        chunks.target_runtime_seconds = None;
        chunks.range_constraint = RangeConstraint::Noncontiguous;
    }
    plain
}

/// The parameter space and number of tasks of every step, with chunks of one.
fn count(steps: &[Step]) -> Result<Vec<(Option<Space>, u32)>, JobError> {
    let mut total = 0_u64;
    let counted = steps.iter().map(|step| {
        let space = step.parameter_space.as_ref().map(Space::new);
        let count = space.as_ref().map_or(1, Space::len);
        total = total.saturating_add(count);
        match u32::try_from(count) {
            Ok(small) if total <= JobSpec::MAX_TASKS => Ok((space, small)),
            _ => Err(JobError::TooManyTasks { step: step.name.clone(), count, total }),
        }
    });
    counted.collect()
}

fn specs(steps: &[Step], counted: &[(Option<Space>, u32)]) -> Vec<StepSpec> {
    let position = |name: &str| steps.iter().position(|step| step.name == name);
    let edge = |name: &str| Some(Edge { step: u32::try_from(position(name)?).ok()?, kind: EdgeKind::Whole });
    let spec = |(step, (space, count)): (&Step, &(Option<Space>, u32))| StepSpec {
        name: step.name.clone(),
        task_count: *count,
        chunking: space.as_ref().and_then(Space::chunking),
        needs: needs(step.host_requirements.as_ref()),
        prefers: Vec::new(),
        after: step.dependencies.iter().flatten().filter_map(|one| edge(&one.depends_on)).collect(),
    };
    steps.iter().zip(counted).map(spec).collect()
}

fn symbols(job: &Job, values: &JobParameterValues, context: &ValidationContext) -> Result<SymbolTable, ModelError> {
    let mut symbols = build_symbol_table(values)?;
    if context.profile.has_extension(ModelExtension::Expr) {
        symbols.set("Job.Name", ExprValue::String(job.name.clone()))?;
    }
    Ok(symbols)
}

/// What the step's own format strings see besides session and task: the job's symbols, its name and its `let` bindings.
///
/// The crate's own table for a step holds only what it found to be used, and misses the bindings of step environments.
fn step_symbols(
    job: &SymbolTable,
    step: &Step,
    lets: Option<&[String]>,
    context: &ValidationContext,
) -> Result<SymbolTable, ModelError> {
    let mut symbols = job.clone();
    if context.profile.has_extension(ModelExtension::Expr) {
        symbols.set("Step.Name", ExprValue::String(step.name.clone()))?;
        if let Some(lets) = lets {
            let library = FunctionLibrary::for_profile(&context.profile.to_expr_profile(HostContext::None));
            return evaluate_let_bindings(lets, &symbols, Some(&library), PathFormat::Posix);
        }
    }
    Ok(symbols)
}
