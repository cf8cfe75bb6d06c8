//! Bytes on the move: inputs to this machine, outputs out of a session, results home. Everything here runs beside the loop.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use globset::{Glob, GlobSet, GlobSetBuilder};
use gridwell_job::{PathRule, PathStyle};
use gridwell_model::{BlobId, JobId, JobSpec, OutputFile, PeerId, RelPath, Stamp};
use gridwell_net::{FetchError, NetHandle};
use gridwell_store::{BlobError, Blobs, LandError, LandSource, Overwrite};
use gridwell_wire::BulkRequest;
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

/// Bytes read from a link before they are written: one bulk block.
const BLOCK_BYTES: usize = 256 * 1024;

/// Times a broken transfer is begun again; it goes on where it stopped.
const TRIES: u32 = 4;

/// Wait before the second try; doubled each time.
const RETRY_WAIT: Duration = Duration::from_millis(500);

/// Most files one run of a program may leave: a film's pictures are far below, a runaway program is far above.
const MAX_OUTPUTS: usize = 10_000;

/// Longest list of outputs that travels in the report itself, in bytes; a longer one becomes a blob of its own.
const REPORTED_BYTES: usize = 16 * 1024;

/// Longest list of outputs that is read, in bytes: the most files with the longest paths that were seen to work.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// Deepest folder below an output folder that is looked into.
const MAX_DEPTH: usize = 32;

/// Why bytes did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransferError {
    /// The other side, or the way to it.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The stream broke on the way.
    #[error("the transfer from machine {} broke after {received_bytes} of {total_bytes} bytes: {source}", from.short())]
    Broken { from: PeerId, received_bytes: u64, total_bytes: u64, source: io::Error },
    /// It sends another number of bytes than promised.
    #[error("machine {} sends {sent_bytes} bytes instead of {expected_bytes}", from.short())]
    OtherSize { from: PeerId, sent_bytes: u64, expected_bytes: u64 },
    /// They could not be kept.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// They could not be brought home.
    #[error(transparent)]
    Land(#[from] LandError),
    /// The lease ended before the bytes were home.
    #[error("the lease ended before the results were home")]
    NotWanted,
    /// The job has fewer output folders than the report names.
    #[error("the report names output folder {folder}, which the job does not have")]
    NoFolder { folder: u32 },
    /// The spec names an input by a path that would lead out of the folder that inputs are brought to.
    #[error("the job's input '{path}' is not named by a plain absolute path")]
    BadInput { path: String },
    /// The list of the outputs is none.
    #[error("the list of outputs from machine {} is unreadable", from.short())]
    BadList { from: PeerId },
}

impl TransferError {
    /// True if it may pass without anybody's program running again: a full disk, a broken link, somebody busy.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Fetch(error) => !matches!(error, FetchError::Missing { .. } | FetchError::Refused { .. }),
            Self::Blob(error) => matches!(error, BlobError::NoRoom { .. } | BlobError::Busy { .. }),
            Self::Land(error) => matches!(error, LandError::Full { .. } | LandError::NotWritable { .. }),
            Self::Broken { .. } => true,
            _ => false,
        }
    }
}

/// The hands that move bytes.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) me: PeerId,
    pub(crate) net: NetHandle,
    pub(crate) blobs: Blobs,
}

