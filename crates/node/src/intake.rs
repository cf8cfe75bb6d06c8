//! From a request to a draft, and from a draft to a job whose inputs are hashed and kept. Runs beside the loop.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use gridwell_api::{
    ApiError, CommandRequest, DraftFile, DraftLeftOut, DraftView, ErrorCode, FolderContents, FrameRange, InTheWay,
    ParameterView, Repeat, SceneView, SubmitRequest,
};
use gridwell_job::{
    Draft, DraftError, DraftRequest, JobError, JobPlan, ParameterError, ParameterKind, Recipes, Template,
    blend::{BlendError, ReferenceKind},
    draft::{Command, Over, SceneFile, SceneFileState, What, draft},
    over::OverError,
};
use gridwell_model::{BlobId, InputFile, JobId, JobSpec, Needs, PeerId, Retry, Stamp, StepSpec, TaskSpans};
use gridwell_store::{BlobError, LandError, LandedFile, Store, check_folder};

use crate::{
    core::{Imported, keep_wish, landed_of, storage, write_down},
    disk::{Disk, Scenes},
    reuse::{Works, reuse},
};

/// Free room that an output folder must have at submit, in bytes: what results need nobody can tell.
const LEAST_ROOM: u64 = 1_000_000;

/// A draft as a door shows it, with the requirements that machines are checked against.
pub(crate) fn inspect(
    request: &SubmitRequest,
    recipes: &Recipes,
    disk: &Disk,
) -> Result<Vec<(DraftView, Needs)>, ApiError> {
    drafts(request, recipes, disk)?
        .into_iter()
        .map(|draft| {
            let plan =
                JobPlan::new(&draft.template, &draft.parameters).map_err(|error| job_error(&draft.name, &error))?;
            let mut needs = draft.needs.clone();
            for step in &draft.steps {
                needs.merge(step.needs.clone());
            }
            Ok((view(request, recipes, draft, &plan), needs))
        })
        .collect()
}

fn drafts(request: &SubmitRequest, recipes: &Recipes, disk: &Disk) -> Result<Vec<Draft>, ApiError> {
    if !(-100..=100).contains(&request.priority) {
        let message = format!("priority {} is not between -100 and 100", request.priority);
        return Err(ApiError::new(ErrorCode::BadValue, message));
    }
    if request.attempts.is_some_and(|attempts| !(1..=100).contains(&attempts)) {
        return Err(ApiError::new(ErrorCode::BadValue, "the number of attempts is not between 1 and 100"));
    }
    let (what, folder) = match (&request.command, request.paths.is_empty()) {
        (Some(command), true) => (What::Command(command_of(command)), PathBuf::from(&command.cwd)),
        (None, false) => (What::Paths(request.paths.iter().map(PathBuf::from).collect()), PathBuf::from("/")),
        (Some(_), false) => {
            return Err(ApiError::new(ErrorCode::BadRequest, "a submission has paths or a command, not both"));
        }
        (None, true) => return Err(ApiError::new(ErrorCode::BadRequest, "nothing to do: name a file or a command")),
    };
    let asked = DraftRequest {
        what,
        folder,
        frames: request.frames.clone(),
        output: request.output.as_ref().map(PathBuf::from),
        name: request.name.clone(),
        needs: request.needs.clone(),
        prefers: request.prefers.clone(),
        on: None,
        parameters: request.parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
    };
    let mut drafts = draft(&asked, recipes, disk).map_err(|error| draft_error(&error))?;
    for draft in &mut drafts {
        draft.needs.only_on.extend(request.on.iter().cloned());
        if let Some(secs) = request.stuck_secs {
            draft.session.stuck_secs = (secs > 0).then_some(secs);
        }
    }
    Ok(drafts)
}

fn command_of(command: &CommandRequest) -> Command {
    let over = match &command.repeat {
        Repeat::Once => None,
        Repeat::Array(count) => Some(Over::Array { count: *count }),
        Repeat::Over(text) => Some(Over::Text(text.clone())),
    };
    Command { argv: command.argv.clone(), over, outputs: command.outputs.clone(), continues: command.continues }
}

