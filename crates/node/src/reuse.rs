//! Which tasks of a job need not run: an earlier job made the same from the same.

use std::{collections::BTreeMap, path::Path};

use gridwell_job::{JobPlan, PathRule, PathStyle, SessionContext};
use gridwell_model::{
    ActionPlan, EdgeKind, EnvironmentPlan, JobSpec, OutputFile, TaskKey, TaskSpan, TaskSpans, WorkId,
};
use gridwell_store::Store;
use serde::{Deserialize, Serialize};

use crate::{
    core::sentence,
    transfer::{overwrite, place_in},
};

/// Jobs with more tasks are not looked at: that would take a second.
const MOST_TASKS: u64 = 20_000;
/// Where a session lies in the description of work: nowhere in particular.
const FOLDER: &str = "/session";

/// The work of each task of a job, by step and position.
#[derive(Debug)]
pub(crate) struct Works(Vec<Vec<WorkId>>);

/// What a piece of work made, as it is kept.
#[derive(Serialize, Deserialize)]
struct Made {
    folders: Vec<String>,
    files: Vec<OutputFile>,
}

/// All that decides what a task makes, as far as anybody can tell.
#[derive(Serialize)]
struct Work<'a> {
    program: &'a str,
    args: &'a [String],
    files: Vec<(&'a Path, &'a str)>,
    step: WorkId,
    /// A program may read them though its command does not name them.
    parameters: Vec<(String, String)>,
    /// What the tasks made that it waited for: the one of the same number.
    after: Vec<WorkId>,
}

/// What is the same for all tasks of a step.
#[derive(Serialize)]
struct StepWork<'a> {
    inputs: Vec<(&'a str, &'a [u8; 32], bool)>,
    output_folders: usize,
    output_globs: &'a [String],
    environments: Vec<Environment<'a>>,
    /// What whole steps made that it waited for.
    after: Vec<WorkId>,
}

#[derive(Serialize)]
struct Environment<'a> {
    variables: &'a [(String, String)],
    enter: Option<Program<'a>>,
    exit: Option<Program<'a>>,
}

#[derive(Serialize)]
struct Program<'a> {
    program: &'a str,
    args: &'a [String],
    files: Vec<(&'a Path, &'a str)>,
}

impl Works {
    /// Says what each task of a job is; `None` for jobs of which nothing is kept: those that make no files, very large ones, and those whose
    /// template does not resolve here.
    pub(crate) fn of(spec: &JobSpec, plan: &JobPlan) -> Option<Self> {
        if spec.output_folders.is_empty() || spec.task_count() > MOST_TASKS {
            return None;
        }
        let mut works: Vec<Option<Vec<WorkId>>> = vec![None; spec.steps.len()];
        // Steps wait for others in any order, never in a circle.
        while let Some(step) = (0..spec.steps.len()).find(|step| {
            let after = &spec.steps[*step].after;
            works[*step].is_none() && after.iter().all(|edge| works[edge.step as usize].is_some())
        }) {
            works[step] = Some(of_step(spec, plan, step as u32, &works)?);
        }
        works.into_iter().collect::<Option<_>>().map(Self)
    }

    pub(crate) fn get(&self, task: TaskKey) -> Option<WorkId> {
        self.0.get(task.step as usize)?.get(task.index as usize).copied()
    }

    /// Files that landed in `folders`, by the work that made them, as they are kept.
    pub(crate) fn made(
        &self,
        folders: &[String],
        files: impl Iterator<Item = (TaskKey, OutputFile)>,
    ) -> Vec<(WorkId, Vec<u8>)> {
        let mut made: BTreeMap<WorkId, Vec<OutputFile>> = BTreeMap::new();
        for (task, file) in files {
            if let Some(work) = self.get(task) {
                made.entry(work).or_default().push(file);
            }
        }
        let written = |files| {
            let made = Made { folders: folders.to_vec(), files };
            postcard::to_stdvec(&made).expect("paths and numbers are plain data")
        };
        made.into_iter().map(|(work, files)| (work, written(files))).collect()
    }
}