impl Transfer {
    /// Makes sure that `blob` is here, fetching what is missing of it from `from`.
    pub(crate) async fn bring(
        &self,
        blob: BlobId,
        size_bytes: u64,
        job: JobId,
        from: PeerId,
    ) -> Result<(), TransferError> {
        let mut wait = RETRY_WAIT;
        for _ in 1..TRIES {
            match self.try_bring(blob, size_bytes, job, from).await {
                // Another task receives the same bytes: they are waited for, however long they take.
                Err(TransferError::Blob(BlobError::Busy { .. })) => {
                    self.until_received(blob, size_bytes, job, from).await?;
                    break;
                }
                Err(TransferError::Fetch(FetchError::Missing { .. } | FetchError::Refused { .. })) | Ok(()) => break,
                Err(error) => tracing::debug!(%error, %job, "transfer begins again"),
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.try_bring(blob, size_bytes, job, from).await
    }

    /// Waits for another task's transfer of the same blob, or takes over when that one fails.
    async fn until_received(
        &self,
        blob: BlobId,
        size_bytes: u64,
        job: JobId,
        from: PeerId,
    ) -> Result<(), TransferError> {
        loop {
            tokio::time::sleep(RETRY_WAIT).await;
            match self.try_bring(blob, size_bytes, job, from).await {
                Err(TransferError::Blob(BlobError::Busy { .. })) => {}
                done => return done,
            }
        }
    }

    async fn try_bring(&self, blob: BlobId, size_bytes: u64, job: JobId, from: PeerId) -> Result<(), TransferError> {
        if self.blobs.contains(blob) {
            return Ok(());
        }
        if from == self.me {
            return Err(BlobError::Missing { blob }.into());
        }
        let mut writer = self.blobs.receive(blob, size_bytes).await?;
        let offset = writer.offset();
        let mut fetched = self.net.fetch(from, BulkRequest::Blob { blob, job, offset }).await?;
        if offset + fetched.bytes != size_bytes {
            return Err(TransferError::OtherSize {
                from,
                sent_bytes: offset + fetched.bytes,
                expected_bytes: size_bytes,
            });
        }
        loop {
            let mut block = vec![0; BLOCK_BYTES];
            let read = fetched.read(&mut block).await.map_err(|source| TransferError::Broken {
                from,
                received_bytes: writer.offset(),
                total_bytes: size_bytes,
                source,
            })?;
            if read == 0 {
                break;
            }
            block.truncate(read);
            writer.write(block).await?;
        }
        Ok(writer.finish().await?)
    }

    /// Reads a whole small blob, fetching it first if needed.
    pub(crate) async fn read(
        &self,
        blob: BlobId,
        size_bytes: u64,
        job: JobId,
        from: PeerId,
    ) -> Result<Vec<u8>, TransferError> {
        self.bring(blob, size_bytes, job, from).await?;
        let (mut file, _) = self.blobs.open_blob(blob).await?;
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut file, &mut bytes).map(|_| bytes)
        });
        read.await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|source| BlobError::File { tried: "read", path: PathBuf::from(blob.to_string()), source }.into())
    }

    /// Brings a job's inputs into `root` and returns the rules that lead its programs there.
    ///
    /// On the origin itself nothing moves: programs read the files where they lie.
    pub(crate) async fn stage(
        &self,
        spec: &JobSpec,
        root: &Path,
        from: PeerId,
    ) -> Result<Vec<PathRule>, TransferError> {
        if from == self.me {
            return Ok(rules_of_their_own(spec, Path::new("/")));
        }
        check_inputs(spec)?;
        self.blobs.pin(spec.id, spec.inputs.iter().map(|input| input.blob).collect()).await?;
        for input in &spec.inputs {
            self.bring(input.blob, input.size_bytes, spec.id, from).await?;
            let destination = root.join(input.path.trim_start_matches('/'));
            if !destination.exists() {
                self.blobs.materialise(input.blob, &destination, input.executable).await?;
            }
        }
        Ok(input_rules(spec, root))
    }

    /// Lands the outputs of one run in the job's folders at this origin.
    pub(crate) async fn bring_home(
        &self,
        spec: &JobSpec,
        outputs: &[OutputFile],
        from: PeerId,
        wanted: &CancellationToken,
    ) -> Result<(), TransferError> {
        for output in outputs {
            if output.folder != OutputFile::LIST {
                self.bring_one_home(spec, output, from, wanted).await?;
                continue;
            }
            if output.size_bytes > MAX_LIST_BYTES {
                return Err(TransferError::BadList { from });
            }
            let bytes = self.read(output.blob, output.size_bytes, spec.id, from).await?;
            let listed: Vec<OutputFile> = postcard::from_bytes(&bytes).map_err(|_| TransferError::BadList { from })?;
            for output in &listed {
                self.bring_one_home(spec, output, from, wanted).await?;
            }
            if from != self.me {
                self.blobs.remove(output.blob).await?;
            }
        }
        Ok(())
    }

    async fn bring_one_home(
        &self,
        spec: &JobSpec,
        output: &OutputFile,
        from: PeerId,
        wanted: &CancellationToken,
    ) -> Result<(), TransferError> {
        let folder = spec.output_folders.get(output.folder as usize);
        let folder = folder.ok_or(TransferError::NoFolder { folder: output.folder })?;
        self.bring(output.blob, output.size_bytes, spec.id, from).await?;
        // The lease may have ended on the way: somebody else's file may lie there by now.
        if wanted.is_cancelled() {
            return Err(TransferError::NotWanted);
        }
        let land =
            |source| self.blobs.land(source, Path::new(folder), &output.path, output.executable, Overwrite::Replace);
        match land(LandSource::Move(output.blob)).await {
            // A twin landed earlier and its file was changed since: fetch these bytes anew.
            Err(LandError::Source { .. }) if from != self.me => {
                self.blobs.remove(output.blob).await?;
                self.bring(output.blob, output.size_bytes, spec.id, from).await?;
                land(LandSource::Move(output.blob)).await?;
            }
            landed => drop(landed?),
        }
        Ok(())
    }

    /// Takes what a run left in its stand-in folders (and what matches the job's patterns) into the store.
    pub(crate) async fn collect(&self, spec: &JobSpec, place: &SessionPlace) -> Result<Collected, CollectError> {
        let folders = spec.output_folders.len();
        let patterns = patterns(&spec.output_globs)?;
        let place = place.clone();
        let found = tokio::task::spawn_blocking(move || find(&place, folders, &patterns));
        let found = found.await.unwrap_or_else(|error| Err(CollectError::Gone { reason: error.to_string() }))?;
        let mut outputs = Vec::with_capacity(found.len());
        for Found { folder, path, file, executable } in found {
            let (blob, size_bytes) = self.blobs.adopt(&file).await?;
            outputs.push(OutputFile { folder, path, size_bytes, blob, executable });
        }
        let mut blobs: Vec<BlobId> = outputs.iter().map(|output| output.blob).collect();
        let list = postcard::to_stdvec(&outputs).expect("a list of files is plain data");
        if list.len() > REPORTED_BYTES {
            let (path, size_bytes) = (RelPath::new("list").expect("a plain name"), list.len() as u64);
            let blob = self.blobs.put(list).await?;
            blobs.push(blob);
            outputs = vec![OutputFile { folder: OutputFile::LIST, path, size_bytes, blob, executable: false }];
        }
        Ok(Collected { outputs, blobs })
    }
}

