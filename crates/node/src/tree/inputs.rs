//! The files that jobs of other machines read, as a folder for each job: `/JOB/path/at/the/origin`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use gridwell_files::{AheadMode, ReadAhead};
use gridwell_model::{InputFile, JobId, JobSpec, PeerId};
use gridwell_mount::{Entry, Kind, Listing, TreeError as Fault, TreePath};
use gridwell_store::BlobFile;
use tokio::sync::watch;

use super::{
    OpenFile, Tree, TreeError,
    fetching::Fetching,
    mounted::fault,
    names::{Child, Names},
    origin::{InputAt, Origin},
};

/// What the jobs read that run here; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct JobFolders {
    tree: Tree,
    jobs: Arc<Mutex<BTreeMap<String, Arc<JobFiles>>>>,
}

/// What one job reads.
#[derive(Debug)]
pub(crate) struct JobFiles {
    spec: Arc<JobSpec>,
    names: Names,
    steward: watch::Receiver<PeerId>,
}

impl JobFiles {
    /// What `spec` lists, by plain absolute paths; `steward` is who has it, at any time.
    pub(crate) fn new(spec: Arc<JobSpec>, steward: watch::Receiver<PeerId>) -> Self {
        let names = Names::of(spec.inputs.iter().map(|input| input.path.trim_start_matches('/').as_bytes()));
        Self { spec, names, steward }
    }

    fn input(&self, number: usize) -> &InputFile {
        &self.spec.inputs[number]
    }

    fn entry(&self, child: Child) -> Entry {
        let modified_ns = i64::try_from(self.spec.submitted.0).unwrap_or_default().saturating_mul(1_000_000);
        let folder = Entry { modified_ns, ..Entry::folder() };
        let Child::File(number) = child else { return folder };
        let input = self.input(number);
        Entry {
            kind: Kind::File,
            size_bytes: input.size_bytes,
            executable: input.executable,
            version: u64::from_le_bytes(*input.blob.0.first_chunk().expect("a hash has more than eight bytes")),
            ..folder
        }
    }
}

impl JobFolders {
    pub(crate) fn new(tree: Tree) -> Self {
        Self { tree, jobs: Arc::default() }
    }

    /// Shows what a job reads, until it is hidden.
    pub(crate) fn show(&self, files: JobFiles) {
        self.lock().insert(files.spec.id.to_string(), Arc::new(files));
    }

    /// Shows it no more; whatever is open stays so.
    pub(crate) fn hide(&self, job: JobId) {
        self.lock().remove(&job.to_string());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<JobFiles>>> {
        self.jobs.lock().expect("nothing panics while it holds the list")
    }

    /// The job that a path leads into, and the path in it.
    fn find<'a>(&self, path: &'a TreePath) -> Result<(Arc<JobFiles>, &'a [u8]), Fault> {
        let path = path.as_bytes();
        let slash = path.iter().position(|byte| *byte == b'/');
        let (job, rest) = slash.map_or((path, &path[..0]), |slash| (&path[..slash], &path[slash + 1..]));
        let name = std::str::from_utf8(job).map_err(|_| Fault::NotFound)?;
        Ok((self.lock().get(name).cloned().ok_or(Fault::NotFound)?, rest))
    }

    async fn open_input(&self, path: &TreePath) -> Result<OpenInput, Fault> {
        let (files, rest) = self.find(path)?;
        let child = files.names.get(rest).ok_or(Fault::NotFound)?;
        let Child::File(number) = child else { return Err(Fault::IsAFolder) };
        let input = files.input(number);
        let (blob, size_bytes) = (input.blob, input.size_bytes);
        let blobs = &self.tree.transfer.blobs;
        // What is known to lie here may have changed since; its steward has it as it was.
        let whole = if blobs.contains(blob) { blobs.open_parts(blob).await.ok() } else { None };
        let source = if let Some(file) = whole {
            Source::Whole(file)
        } else {
            let path = TreePath::root().child(input.path.as_bytes()).unwrap_or_else(|_| path.clone());
            let (job, steward) = (files.spec.id, files.steward.clone());
            let origin = Origin::Input(Arc::new(InputAt { path, job, blob, size_bytes, steward }));
            let fetching = self.tree.fetchings.of(&self.tree, &origin, blob).await;
            let fetching = fetching.map_err(|error| fault(TreeError::of_disk(&error)))?;
            let ahead = Mutex::new(ReadAhead::new(size_bytes, AheadMode::Later));
            Source::Parts(Box::new(Parts { tree: self.tree.clone(), origin, fetching, ahead }))
        };
        Ok(OpenInput { entry: files.entry(child), source })
    }
}