fn of_step(spec: &JobSpec, plan: &JobPlan, step: u32, known: &[Option<Vec<WorkId>>]) -> Option<Vec<WorkId>> {
    let stand_in = |(position, folder): (usize, &String)| PathRule {
        style: PathStyle::Posix,
        source: folder.clone(),
        destination: format!("/out/{position}"),
    };
    // Results that go elsewhere are the same results.
    let paths = spec.output_folders.iter().enumerate().map(stand_in).collect();
    let context = SessionContext { paths, style: PathStyle::Posix, ..SessionContext::new(FOLDER) };
    let told = |error| tracing::debug!(error = sentence(&error), job = %spec.id, "what a task is was not understood");
    let mut runtime = plan.session(step, &context).map_err(told).ok()?;
    let environments = runtime.environments().to_vec();
    let made = |edge: u32| known[edge as usize].as_deref().unwrap_or_default();
    let edges = &spec.steps[step as usize].after;
    let whole = edges.iter().filter(|edge| edge.kind != EdgeKind::SameIndex).map(|edge| id_of(&made(edge.step)));
    let of_all = id_of(&StepWork {
        inputs: spec.inputs.iter().map(|input| (input.path.as_str(), &input.blob.0, input.executable)).collect(),
        output_folders: spec.output_folders.len(),
        output_globs: &spec.output_globs,
        environments: environments.iter().map(environment).collect(),
        after: whole.collect(),
    });
    let tasks = 0..spec.steps[step as usize].task_count;
    let work = |index: u32| {
        let span = TaskSpan::new(index, index + 1);
        let action = runtime.task(span).map_err(told).ok()?;
        let parameters = plan.task_parameters(step, span).map_err(told).ok()?;
        let parameters = parameters.into_iter().map(|parameter| (parameter.name, parameter.value)).collect();
        let Program { program, args, files } = described(&action);
        let same = edges.iter().filter(|edge| edge.kind == EdgeKind::SameIndex);
        let after = same.filter_map(|edge| made(edge.step).get(index as usize).copied()).collect();
        Some(id_of(&Work { program, args, files, step: of_all, parameters, after }))
    };
    tasks.map(work).collect()
}

fn environment(plan: &EnvironmentPlan) -> Environment<'_> {
    let (enter, exit) = (plan.enter.as_ref().map(described), plan.exit.as_ref().map(described));
    Environment { variables: &plan.variables, enter, exit }
}

fn described(action: &ActionPlan) -> Program<'_> {
    let files = action.files.iter().map(|file| (file.path.as_path(), file.text.as_str())).collect();
    Program { program: &action.program, args: &action.args, files }
}

fn id_of<T: Serialize + ?Sized>(what: &T) -> WorkId {
    let bytes = postcard::to_stdvec(what).expect("texts and numbers are plain data");
    WorkId(blake3::derive_key("gridwell 2026 work of a task", &bytes))
}

/// Tasks of a new job whose results are home already, and those results.
#[derive(Debug, Default)]
pub(crate) struct Reused {
    pub(crate) tasks: BTreeMap<u32, TaskSpans>,
    pub(crate) files: Vec<(TaskKey, OutputFile)>,
}

/// Looks for what earlier jobs made of the same, and brings it where this one wants it.
pub(crate) async fn reuse(store: &Store, spec: &JobSpec, works: &Works, replace: bool) -> Reused {
    let mut reused = Reused::default();
    for (step, works) in (0_u32..).zip(&works.0) {
        let made = match store.made(works.clone()).await {
            Ok(made) => made,
            Err(error) => {
                tracing::warn!(%error, job = %spec.id, "results of earlier jobs cannot be looked up");
                return reused;
            }
        };
        for (index, made) in (0_u32..).zip(made) {
            let made = made.and_then(|made| postcard::from_bytes::<Made>(&made).ok());
            let Some(made) = made else { continue };
            if bring(store, spec, &made, replace).await {
                let task = TaskKey { step, index };
                reused.tasks.entry(step).or_default().insert(TaskSpan::new(index, index + 1));
                reused.files.extend(made.files.into_iter().map(|file| (task, file)));
            }
        }
    }
    reused
}

/// True if all of these files are where the job wants them, whole. What is somebody's stays there, as with everything that lands.
async fn bring(store: &Store, spec: &JobSpec, made: &Made, replace: bool) -> bool {
    for file in &made.files {
        let folders = [&made.folders, &spec.output_folders].map(|folders| folders.get(file.folder as usize));
        let [Some(before), Some(folder)] = folders else { return false };
        let before = place_in(Path::new(before), &file.path);
        let place = (Path::new(folder), &file.path, file.executable);
        let overwrite = overwrite(store, &place_in(Path::new(folder), &file.path), replace).await;
        let landed = store.blobs().land_again(file.blob, &before, place, overwrite, spec.submitted);
        match landed.await {
            Ok(true) => {}
            Ok(false) => return false,
            Err(error) => {
                tracing::debug!(%error, job = %spec.id, "what an earlier job made is made again");
                return false;
            }
        }
    }
    !made.files.is_empty()
}