/// A spec from another machine may name anything: inputs must stay below the folder that they are brought to.
fn check_inputs(spec: &JobSpec) -> Result<(), TransferError> {
    let is_plain = |path: &str| path.strip_prefix('/').is_some_and(|below| RelPath::new(below).is_ok());
    match spec.inputs.iter().find(|input| !is_plain(&input.path)) {
        Some(input) => Err(TransferError::BadInput { path: input.path.clone() }),
        None => Ok(()),
    }
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Collected {
    /// What is reported.
    pub(crate) outputs: Vec<OutputFile>,
    /// Everything that is held for the steward.
    pub(crate) blobs: Vec<BlobId>,
}

/// Rules for every folder that holds an input, and for every parameter that names a folder above one.
fn input_rules(spec: &JobSpec, root: &Path) -> Vec<PathRule> {
    let inputs = input_paths(spec);
    let parents = inputs.iter().filter_map(|input| Path::new(input).parent()?.to_str());
    let named = spec.parameters.iter().map(|(_, value)| value.as_str()).filter(|value| is_read(&inputs, value));
    let sources: BTreeSet<&str> = parents.chain(named).filter(|source| *source != "/").collect();
    let mut rules: Vec<_> = sources.into_iter().map(|source| staged(source, root)).collect();
    rules.extend(rules_of_their_own(spec, root));
    rules
}

/// Rules for inputs that lie where results land: the rule of that folder, which leads to its stand-in, is not for them.
fn rules_of_their_own(spec: &JobSpec, root: &Path) -> Vec<PathRule> {
    let inputs = input_paths(spec);
    let written: Vec<&str> =
        spec.output_folders.iter().map(String::as_str).filter(|folder| is_written(spec, &inputs, folder)).collect();
    let inside = |path: &str| written.iter().any(|folder| path != *folder && Path::new(path).starts_with(folder));
    let named = spec.parameters.iter().map(|(_, value)| value.as_str()).filter(|value| is_read(&inputs, value));
    let sources: BTreeSet<&str> = inputs.iter().copied().chain(named).filter(|source| inside(source)).collect();
    sources.into_iter().map(|source| staged(source, root)).collect()
}

fn staged(source: &str, root: &Path) -> PathRule {
    PathRule {
        style: PathStyle::Posix,
        source: source.to_owned(),
        destination: root.join(source.trim_start_matches('/')).to_string_lossy().into_owned(),
    }
}

fn input_paths(spec: &JobSpec) -> BTreeSet<&str> {
    spec.inputs.iter().map(|input| input.path.as_str()).collect()
}

/// True for an input and for every folder above one.
fn is_read(inputs: &BTreeSet<&str>, path: &str) -> bool {
    let below = format!("{path}/");
    inputs.contains(path)
        || path.starts_with('/') && inputs.range(below.as_str()..).next().is_some_and(|next| next.starts_with(&below))
}

/// True if a parameter names the folder, or something in it that is not read: programs write there by that name.
fn is_written(spec: &JobSpec, inputs: &BTreeSet<&str>, folder: &str) -> bool {
    let names = |path: &str| path == folder || Path::new(path).starts_with(folder) && !is_read(inputs, path);
    spec.parameters.iter().any(|(_, value)| match serde_json::from_str::<Vec<String>>(value) {
        Ok(paths) => paths.iter().any(|path| names(path)),
        Err(_) => names(value),
    })
}

/// The folders of one session on this machine.
#[derive(Debug, Clone)]
pub(crate) struct SessionPlace {
    root: PathBuf,
}

impl SessionPlace {
    pub(crate) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Everything of the session.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The programs' working folder.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// What stands in for the job's output folder at `position`.
    pub(crate) fn output(&self, position: usize) -> PathBuf {
        self.root.join("out").join(position.to_string())
    }

    /// Makes the stand-ins and returns the rules that lead programs to them.
    pub(crate) fn prepare(&self, spec: &JobSpec) -> io::Result<Vec<PathRule>> {
        fs::create_dir_all(&self.root)?;
        let mut rules = Vec::new();
        let inputs = input_paths(spec);
        for (position, folder) in spec.output_folders.iter().enumerate() {
            let stand_in = self.output(position);
            fs::create_dir_all(&stand_in)?;
            if is_written(spec, &inputs, folder) {
                rules.push(PathRule {
                    style: PathStyle::Posix,
                    source: folder.clone(),
                    destination: stand_in.to_string_lossy().into_owned(),
                });
            }
        }
        Ok(rules)
    }

    /// Shows in the stand-ins, as links, what came into the job's folders at this origin since it was submitted: later
    /// steps read it there. What the session made itself is not touched, and links are not outputs.
    pub(crate) fn show_landed(&self, spec: &JobSpec) -> Result<(), CollectError> {
        let mut shown = 0;
        for (position, folder) in spec.output_folders.iter().enumerate() {
            let stand_in = self.output(position);
            walk(Path::new(folder), Path::new(""), 0, &mut |path, file| {
                if !came_since(&file, spec.submitted) {
                    return Ok(());
                }
                shown += 1;
                if shown > MAX_OUTPUTS {
                    return Err(CollectError::TooMany);
                }
                show(&file, &stand_in.join(path))
            })?;
        }
        Ok(())
    }
}

/// True if the file got its name or content after `stamp`. Programs set a file's other times as they like.
fn came_since(file: &Path, stamp: Stamp) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let millis = |meta: fs::Metadata| meta.ctime() * 1_000 + meta.ctime_nsec() / 1_000_000;
    fs::metadata(file).is_ok_and(|meta| u64::try_from(millis(meta)).is_ok_and(|at| at >= stamp.0))
}

