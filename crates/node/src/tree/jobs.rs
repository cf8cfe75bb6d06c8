//! The folder of all jobs: whoever is steward of one says so when it is asked.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use gridwell_model::{JobId, PeerId, RelPath, ShareName};
use gridwell_mount::TreePath;
use gridwell_wire::{BulkRequest, JobFolder};
use tokio::{io::AsyncReadExt as _, sync::Mutex};

use super::{Local, Roots, ShareAt, Tree, Whose};

/// What that folder is called, beside the machines.
pub(crate) const JOBS: &str = "jobs";
/// How long what machines said of their jobs is believed.
const FRESH: Duration = Duration::from_secs(1);
/// The same for a job that is known already: it rarely changes hands.
const KNOWN: Duration = Duration::from_secs(10);
/// Longest wait for a machine to tell of its jobs; those of one that is silent are not there then.
const ANSWER: Duration = Duration::from_secs(3);
/// Machines that are asked at the same time.
const AT_ONCE: usize = 16;

/// Jobs by what their folders are called.
type ByName = Arc<BTreeMap<String, ShareAt>>;

/// Who has which jobs, as was last told; cheap to clone. Held while machines are asked, so that they are asked once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jobs(Arc<Mutex<Option<(Instant, ByName)>>>);

/// What is meant by a path in the folder of all jobs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Below<'a> {
    Itself,
    /// The name of a job's folder, and the path below it.
    Job(&'a str, Option<RelPath>),
}

/// Where a path leads below the folder of all jobs, if it does.
pub(super) fn below(path: &TreePath) -> Option<Below<'_>> {
    let rest = path.as_bytes().strip_prefix(JOBS.as_bytes())?;
    if rest.is_empty() {
        return Some(Below::Itself);
    }
    let rest = rest.strip_prefix(b"/")?;
    let slash = rest.iter().position(|byte| *byte == b'/');
    let (job, rest) = slash.map_or((rest, None), |slash| (&rest[..slash], Some(&rest[slash + 1..])));
    let rest = rest.map(|rest| RelPath::new(rest).expect("the end of a checked path"));
    // No job's folder is called by other bytes.
    Some(Below::Job(std::str::from_utf8(job).unwrap_or_default(), rest))
}

impl Jobs {
    /// All jobs of all machines that answer.
    pub(super) async fn all(&self, tree: &Tree, roots: &Roots) -> ByName {
        self.not_older(FRESH, tree, roots).await
    }

    /// A job by the name of its folder, or by its id.
    pub(super) async fn find(&self, tree: &Tree, roots: &Roots, name: &str) -> Option<ShareAt> {
        let of = |all: &ByName| {
            let id = |at: &&ShareAt| matches!(at.id, Whose::Job(job) if job.to_string() == name);
            all.get(name).or_else(|| all.values().find(id)).cloned()
        };
        match of(&self.not_older(KNOWN, tree, roots).await) {
            Some(at) => Some(at),
            None => of(&self.not_older(FRESH, tree, roots).await),
        }
    }

    async fn not_older(&self, age: Duration, tree: &Tree, roots: &Roots) -> ByName {
        let mut known = self.0.lock().await;
        if let Some((_, jobs)) = known.as_ref().filter(|(asked, _)| asked.elapsed() < age) {
            return Arc::clone(jobs);
        }
        let jobs = Arc::new(gather(tree, roots).await);
        *known = Some((Instant::now(), Arc::clone(&jobs)));
        jobs
    }
}

async fn gather(tree: &Tree, roots: &Roots) -> BTreeMap<String, ShareAt> {
    let me = tree.transfer.me;
    let mut found = BTreeMap::new();
    for outputs in tree.transfer.ways.jobs().await {
        let at = at(me, tree.name_of(me), outputs.job(), Some(Local::Job(outputs.clone())));
        found.insert(outputs.job(), (outputs.shown().name.clone(), at));
    }
    let others = roots.machines().map(|(_, machine)| machine).filter(|machine| machine.online && machine.peer != me);
    let others: Vec<_> = others.map(|machine| (machine.peer, machine.name.clone())).collect();
    let asked = others.into_iter().map(|(peer, name)| {
        let tree = tree.clone();
        async move { (peer, name, ask(&tree, peer).await) }
    });
    let mut answers = futures::stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some((peer, machine, folders)) = answers.next().await {
        for JobFolder { job, name, .. } in folders {
            let at = at(peer, machine.clone(), job, None);
            found.entry(job).or_insert((name, at));
        }
    }
    found.into_iter().map(|(job, (name, at))| (folder_name(&name, job), at)).collect()
}

fn at(peer: PeerId, machine: String, job: JobId, local: Option<Local>) -> ShareAt {
    ShareAt { id: Whose::Job(job), peer, machine, online: true, local }
}

/// What a machine says of its jobs; nothing if it does not answer, or not in time.
async fn ask(tree: &Tree, peer: PeerId) -> Vec<JobFolder> {
    let asked = async {
        let mut fetched = tree.transfer.ask(peer, BulkRequest::Jobs).await.ok()?;
        if fetched.bytes > JobFolder::MAX_BYTES {
            return None;
        }
        let mut bytes = Vec::with_capacity(fetched.bytes as usize);
        fetched.read_to_end(&mut bytes).await.ok()?;
        let mut folders: Vec<JobFolder> = postcard::from_bytes(&bytes).ok()?;
        folders.truncate(JobFolder::MAX);
        Some(folders)
    };
    tokio::time::timeout(ANSWER, asked).await.ok().flatten().unwrap_or_default()
}

/// A job's name as every file system can write it, and its id, since many are called alike.
fn folder_name(name: &str, job: JobId) -> String {
    let safe = |letter: char| if ShareName::takes(letter) { letter } else { '-' };
    let name: String = name.chars().take(64).map(safe).collect();
    match name.trim_matches([' ', '.']) {
        "" => job.to_string(),
        name => format!("{name} ({job})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_all_jobs_to_one_or_elsewhere() {
        let path = |text: &str| super::super::parse(text.as_bytes()).unwrap();
        assert_eq!(below(&path("/jobs")), Some(Below::Itself));
        assert_eq!(below(&path("/jobs/a")), Some(Below::Job("a", None)));
        assert_eq!(below(&path("/jobs/a/b/c")), Some(Below::Job("a", Some(RelPath::new("b/c").unwrap()))));
        for elsewhere in ["/", "/jobsite", "/mill/jobs"] {
            assert_eq!(below(&path(elsewhere)), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_job_is_called_what_every_file_system_can_write() {
        let job = JobId([7; 10]);
        assert_eq!(folder_name("kitchen", job), format!("kitchen ({job})"));
        assert_eq!(folder_name("../a:b", job), format!("-a-b ({job})"));
        assert_eq!(folder_name(" .. ", job), job.to_string());
    }
}
