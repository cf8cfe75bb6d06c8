//! What this machine must know of a job before it runs its tasks: the spec and the inputs, fetched from its steward.

use std::{path::PathBuf, sync::Arc};

use gridwell_job::{JobPlan, PathRule, Recipes, recipe::Proof};
use gridwell_model::{BlobId, JobId, JobSpec, PeerId};
use gridwell_worker::{Input, SpecView, StepView};

use super::{Core, Fact, guest::Guest, steward::sentence};
use crate::{
    clock,
    transfer::{Transfer, TransferError},
};

/// Largest job spec that is read from another machine: a template of 1 MiB and a long list of inputs.
const MAX_SPEC_BYTES: u64 = 32 * 1024 * 1024;

impl Core {
    pub(super) fn fetch_spec(&mut self, job: JobId, spec: BlobId, spec_bytes: u64, from: PeerId) {
        if let Some(home) = self.homes.get(&job).filter(|_| from == self.me) {
            let read = Ok((Arc::clone(&home.spec), Arc::clone(&home.plan)));
            self.on_spec_read(job, from, read);
            return;
        }
        let transfer = self.transfer.clone();
        self.spawn(async move {
            let read = read_spec(&transfer, job, spec, spec_bytes, from).await;
            Fact::SpecRead(job, from, read)
        });
    }

    pub(crate) fn on_spec_read(
        &mut self,
        job: JobId,
        steward: PeerId,
        read: Result<(Arc<JobSpec>, Arc<JobPlan>), String>,
    ) {
        let input = match read {
            Ok((spec, plan)) => {
                let view = spec_view(&spec, &plan, &self.machines.recipes(), spec.origin == self.me);
                self.guests.insert(job, Guest::new(spec, plan, steward));
                Input::SpecReady { job, spec: view }
            }
            Err(reason) => Input::SpecFailed { job, reason },
        };
        self.worker.handle(input, clock::now());
    }

    pub(super) fn fetch_inputs(&mut self, job: JobId, from: PeerId) {
        let Some(guest) = self.guests.get(&job) else {
            return;
        };
        if self.reads_through(&guest.spec) {
            return self.read_through(job);
        }
        let (transfer, spec, root) = (self.transfer.clone(), Arc::clone(&guest.spec), self.staged(job));
        self.spawn(async move { Fact::Staged(job, transfer.stage(&spec, &root, from).await) });
    }

    pub(crate) fn on_staged(&mut self, job: JobId, result: Result<Vec<PathRule>, TransferError>) {
        let input = match (result, self.guests.get_mut(&job)) {
            (Ok(rules), Some(guest)) => {
                guest.rules = rules;
                Input::InputsReady { job }
            }
            // It was forgotten meanwhile.
            (Ok(_), None) => return self.reading.folders.hide(job),
            (Err(error), _) => Input::InputsFailed { job, reason: sentence(&error) },
        };
        self.worker.handle(input, clock::now());
    }

    pub(super) fn staged(&self, job: JobId) -> PathBuf {
        self.data.join("jobs").join(job.to_string())
    }
}

async fn read_spec(
    transfer: &Transfer,
    job: JobId,
    spec: BlobId,
    spec_bytes: u64,
    from: PeerId,
) -> Result<(Arc<JobSpec>, Arc<JobPlan>), String> {
    if spec_bytes > MAX_SPEC_BYTES {
        return Err(format!("the job's description of {spec_bytes} bytes exceeds the limit of {MAX_SPEC_BYTES}"));
    }
    let bytes = transfer.read(spec, spec_bytes, job, from).await.map_err(|error| sentence(&error))?;
    let read = tokio::task::spawn_blocking(move || understand(job, &bytes));
    read.await.unwrap_or_else(|error| Err(error.to_string()))
}

fn understand(job: JobId, bytes: &[u8]) -> Result<(Arc<JobSpec>, Arc<JobPlan>), String> {
    let spec: JobSpec = postcard::from_bytes(bytes).map_err(|_| "the job's description is unreadable".to_owned())?;
    if spec.id != job {
        return Err("the job's description belongs to another job".to_owned());
    }
    let plan = JobPlan::new(&spec.template, &spec.parameters).map_err(|error| sentence(&error))?;
    let counts = |steps: &[gridwell_model::StepSpec]| steps.iter().map(|step| step.task_count).collect::<Vec<_>>();
    if counts(plan.steps()) != counts(&spec.steps) {
        return Err("the job's description contradicts its template".to_owned());
    }
    Ok((Arc::new(spec), Arc::new(plan)))
}

fn spec_view(spec: &JobSpec, plan: &JobPlan, recipes: &Recipes, mine: bool) -> SpecView {
    let step = |(at, step): (usize, &gridwell_model::StepSpec)| StepView {
        environments: u64::from(plan.environment_key(at as u32).unwrap_or(at as u32)),
        row: step.chunking.map(|chunking| chunking.row),
    };
    let limits = (0_u32..).zip(&spec.steps).map(|(at, step)| (at, step.needs.limits()));
    SpecView {
        has_inputs: !mine && !spec.inputs.is_empty(),
        has_outputs: !spec.output_folders.is_empty(),
        needs_outputs: recipes.get(&spec.recipe).is_some_and(|recipe| recipe.proof == Proof::File),
        continues: spec.session.continues,
        steps: spec.steps.iter().enumerate().map(step).collect(),
        limits: limits.filter(|(_, needs)| !needs.is_empty()).collect(),
    }
}