fn show(file: &Path, at: &Path) -> Result<(), CollectError> {
    let made = match at.parent() {
        Some(folder) => fs::create_dir_all(folder),
        None => Ok(()),
    };
    match made.and_then(|()| std::os::unix::fs::symlink(file, at)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        shown => shown.map_err(|source| CollectError::Unreadable { path: at.to_string_lossy().into_owned(), source }),
    }
}

/// Why a run's outputs were not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    #[error("the run left more than {MAX_OUTPUTS} files; pack them into one, or write fewer")]
    TooMany,
    #[error("'{path}' is not a file name that can travel")]
    BadName { path: String },
    #[error("cannot read '{path}': {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("'{pattern}' is not a pattern")]
    BadPattern { pattern: String },
    #[error("the outputs could not be looked at: {reason}")]
    Gone { reason: String },
    #[error(transparent)]
    Blob(#[from] BlobError),
}

struct Found {
    folder: u32,
    path: RelPath,
    file: PathBuf,
    executable: bool,
}

fn patterns(globs: &[String]) -> Result<GlobSet, CollectError> {
    let bad = |pattern: &str| CollectError::BadPattern { pattern: pattern.to_owned() };
    let mut set = GlobSetBuilder::new();
    for pattern in globs {
        set.add(Glob::new(pattern).map_err(|_| bad(pattern))?);
    }
    set.build().map_err(|_| bad(&globs.join(", ")))
}