fn view(request: &SubmitRequest, recipes: &Recipes, draft: Draft, plan: &JobPlan) -> DraftView {
    let scenes = draft.blend.iter().flat_map(|card| &card.scenes).enumerate().map(|(at, scene)| SceneView {
        name: scene.name.clone(),
        frames: FrameRange { first: scene.start, last: scene.end, step: 1 },
        size: None,
        engine: String::new(),
        active: at == 0,
    });
    let scenes = scenes.collect();
    let recipe = recipes.get(&draft.recipe);
    let title = recipe.map_or_else(|| draft.recipe.clone(), |recipe| recipe.title.clone());
    let tools = draft.tool.iter().map(|tool| format!("tool:{tool}"));
    let all_cores = recipe.filter(|recipe| recipe.needs.all_cores).map(|_| "cores = all".to_owned());
    let file_count = draft.inputs.len() as u64;
    let file_bytes = draft.inputs.iter().map(|path| size_of(path)).sum();
    let SceneFiles { kinds, missing, packed } = scene_files(draft.refers);
    let input = |path: String| DraftFile {
        size_bytes: size_of(&path),
        purpose: kinds.get(&path).map_or_else(|| purpose(&path, request), |kind| kind.word().to_owned()),
        path,
        closest: None,
    };
    DraftView {
        paths: request.paths.clone(),
        recipe: draft.recipe,
        title: format!("{title}: {}", draft.name),
        name: draft.name,
        scenes,
        task_word: if draft.frames.is_some() { "frame" } else { "task" }.to_owned(),
        frames: draft.frames,
        task_count: draft.task_count,
        steps: plan.steps().iter().map(|step| (step.name.clone(), u64::from(step.task_count))).collect(),
        tools: tools.clone().collect(),
        needs: request.needs.iter().cloned().chain(tools).chain(all_cores).collect(),
        files: draft.inputs.into_iter().take(DraftView::MAX_FILES).map(input).collect(),
        file_count,
        file_bytes,
        left_out: DraftLeftOut { files: draft.left_out.files, folders: draft.left_out.folders },
        missing,
        packed,
        output: draft.output_folders.first().cloned().unwrap_or_default(),
        parameters: parameters(&draft.template, &draft.parameters),
        facts: draft.facts,
        warnings: draft.warnings,
        machines: Vec::new(),
    }
}

fn size_of(path: &str) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

/// What a scene refers to: kinds of the files that are here, and the files that are not.
#[derive(Default)]
struct SceneFiles {
    kinds: BTreeMap<String, ReferenceKind>,
    missing: Vec<DraftFile>,
    packed: Vec<DraftFile>,
}

fn scene_files(refers: Vec<SceneFile>) -> SceneFiles {
    let mut found = SceneFiles::default();
    for SceneFile { path, kind, state } in refers {
        let (list, closest) = match state {
            SceneFileState::Here => {
                found.kinds.insert(path, kind);
                continue;
            }
            SceneFileState::Missing { closest } => (&mut found.missing, closest),
            SceneFileState::Packed => (&mut found.packed, None),
        };
        if list.len() < DraftView::MAX_FILES {
            list.push(DraftFile { path, size_bytes: 0, purpose: kind.word().to_owned(), closest });
        }
    }
    found
}

/// What a file that no scene refers to is for, by its name.
fn purpose(path: &str, request: &SubmitRequest) -> String {
    let named = request.paths.iter().any(|asked| asked == path);
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_lowercase().as_str() {
        "blend" if named => "scene",
        "blend" => "library",
        "png" | "jpg" | "jpeg" | "exr" | "tif" | "tiff" | "hdr" | "webp" => "image",
        _ => "file",
    }
    .to_owned()
}

fn parameters(template: &str, values: &[(String, String)]) -> Vec<ParameterView> {
    let Ok(template) = Template::decode(template) else {
        return Vec::new();
    };
    let values: BTreeMap<_, _> = values.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let parameter = |parameter: &gridwell_job::Parameter| ParameterView {
        value: values.get(parameter.name.as_str()).map(|value| (*value).clone()).or_else(|| parameter.default.clone()),
        name: parameter.name.clone(),
        kind: format!("{:?}", parameter.kind).to_uppercase(),
        description: parameter.description.clone().unwrap_or_default(),
        choices: parameter.allowed.clone(),
    };
    // A list of paths is what was dropped, which is listed as files: as a value it could be megabytes.
    let is_shown = |parameter: &&gridwell_job::Parameter| parameter.kind != ParameterKind::ListPath;
    template.parameters().iter().filter(is_shown).map(parameter).collect()
}

