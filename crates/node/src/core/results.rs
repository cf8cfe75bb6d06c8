//! Files that came home: whose they are, and how doors and pictures find them.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use gridwell_api::{FileKind, Response, ResultFile, ResultsPage, ResultsRequest};
use gridwell_job::JobPlan;
use gridwell_model::{JobSpec, OutputFile, RelPath, Stamp, TaskKey, TaskSpan};
use gridwell_preview::Kind;
use gridwell_store::{LandedFile, LandedQuery, Store, StoreError};

use super::{Core, door::storage, facts::Reply, proofs};

/// What can be shown of a file, by its name.
pub(crate) fn kind_of(path: &RelPath) -> FileKind {
    match gridwell_preview::kind_of(Path::new(OsStr::from_bytes(path.name()))) {
        Some(Kind::Picture) => FileKind::Picture,
        Some(Kind::Film) => FileKind::Film,
        Some(Kind::Blend) | None => FileKind::Other,
    }
}

/// The number under which the store finds files of a kind.
const fn number_of(kind: FileKind) -> u8 {
    match kind {
        FileKind::Other => 0,
        FileKind::Picture => 1,
        FileKind::Film => 2,
    }
}

/// Which task of a run made which file. Tasks of a chunk run as one program: their files are told apart by the numbers in
/// their names.
pub(super) struct Makers {
    step: u32,
    first: u32,
    by_number: BTreeMap<u64, u32>,
}

impl Makers {
    pub(super) fn of(plan: &JobPlan, step: u32, run: TaskSpan) -> Self {
        let mut makers = Self { step, first: run.start, by_number: BTreeMap::new() };
        if run.len() > 1 {
            let number = |index| Some((last_number(plan.task_label(step, index).as_bytes())?, index));
            makers.by_number = run.indices().filter_map(number).collect();
        }
        makers
    }

    /// The task whose number the file's name ends with, else the first of the run.
    pub(super) fn of_file(&self, path: &RelPath) -> TaskKey {
        let stem = Path::new(OsStr::from_bytes(path.name())).file_stem().map(OsStr::as_bytes);
        let index = stem.and_then(last_number).and_then(|number| self.by_number.get(&number));
        TaskKey { step: self.step, index: index.copied().unwrap_or(self.first) }
    }
}

/// The last number in a text: 12 in `frame 12` and in `kitchen_0012`.
fn last_number(text: &[u8]) -> Option<u64> {
    let end = text.iter().rposition(u8::is_ascii_digit)? + 1;
    let start = text[..end].iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    std::str::from_utf8(&text[start..end]).ok()?.parse().ok()
}

/// An output as it is written down once it has landed.
pub(crate) fn landed_of(file: &OutputFile, task: TaskKey, landed: Stamp) -> LandedFile {
    LandedFile {
        task,
        folder: file.folder,
        kind: number_of(kind_of(&file.path)),
        path: file.path.clone(),
        size_bytes: file.size_bytes,
        landed,
        proof: 0,
    }
}

