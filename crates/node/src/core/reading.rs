//! Jobs that read their files where they lie, through a mount of this machine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use gridwell_job::PathRule;
use gridwell_model::{JobId, JobSpec};
use gridwell_mount::{MountError, MountOptions, Mounted};
use tokio::runtime::Handle;

use super::{Core, Fact, guest::Guest, steward::sentence};
use crate::{
    transfer::{Transfer, TransferError, rules_through},
    tree::{JOB_PATIENCE, JobFiles, JobFolders},
};

/// Jobs whose files are smaller together, in bytes, have them brought before they start: that takes no longer than a look, and
/// whoever runs such a job can give its files to others.
const BROUGHT_BYTES: u64 = 16 * 1024 * 1024;

/// What jobs read here without having it.
pub(crate) struct Reading {
    pub(super) folders: JobFolders,
    mount: JobMount,
}

enum JobMount {
    /// No job wanted it yet.
    Unwanted,
    /// These jobs wait for it.
    Coming(Vec<JobId>),
    Here(Mounted),
    /// It cannot be: files are brought before jobs start.
    Never,
}

impl Reading {
    pub(crate) const fn new(folders: JobFolders) -> Self {
        Self { folders, mount: JobMount::Unwanted }
    }

    /// Takes the mount away with the node.
    pub(super) async fn close(self) {
        let JobMount::Here(mounted) = self.mount else { return };
        if tokio::task::spawn_blocking(move || mounted.unmount()).await.is_err() {
            tracing::warn!("the mount of jobs did not end well");
        }
    }
}

impl Core {
    /// True if a job reads its files where they lie, as far as this machine can.
    pub(super) fn reads_through(&self, spec: &JobSpec) -> bool {
        spec.origin != self.me && spec.input_bytes() > BROUGHT_BYTES && !matches!(self.reading.mount, JobMount::Never)
    }

    /// Shows a job its files; the mount is made for the first one.
    pub(super) fn read_through(&mut self, job: JobId) {
        match &mut self.reading.mount {
            // Nobody comes here where it cannot be.
            JobMount::Here(_) | JobMount::Never => self.show_inputs(job),
            JobMount::Coming(waiting) => waiting.push(job),
            JobMount::Unwanted => {
                self.reading.mount = JobMount::Coming(vec![job]);
                let (folders, dir, runtime) =
                    (Arc::new(self.reading.folders.clone()), self.job_mount(), Handle::current());
                // The tree gives up first, and says why.
                let options = MountOptions { read_deadline: JOB_PATIENCE * 2, ..MountOptions::default() };
                self.spawn(async move {
                    let mount = move || gridwell_mount::mount(folders, &dir, &options, &runtime);
                    let mounted = tokio::task::spawn_blocking(mount).await;
                    Fact::JobsMounted(mounted.map_err(|error| error.to_string()))
                });
            }
        }
    }

    pub(super) fn on_jobs_mounted(&mut self, mounted: Result<Result<Mounted, MountError>, String>) {
        let now = match mounted.and_then(|mounted| mounted.map_err(|error| sentence(&error))) {
            Ok(mounted) => JobMount::Here(mounted),
            Err(why) => {
                tracing::info!(why, "jobs cannot read files where they lie: they are brought before a job starts");
                JobMount::Never
            }
        };
        let JobMount::Coming(waiting) = std::mem::replace(&mut self.reading.mount, now) else { return };
        // Shown, or staged where they cannot be.
        for job in waiting {
            if let Some(steward) = self.guests.get(&job).map(Guest::steward) {
                self.fetch_inputs(job, steward);
            }
        }
    }

    fn show_inputs(&mut self, job: JobId) {
        let Some(guest) = self.guests.get(&job) else { return };
        let (spec, steward) = (Arc::clone(&guest.spec), guest.follow_steward());
        let (transfer, folders, root) =
            (self.transfer.clone(), self.reading.folders.clone(), self.job_mount().join(job.to_string()));
        self.spawn(async move {
            let shown = show(&transfer, &spec, &root).await;
            if shown.is_ok() {
                folders.show(JobFiles::new(spec, steward));
            }
            Fact::Staged(job, shown)
        });
    }

    pub(super) fn job_mount(&self) -> PathBuf {
        self.data.join("reading")
    }
}

/// What comes of the job's files stays while it runs; returns the rules that lead its programs to them.
async fn show(transfer: &Transfer, spec: &JobSpec, root: &Path) -> Result<Vec<PathRule>, TransferError> {
    let rules = rules_through(spec, root)?;
    transfer.blobs.pin(spec.id, spec.inputs.iter().map(|input| input.blob).collect()).await?;
    Ok(rules)
}