/// Turns drafts into jobs.
pub(crate) struct Import {
    pub(crate) recipes: Arc<Recipes>,
    pub(crate) scenes: Scenes,
    pub(crate) store: Store,
    pub(crate) origin: PeerId,
    pub(crate) stamp: Stamp,
}

impl Import {
    /// Reads, checks, hashes and keeps everything; nothing is started, and after an error nothing is left of it but hashes.
    pub(crate) async fn run(&self, request: SubmitRequest) -> Result<Vec<Imported>, ApiError> {
        let recipes = Arc::clone(&self.recipes);
        let (asked, disk) = (request.clone(), Disk::new(self.scenes.clone()));
        let drafts = tokio::task::spawn_blocking(move || {
            let drafts = drafts(&asked, &recipes, &disk)?;
            for folder in drafts.iter().flat_map(|draft| &draft.output_folders) {
                check_folder(Path::new(folder), LEAST_ROOM).map_err(|error| land_error(&error))?;
            }
            Ok::<_, ApiError>(drafts)
        });
        let drafts = drafts.await.unwrap_or_else(|error| Err(ApiError::bug(error.to_string())))?;
        let mut jobs = Vec::with_capacity(drafts.len());
        for draft in drafts {
            jobs.push(self.import(draft, &request).await?);
        }
        Ok(jobs)
    }

    async fn import(&self, draft: Draft, request: &SubmitRequest) -> Result<Imported, ApiError> {
        let plan = JobPlan::new(&draft.template, &draft.parameters).map_err(|error| job_error(&draft.name, &error))?;
        let steps = self.steps(&draft);
        let draft_retry = draft.retry;
        let mut warnings: Vec<_> = draft.warnings.iter().cloned().chain(draft.missing_words()).collect();
        let mut inputs = Vec::with_capacity(draft.inputs.len());
        for path in draft.inputs {
            let (blob, size_bytes) =
                self.store.blobs().reference(Path::new(&path)).await.map_err(|error| blob_error(&error))?;
            let executable = is_executable(&path);
            inputs.push(InputFile { path, size_bytes, blob, executable });
        }
        let spec = JobSpec {
            id: JobId(crate::start::random()),
            name: draft.name,
            origin: self.origin,
            submitted: self.stamp,
            recipe: draft.recipe,
            template: draft.template,
            parameters: draft.parameters,
            inputs,
            output_folders: draft.output_folders,
            output_globs: draft.output_globs,
            steps,
            retry: retry(draft_retry, request),
            session: draft.session,
            same_look: request.same_look.unwrap_or(draft.same_look),
        };
        let bytes = postcard::to_stdvec(&spec).expect("a spec is plain data");
        let spec_bytes = bytes.len() as u64;
        let _until_pinned = self.store.blobs().hold(BlobId::of(&bytes));
        let spec_blob = self.store.blobs().put(bytes).await.map_err(|error| blob_error(&error))?;
        // Inputs too: other machines read them here, also after a restart.
        let mut needed: Vec<_> = spec.input_blobs().into_iter().map(|(blob, _)| blob).collect();
        needed.push(spec_blob);
        self.store.blobs().pin(spec.id, needed).await.map_err(|error| blob_error(&error))?;
        let (spec, plan) = (Arc::new(spec), Arc::new(plan));
        let in_the_way = if request.overwrite { InTheWay::Replace } else { InTheWay::Keep };
        keep_wish(&self.store, spec.id, in_the_way).await.map_err(|error| storage(&error))?;
        let (reused, landed) = match request.fresh {
            true => (BTreeMap::new(), Vec::new()),
            false => self.reuse(&spec, &plan, request.overwrite).await,
        };
        warnings.extend(reused_words(&spec, &reused));
        Ok(Imported {
            spec,
            plan,
            spec_blob,
            spec_bytes,
            priority: if request.priority == 0 { draft.priority.unwrap_or(0) } else { request.priority },
            held: request.hold,
            warnings,
            reused,
            landed,
            in_the_way,
        })
    }