/// Where the file lies of which a picture stands for a job (what it made last) or for a task (what it made first): a
/// picture if there is one, else a film.
pub(crate) async fn shown_for(
    store: &Store,
    spec: &JobSpec,
    task: Option<TaskKey>,
) -> Result<Option<PathBuf>, StoreError> {
    for kind in [FileKind::Picture, FileKind::Film] {
        let found = match task {
            Some(task) => store.first_landed(spec.id, task, number_of(kind)).await?,
            None => store.newest_landed(spec.id, number_of(kind)).await?,
        };
        if let Some(path) = found.and_then(|file| place_of(spec, &file)) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Where a file lies on this machine.
pub(super) fn place_of(spec: &JobSpec, file: &LandedFile) -> Option<PathBuf> {
    let folder = spec.output_folders.get(file.folder as usize)?;
    Some(Path::new(folder).join(OsStr::from_bytes(file.path.as_bytes())))
}

impl Core {
    /// Answers with a page of files, read beside the loop.
    pub(super) fn results(&self, request: &ResultsRequest, reply: Reply) {
        let limit = match request.limit {
            0 => ResultsRequest::MAX_LIMIT,
            asked => asked.min(ResultsRequest::MAX_LIMIT),
        };
        let (job, task) = match self.find(&request.target) {
            Ok(found) => found,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let (store, spec) = (self.store.clone(), self.homes[&job].spec.clone());
        let query = LandedQuery { job, task, offset: request.offset, limit };
        self.beside.spawn(async move {
            let page = page(&store, &spec, query).await.map(Response::Results);
            let _gone = reply.send(page.map_err(|error| storage(&error)));
        });
    }
}

async fn page(store: &Store, spec: &JobSpec, query: LandedQuery) -> Result<ResultsPage, StoreError> {
    let page = store.landed(query).await?;
    let file = |file: &LandedFile| {
        Some(ResultFile {
            path: place_of(spec, file)?.to_string_lossy().into_owned(),
            size_bytes: file.size_bytes,
            task: file.task,
            landed: file.landed,
            kind: kind_of(&file.path),
            flaw: proofs::flaw_of(file.proof),
        })
    };
    let files = page.files.iter().filter_map(file).collect();
    Ok(ResultsPage { job: query.job, total: page.total, total_bytes: page.total_bytes, full: page.full, files })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rel(path: &str) -> RelPath {
        RelPath::new(path).unwrap()
    }

    #[test]
    fn a_file_is_what_its_name_says() {
        assert_eq!(kind_of(&rel("a/frame_0001.PNG")), FileKind::Picture);
        assert_eq!(kind_of(&rel("a/film.webm")), FileKind::Film);
        for other in ["png", ".png", "a.png/b", "a.txt"] {
            assert_eq!(kind_of(&rel(other)), FileKind::Other, "{other}");
        }
    }

    #[test]
    fn files_of_a_chunk_belong_to_the_task_whose_number_they_carry() {
        let makers = Makers { step: 1, first: 4, by_number: BTreeMap::from([(11, 4), (12, 5), (13, 6)]) };
        for (name, index) in [("kitchen_0012.png", 5), ("a9/13.exr", 6), ("0011", 4), ("log.txt", 4), ("0099.png", 4)] {
            assert_eq!(makers.of_file(&rel(name)), TaskKey { step: 1, index }, "{name}");
        }
    }

    #[test]
    fn the_last_number_of_a_text_is_found() {
        assert_eq!(last_number(b"frame 12"), Some(12));
        assert_eq!(last_number(b"a3_0007_x"), Some(7));
        assert_eq!(last_number(b"none"), None);
        assert_eq!(last_number(b"99999999999999999999999"), None);
    }

    #[tokio::test]
    async fn a_job_shows_what_it_made_last_and_a_task_what_it_made_first() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        let spec = crate::transfer::tests::spec(&[], &[], "/out");
        let makers = Makers { step: 0, first: 0, by_number: BTreeMap::from([(1, 0), (2, 1)]) };
        let file = |name: &str, at| {
            let file = OutputFile {
                folder: 0,
                path: rel(name),
                size_bytes: 1,
                blob: gridwell_model::BlobId([0; 32]),
                executable: false,
            };
            landed_of(&file, makers.of_file(&file.path), Stamp(at))
        };
        let files = vec![file("b_1.png", 5), file("a_1.png", 4), file("2.mp4", 9), file("x.txt", 11)];
        store.record_landed(spec.id, files).await.unwrap();
        let shown = async |task: Option<u32>| {
            let task = task.map(|index| TaskKey { step: 0, index });
            shown_for(&store, &spec, task).await.unwrap().map(|path| path.to_string_lossy().into_owned())
        };

        assert_eq!(shown(None).await.as_deref(), Some("/out/b_1.png"));
        assert_eq!(shown(Some(0)).await.as_deref(), Some("/out/a_1.png"));
        assert_eq!(shown(Some(1)).await.as_deref(), Some("/out/2.mp4"));
        assert_eq!(shown(Some(2)).await, None);
    }
}
