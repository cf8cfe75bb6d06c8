//! What jobs made, as folders: the files that came home, and nothing else that lies beside them.

use std::{
    collections::BTreeSet,
    fmt,
    path::Path,
    sync::{Arc, Mutex},
};

use gridwell_model::{EntryKind, JobId, JobSpec, RelPath, TreeEntry};
use gridwell_store::{LandedQuery, ShareError, SharedFolder, Store, StoreError};
use gridwell_wire::{JobFolder, TreePage};

use super::{
    folder_named,
    names::{Child, Names},
};

/// Files whose names are read from the database at once.
const PAGE: u32 = 10_000;

/// What one job made; cheap to clone.
#[derive(Clone)]
pub(crate) struct JobOutputs(Arc<Inner>);

struct Inner {
    store: Store,
    shown: JobFolder,
    /// The job's output folders, with what they are called where there are several.
    folders: Vec<(Vec<u8>, SharedFolder)>,
    known: Mutex<Option<Arc<Known>>>,
}

/// The files that were home at some time.
struct Known {
    total: u64,
    /// By number: the output folder, and the path in it.
    files: Vec<(usize, RelPath)>,
    names: Names,
}

impl fmt::Debug for JobOutputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobOutputs({})", self.job())
    }
}

impl JobOutputs {
    /// What `spec` lands in its output folders.
    pub(crate) fn new(store: &Store, spec: &JobSpec) -> Self {
        let mut taken = BTreeSet::new();
        let folder = |path: &String| {
            let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or("results");
            let first = Some(name.to_owned());
            let mut names = first.into_iter().chain((2..).map(|number| format!("{name} {number}")));
            let name = names.find(|name| taken.insert(name.clone())).expect("numbers do not end");
            (name.into_bytes(), SharedFolder::new(path))
        };
        let folders = spec.output_folders.iter().map(folder).collect();
        let shown = JobFolder { job: spec.id, name: spec.name.clone(), submitted: spec.submitted };
        Self(Arc::new(Inner { store: store.clone(), shown, folders, known: Mutex::default() }))
    }

    pub(crate) fn job(&self) -> JobId {
        self.0.shown.job
    }

    /// What is told of it.
    pub(crate) fn shown(&self) -> &JobFolder {
        &self.0.shown
    }

    /// A page of names; those of files that were moved away since are left out.
    pub(super) async fn list(&self, folder: Option<RelPath>, after: Option<Vec<u8>>) -> Result<TreePage, ShareError> {
        let known = self.known().await?;
        let path = folder.as_ref().map(RelPath::as_bytes).unwrap_or_default();
        match known.names.get(path) {
            Some(Child::Folder) => {}
            Some(Child::File(_)) => return Err(ShareError::NotAFolder { path: text(folder.as_ref()) }),
            None => return Err(ShareError::Missing { path: text(folder.as_ref()) }),
        }
        let children = known.names.list(path, after.as_deref()).take(TreePage::MAX_ENTRIES + 1);
        let mut children: Vec<_> = children.map(|(name, child)| (name.to_vec(), child)).collect();
        let more = children.len() > TreePage::MAX_ENTRIES;
        children.truncate(TreePage::MAX_ENTRIES);
        let mut entries = Vec::with_capacity(children.len());
        for (name, child) in children {
            match self.entry(&known, name, child).await {
                Ok(entry) => entries.push(entry),
                Err(ShareError::Store(error)) => return Err(error.into()),
                Err(_) => {}
            }
        }
        Ok(TreePage { entries, more })
    }

    pub(super) async fn stat(&self, path: Option<RelPath>) -> Result<TreeEntry, ShareError> {
        let known = self.known().await?;
        let missing = || ShareError::Missing { path: text(path.as_ref()) };
        let child = known.names.get(path.as_ref().map(RelPath::as_bytes).unwrap_or_default()).ok_or_else(missing)?;
        self.entry(&known, path.as_ref().map(|path| path.name().to_vec()).unwrap_or_default(), child).await
    }

    /// The folder in which a file lies, and its path there.
    pub(super) async fn place_of(&self, path: &RelPath) -> Result<(SharedFolder, RelPath), ShareError> {
        let known = self.known().await?;
        match known.names.get(path.as_bytes()) {
            Some(Child::File(number)) => Ok(self.place(&known, number)),
            Some(Child::Folder) => Err(ShareError::NotAFile { path: path.to_string() }),
            None => Err(ShareError::Missing { path: path.to_string() }),
        }
    }

    fn place(&self, known: &Known, number: usize) -> (SharedFolder, RelPath) {
        let (folder, path) = &known.files[number];
        (self.0.folders[*folder].1.clone(), path.clone())
    }

    async fn entry(&self, known: &Known, name: Vec<u8>, child: Child) -> Result<TreeEntry, ShareError> {
        let Child::File(number) = child else { return Ok(folder_named(&name)) };
        let (folder, path) = self.place(known, number);
        let entry = folder.stat(Some(path.clone())).await?;
        match entry.kind {
            // Somebody put something else there.
            EntryKind::Folder | EntryKind::Link { .. } | EntryKind::Hidden => {
                Err(ShareError::NotAFile { path: path.to_string() })
            }
            EntryKind::File { .. } => Ok(TreeEntry { name, ..entry }),
        }
    }

    /// The files that are home now: read again once there are more.
    async fn known(&self) -> Result<Arc<Known>, StoreError> {
        let page = async |offset, limit| {
            let query = LandedQuery { job: self.job(), task: None, offset, limit };
            self.0.store.landed(query).await
        };
        let total = page(0, 0).await?.total;
        let kept = self.0.known.lock().expect("nothing panics while it holds the list").clone();
        if let Some(known) = kept.filter(|known| known.total == total) {
            return Ok(known);
        }
        let (mut files, mut offset) = (Vec::new(), 0);
        loop {
            let found = page(offset, PAGE).await?.files;
            offset += found.len() as u64;
            let is_last = found.len() < PAGE as usize;
            files.extend(found.into_iter().map(|file| (file.folder as usize, file.path)));
            if is_last {
                break;
            }
        }
        files.retain(|(folder, _)| *folder < self.0.folders.len());
        let paths: Vec<_> = files.iter().map(|(folder, path)| self.path_of(*folder, path)).collect();
        let names = Names::of(paths.iter().map(Vec::as_slice));
        let known = Arc::new(Known { total, files, names });
        *self.0.known.lock().expect("nothing panics while it holds the list") = Some(Arc::clone(&known));
        Ok(known)
    }

    /// Where a file is shown.
    fn path_of(&self, folder: usize, path: &RelPath) -> Vec<u8> {
        match &self.0.folders[..] {
            [_] => path.as_bytes().to_vec(),
            folders => [&folders[folder].0, b"/".as_slice(), path.as_bytes()].concat(),
        }
    }
}

fn text(path: Option<&RelPath>) -> String {
    path.map_or_else(|| "the job".to_owned(), ToString::to_string)
}