    /// Brings home what earlier jobs made of the same: the tasks that need not run, and what they made.
    async fn reuse(
        &self,
        spec: &Arc<JobSpec>,
        plan: &Arc<JobPlan>,
        replace: bool,
    ) -> (BTreeMap<u32, TaskSpans>, Vec<LandedFile>) {
        let (asked, plan) = (Arc::clone(spec), Arc::clone(plan));
        let works = tokio::task::spawn_blocking(move || Works::of(&asked, &plan)).await;
        let Some(works) = works.ok().flatten() else { return (BTreeMap::new(), Vec::new()) };
        let reused = reuse(&self.store, spec, &works, replace).await;
        let files = reused.files.into_iter().map(|(task, file)| (landed_of(&file, task, self.stamp), file));
        let files: Vec<_> = files.collect();
        write_down(&self.store, spec, &files).await;
        (reused.tasks, files.into_iter().map(|(landed, _)| landed).collect())
    }

    /// The template's steps with what the recipe and the person ask for on top.
    fn steps(&self, draft: &Draft) -> Vec<StepSpec> {
        let step = |step: &StepSpec| {
            let mut step = step.clone();
            step.needs.merge(draft.needs.clone());
            step.prefers.extend(draft.prefers.iter().cloned());
            if draft.steps_at_origin.contains(&step.name) {
                step.needs.only_on = vec![self.origin.to_string()];
            }
            step
        };
        draft.steps.iter().map(step).collect()
    }
}

/// What people are told of tasks that need not run.
fn reused_words(spec: &JobSpec, reused: &BTreeMap<u32, TaskSpans>) -> Option<String> {
    let count: u64 = reused.values().map(|tasks| u64::from(tasks.count())).sum();
    let all = spec.task_count();
    (count > 0).then(|| {
        format!("{count} of {all} tasks were done by an earlier job of the same: their results are used again (anew: --fresh)")
    })
}

/// How failures are treated: a command that runs once is taken at its word, like one typed at a prompt.
fn retry(asked: Option<Retry>, request: &SubmitRequest) -> Retry {
    let once = request.command.as_ref().is_some_and(|command| command.repeat == Repeat::Once);
    let usual = if once { Retry { max_attempts: 1, ..Retry::default() } } else { Retry::default() };
    let retry = asked.unwrap_or(usual);
    Retry { max_attempts: request.attempts.unwrap_or(retry.max_attempts), ..retry }
}

fn is_executable(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o100 != 0)
}

fn draft_error(error: &DraftError) -> ApiError {
    let code = match error {
        DraftError::Empty => ErrorCode::BadRequest,
        DraftError::NotUtf8 { .. } => ErrorCode::NotUtf8,
        DraftError::NotAbsolute { .. } => ErrorCode::BadRequest,
        DraftError::Missing { .. } => ErrorCode::MissingFile,
        DraftError::Unreadable { .. } => ErrorCode::Unreadable,
        DraftError::NotAFile { .. } | DraftError::UnknownKind { .. } | DraftError::UnknownFolder { .. } => {
            ErrorCode::UnknownFile
        }
        DraftError::Duplicate { .. } | DraftError::NameForMany { .. } => ErrorCode::DuplicateName,
        DraftError::BadName { .. } => ErrorCode::BadValue,
        DraftError::Blend { source, .. } => match source {
            BlendError::NotABlend { .. } => ErrorCode::NotABlend,
            _ => ErrorCode::DamagedBlend,
        },
        DraftError::Scene { .. } => ErrorCode::TemplateRefused,
        DraftError::Frames(error) => over_code(error),
        DraftError::NoFrames { .. } | DraftError::FrameTooLow { .. } | DraftError::FrameTooHigh { .. } => {
            ErrorCode::BadRange
        }
        DraftError::OutputNotAFolder { .. } | DraftError::OutputUnreadable { .. } => ErrorCode::OutputNotWritable,
        DraftError::FramesUnknown { .. } => ErrorCode::EmptyRange,
        DraftError::Needs(_) | DraftError::Prefers(_) => ErrorCode::BadRequirement,
        DraftError::Placeholder { .. } | DraftError::OutputGlob { .. } => ErrorCode::BadValue,
        DraftError::Recipe(_) => ErrorCode::TemplateRefused,
        DraftError::TooManyFiles { .. } => ErrorCode::TooLarge,
        DraftError::Job { source, .. } => job_code(source),
        DraftError::Bundle { .. } => ErrorCode::TemplateRefused,
    };
    let refusal = ApiError::new(code, error.to_string()).help(draft_help(error));
    match *error {
        DraftError::UnknownFolder { files, size_bytes, at_least, .. } => {
            refusal.holds(FolderContents { files, size_bytes, at_least })
        }
        _ => refusal,
    }
}