fn find(place: &SessionPlace, folders: usize, patterns: &GlobSet) -> Result<Vec<Found>, CollectError> {
    let mut found = Vec::new();
    for position in 0..folders {
        walk(&place.output(position), Path::new(""), 0, &mut |path, file| {
            take(&mut found, position as u32, path, file)
        })?;
    }
    if !patterns.is_empty() {
        walk(&place.work(), Path::new(""), 0, &mut |path, file| {
            if patterns.is_match(path) { take(&mut found, 0, path, file) } else { Ok(()) }
        })?;
    }
    Ok(found)
}

fn take(found: &mut Vec<Found>, folder: u32, path: &Path, file: PathBuf) -> Result<(), CollectError> {
    use std::os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _};
    if found.len() == MAX_OUTPUTS {
        return Err(CollectError::TooMany);
    }
    let bad = |_| CollectError::BadName { path: path.to_string_lossy().into_owned() };
    let path = RelPath::new(path.as_os_str().as_bytes()).map_err(bad)?;
    let executable = fs::metadata(&file).is_ok_and(|meta| meta.permissions().mode() & 0o100 != 0);
    found.push(Found { folder, path, file, executable });
    Ok(())
}

/// Calls `each` with every regular file below `folder`, in the order of names; links are not followed.
fn walk(
    folder: &Path,
    below: &Path,
    depth: usize,
    each: &mut dyn FnMut(&Path, PathBuf) -> Result<(), CollectError>,
) -> Result<(), CollectError> {
    let unreadable = |source| CollectError::Unreadable { path: folder.to_string_lossy().into_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unreadable)?,
    };
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(unreadable)?;
        let path = below.join(entry.file_name());
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(&entry.path(), &path, depth + 1, each)?;
        } else if kind.is_file() {
            each(&path, entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gridwell_model::{InputFile, Retry};

    use super::*;

    fn spec(parameters: &[(&str, &str)], inputs: &[&str], output: &str) -> JobSpec {
        let input = |path: &&str| InputFile {
            path: (*path).to_owned(),
            size_bytes: 1,
            blob: BlobId([0; 32]),
            executable: false,
        };
        JobSpec {
            id: JobId([1; 10]),
            name: "job".into(),
            origin: PeerId([1; 32]),
            submitted: Stamp(0),
            recipe: "command".into(),
            template: String::new(),
            parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            inputs: inputs.iter().map(input).collect(),
            output_folders: vec![output.to_owned()],
            output_globs: Vec::new(),
            steps: Vec::new(),
            retry: Retry::default(),
        }
    }

    fn sources(rules: &[PathRule]) -> Vec<(&str, &str)> {
        rules.iter().map(|rule| (rule.source.as_str(), rule.destination.as_str())).collect()
    }

    #[test]
    fn a_folder_that_no_parameter_writes_to_keeps_its_name() {
        let temp = tempfile::tempdir().unwrap();
        let spec = spec(&[("Items", r#"["/a/x.wav","/a/y.wav"]"#)], &["/a/x.wav", "/a/y.wav"], "/a");
        let place = SessionPlace::new(temp.path().to_owned());
        assert_eq!(place.prepare(&spec).unwrap(), []);
        assert_eq!(rules_of_their_own(&spec, Path::new("/")), []);
    }

    #[test]
    fn inputs_that_lead_out_of_their_folder_are_refused() {
        assert!(check_inputs(&spec(&[], &["/a/b.txt", "/a/..b/c d"], "/a")).is_ok());
        for path in ["/a/../../secret", "..", "a.txt", "/", "/a//b", "/a/./b"] {
            let refused = check_inputs(&spec(&[], &["/fine", path], "/a"));
            assert!(matches!(refused, Err(TransferError::BadInput { .. })), "{path}");
        }
    }

    #[test]
    fn what_landed_is_shown_to_later_steps_and_is_not_collected_again() {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        fs::create_dir_all(home.join("parts")).unwrap();
        fs::write(home.join("parts/1"), "landed").unwrap();
        let folder = home.to_str().unwrap();
        let spec = spec(&[("Out", folder)], &[], folder);
        let place = SessionPlace::new(temp.path().join("session"));
        place.prepare(&spec).unwrap();
        fs::write(place.output(0).join("whole"), "made here").unwrap();

        place.show_landed(&spec).unwrap();
        place.show_landed(&spec).unwrap();

        assert_eq!(fs::read_to_string(place.output(0).join("parts/1")).unwrap(), "landed");
        let found = find(&place, 1, &GlobSet::empty()).unwrap();
        assert_eq!(found.iter().map(|found| found.file.clone()).collect::<Vec<_>>(), [place.output(0).join("whole")]);
    }

    #[test]
    fn what_lay_there_before_the_job_is_not_shown() {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("whole"), "an earlier job's").unwrap();
        let folder = home.to_str().unwrap();
        let later = Stamp(u64::MAX);
        let spec = JobSpec { submitted: later, ..spec(&[("Out", folder)], &[], folder) };
        let place = SessionPlace::new(temp.path().join("session"));
        place.prepare(&spec).unwrap();

        place.show_landed(&spec).unwrap();

        assert!(!place.output(0).join("whole").exists(), "a program would write through the link");
    }

    #[test]
    fn an_input_beside_the_results_is_read_where_it_lies() {
        let temp = tempfile::tempdir().unwrap();
        let parameters = [("In", "/a/film.mp4"), ("Sub", "/a/textures"), ("Out", "/a/film_av1.mp4")];
        let spec = spec(&parameters, &["/a/film.mp4", "/a/textures/wood.png"], "/a");
        let place = SessionPlace::new(temp.path().to_owned());
        assert_eq!(place.prepare(&spec).unwrap().len(), 1);
        assert_eq!(
            sources(&rules_of_their_own(&spec, Path::new("/"))),
            [
                ("/a/film.mp4", "/a/film.mp4"),
                ("/a/textures", "/a/textures"),
                ("/a/textures/wood.png", "/a/textures/wood.png")
            ]
        );
        assert!(sources(&input_rules(&spec, Path::new("/s"))).contains(&("/a/film.mp4", "/s/a/film.mp4")));
    }
}