impl gridwell_mount::Tree for JobFolders {
    fn stat<'a>(&'a self, path: &'a TreePath) -> BoxFuture<'a, Result<Entry, Fault>> {
        Box::pin(async move {
            if path.is_root() {
                return Ok(Entry::folder());
            }
            let (files, rest) = self.find(path)?;
            files.names.get(rest).map(|child| files.entry(child)).ok_or(Fault::NotFound)
        })
    }

    fn list<'a>(&'a self, path: &'a TreePath, after: Option<&'a [u8]>) -> BoxFuture<'a, Result<Listing, Fault>> {
        Box::pin(async move {
            let mut entries: Vec<(Bytes, Entry)> = if path.is_root() {
                let jobs = self.lock();
                let new = jobs.keys().filter(|name| after.is_none_or(|after| name.as_bytes() > after));
                let jobs = new.take(Listing::MAX_ENTRIES + 1);
                jobs.map(|name| (Bytes::from(name.clone()), Entry::folder())).collect()
            } else {
                let (files, rest) = self.find(path)?;
                if let Child::File(_) = files.names.get(rest).ok_or(Fault::NotFound)? {
                    return Err(Fault::NotAFolder);
                }
                let children = files.names.list(rest, after).take(Listing::MAX_ENTRIES + 1);
                children.map(|(name, child)| (Bytes::copy_from_slice(name), files.entry(child))).collect()
            };
            let more = entries.len() > Listing::MAX_ENTRIES;
            entries.truncate(Listing::MAX_ENTRIES);
            Ok(Listing { entries, more })
        })
    }

    fn open<'a>(&'a self, path: &'a TreePath) -> BoxFuture<'a, Result<Arc<dyn gridwell_mount::OpenFile>, Fault>> {
        Box::pin(async move { Ok(Arc::new(self.open_input(path).await?) as Arc<dyn gridwell_mount::OpenFile>) })
    }
}

/// An open file of a job.
struct OpenInput {
    entry: Entry,
    source: Source,
}

enum Source {
    /// All of it is here.
    Whole(BlobFile),
    /// What is read of it comes here.
    Parts(Box<Parts>),
}

struct Parts {
    tree: Tree,
    origin: Origin,
    fetching: Arc<Fetching>,
    ahead: Mutex<ReadAhead>,
}

impl OpenInput {
    async fn read(&self, offset: u64, length: u64) -> Result<Bytes, Fault> {
        let left = self.entry.size_bytes.saturating_sub(offset);
        let bytes = length.min(left).min(OpenFile::MAX_READ_BYTES);
        if bytes == 0 {
            return Ok(Bytes::new());
        }
        match &self.source {
            Source::Whole(file) => {
                let read = file.read_at(offset, bytes as usize).await;
                read.map(Into::into).map_err(|error| Fault::Unreadable { why: error.into() })
            }
            Source::Parts(parts) => {
                let Parts { tree, origin, fetching, ahead } = &**parts;
                let speed = fetching.speed();
                let ahead =
                    ahead.lock().expect("nothing panics while it plans reads").on_read(offset, bytes, speed).ahead;
                fetching.read(tree, origin, (offset, bytes), &ahead).await.map_err(fault)
            }
        }
    }
}

impl gridwell_mount::OpenFile for OpenInput {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn read(&self, offset: u64, length: u32) -> BoxFuture<'_, Result<Bytes, Fault>> {
        Box::pin(self.read(offset, length.into()))
    }
}