/// What to do about an error whose code alone does not say it; may be empty.
fn draft_help(error: &DraftError) -> String {
    match error {
        DraftError::UnknownKind { path } | DraftError::UnknownFolder { path, .. } => {
            format!("run a program on it: gridwell exec -- PROGRAM '{path}'")
        }
        DraftError::NotAFile { .. } => "name a file or a folder".to_owned(),
        DraftError::NameForMany { .. } => "leave --name out, or submit one file at a time".to_owned(),
        DraftError::NoFrames { .. } => "leave --frames out".to_owned(),
        DraftError::FramesUnknown { .. } => "add --frames, for example --frames 1-24".to_owned(),
        DraftError::TooManyFiles { .. } => "name the ones that matter".to_owned(),
        DraftError::Blend { source: BlendError::NotABlend { .. }, .. } => {
            "check that it is the right file, and that it was copied whole".to_owned()
        }
        DraftError::Frames(error) => match error {
            OverError::NoneAsked => "say how many: --array 100",
            OverError::NothingMatches { .. } => "put the pattern in quotes; it is read from the folder that you are in",
            OverError::Overlap { .. } => "name each number once",
            OverError::TooMany { .. } => "make several jobs of it",
            OverError::BadCsv { .. } => "the first line names the columns, every further line is one task",
            _ => "",
        }
        .to_owned(),
        _ => String::new(),
    }
}

fn over_code(error: &OverError) -> ErrorCode {
    match error {
        OverError::Empty { .. } | OverError::NothingMatches { .. } | OverError::NoneAsked => ErrorCode::EmptyRange,
        OverError::TooMany { .. } => ErrorCode::RangeTooLarge,
        OverError::Unlistable { .. } => ErrorCode::Unreadable,
        OverError::NotUtf8 { .. } => ErrorCode::NotUtf8,
        OverError::BadCsv { .. } => ErrorCode::BadValue,
        _ => ErrorCode::BadRange,
    }
}

fn job_code(error: &JobError) -> ErrorCode {
    match error {
        JobError::Template(_) => ErrorCode::TemplateRefused,
        JobError::Parameters(ParameterError::Unknown { .. }) => ErrorCode::UnknownParameter,
        JobError::Parameters(_) => ErrorCode::BadParameter,
        JobError::TooManyTasks { .. } => ErrorCode::RangeTooLarge,
    }
}

fn job_error(name: &str, error: &JobError) -> ApiError {
    ApiError::new(job_code(error), format!("'{name}': {error}"))
}

fn blob_error(error: &BlobError) -> ApiError {
    let code = match error {
        BlobError::Missing { .. } => ErrorCode::MissingFile,
        BlobError::NoRoom { .. } => ErrorCode::DiskFull,
        BlobError::Store(_) => ErrorCode::Storage,
        _ => ErrorCode::Unreadable,
    };
    ApiError::new(code, crate::core::sentence(error))
}

fn land_error(error: &LandError) -> ApiError {
    let code = match error {
        LandError::Full { .. } => ErrorCode::DiskFull,
        _ => ErrorCode::OutputNotWritable,
    };
    ApiError::new(code, crate::core::sentence(error)).help("choose another folder with --output DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn inputs_can_be_read_by_other_machines_after_a_restart() {
        let temp = tempfile::tempdir().unwrap();
        let (data, script) = (temp.path().join("data"), temp.path().join("run.sh"));
        fs::write(&script, "true").unwrap();
        let store = Store::open(&data).unwrap();
        let import = Import {
            recipes: Arc::new(Recipes::new(&[]).unwrap()),
            scenes: Scenes::default(),
            store: store.clone(),
            origin: PeerId([1; 32]),
            stamp: Stamp(0),
        };
        let request = SubmitRequest { paths: vec![script.to_string_lossy().into_owned()], ..SubmitRequest::default() };
        let jobs = import.run(request).await.unwrap();
        let inputs = jobs[0].spec.input_blobs();
        assert_eq!(inputs.len(), 1);
        store.close().await;
        drop(import);

        let store = Store::open(&data).unwrap();

        assert!(store.blobs().contains(inputs[0].0));
    }
}
