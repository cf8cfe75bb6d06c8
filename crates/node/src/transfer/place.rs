//! The folders of one session on this machine.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gridwell_job::{PathRule, PathStyle};
use gridwell_model::{JobSpec, Stamp};

use super::{
    collect::{CollectError, MAX_OUTPUTS, walk},
    rules::{input_paths, is_written},
};

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

    /// The programs' home: what they keep there goes with the session, and is no result.
    pub(crate) fn home_variable(&self) -> (String, String) {
        ("HOME".to_owned(), self.home().to_string_lossy().into_owned())
    }

    fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Where its programs leave what another run goes on from: beside the working folder, so that it outlives that one.
    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint")
    }

    /// What stands in for the job's output folder at `position`.
    pub(crate) fn output(&self, position: usize) -> PathBuf {
        self.root.join("out").join(position.to_string())
    }

    /// Makes the stand-ins and returns the rules that lead programs to them.
    pub(crate) fn prepare(&self, spec: &JobSpec) -> io::Result<Vec<PathRule>> {
        fs::create_dir_all(self.home())?;
        if spec.session.continues {
            fs::create_dir_all(self.checkpoint())?;
        }
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
