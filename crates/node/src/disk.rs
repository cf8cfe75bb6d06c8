//! The real disk behind the job engine's eyes, and what Blender told of the scenes on it.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use gridwell_job::{FileKind, Files};
use tokio::sync::Semaphore;

/// How long Blender may take for all scenes of one wish.
const PATIENCE: Duration = Duration::from_secs(20);

/// Scenes of which is kept what Blender told: more than anybody has in hand at once.
const KEPT: usize = 64;

/// What Blender told of a scene while it was what `kind` says.
#[derive(Debug, Clone)]
struct Told {
    kind: FileKind,
    refers: Vec<String>,
}

/// What Blender told of scenes, by path; true until they change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scenes {
    told: Arc<BTreeMap<String, Told>>,
}

impl Scenes {
    fn get(&self, path: &str, kind: &FileKind) -> Option<Vec<String>> {
        self.told.get(path).filter(|told| told.kind == *kind).map(|told| told.refers.clone())
    }

    /// Keeps what was learnt; others are forgotten where it is too much.
    pub(crate) fn keep(&mut self, learnt: Learnt) {
        let told = Arc::make_mut(&mut self.told);
        for (path, new) in learnt.0 {
            if told.len() >= KEPT && !told.contains_key(&path) {
                told.pop_first();
            }
            told.insert(path, new);
        }
    }
}

/// What Blender told while a wish was carried out.
#[derive(Debug, Default)]
pub(crate) struct Learnt(Vec<(String, Told)>);

/// Blender, which may be asked by one wish at a time.
#[derive(Debug)]
pub(crate) struct Blender {
    pub(crate) program: PathBuf,
    /// Closed once the node ends: then nobody waits any more.
    pub(crate) asking: Arc<Semaphore>,
}

/// The disk, read for one wish.
#[derive(Debug)]
pub(crate) struct Disk {
    scenes: Scenes,
    /// Blender where it may be asked, and until when.
    blender: Option<(Blender, Instant)>,
    learnt: RefCell<Learnt>,
}

impl Disk {
    pub(crate) fn new(scenes: Scenes) -> Self {
        Self { scenes, blender: None, learnt: RefCell::default() }
    }

    /// Lets Blender be asked, from now on and not for long.
    pub(crate) fn asking(self, blender: Option<Blender>) -> Self {
        let until = Instant::now() + PATIENCE;
        Self { blender: blender.map(|blender| (blender, until)), ..self }
    }

    pub(crate) fn learnt(self) -> Learnt {
        self.learnt.into_inner()
    }

    fn ask(&self, path: &str) -> Option<Vec<String>> {
        let (blender, until) = self.blender.as_ref()?;
        let left = until.saturating_duration_since(Instant::now());
        let wanted = || !blender.asking.is_closed();
        match gridwell_probe::scene_refers(&blender.program, Path::new(path), left, &wanted) {
            Ok(refers) => Some(refers),
            Err(error) => {
                tracing::debug!(path, %error, "Blender does not say what a scene refers to");
                None
            }
        }
    }
}

impl Files for Disk {
    fn kind(&self, path: &str) -> FileKind {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => FileKind::Folder,
            Ok(meta) if meta.is_file() => {
                let since = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let modified_millis = since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0);
                FileKind::File { size_bytes: meta.len(), modified_millis }
            }
            Ok(_) => FileKind::Other,
            Err(error) if error.kind() == io::ErrorKind::NotFound => FileKind::Missing,
            Err(error) => FileKind::Unreadable { reason: error.to_string() },
        }
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn io::Read>> {
        Ok(Box::new(fs::File::open(path)?))
    }

    fn list(&self, path: &str) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn refers(&self, path: &str) -> Option<Vec<String>> {
        let kind = self.kind(path);
        let Some(refers) = self.ask(path) else {
            return self.scenes.get(path, &kind);
        };
        self.learnt.borrow_mut().0.push((path.to_owned(), Told { kind, refers: refers.clone() }));
        Some(refers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_blender_told_is_true_until_the_scene_changes() {
        let temp = tempfile::tempdir().unwrap();
        let (path, program) = (temp.path().join("a.blend"), temp.path().join("blender"));
        let path = path.to_str().unwrap();
        fs::write(path, "one").unwrap();
        fs::write(&program, "#!/bin/sh\necho 'gridwell-refers:[\"/tex/a.png\"]'\n").unwrap();
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let mut scenes = Scenes::default();
        let disk = Disk::new(scenes.clone()).asking(Some(Blender { program, asking: Arc::new(Semaphore::new(1)) }));
        assert_eq!(disk.refers(path).unwrap(), ["/tex/a.png"]);
        scenes.keep(disk.learnt());

        assert_eq!(Disk::new(scenes.clone()).refers(path).unwrap(), ["/tex/a.png"]);

        fs::write(path, "other").unwrap();
        assert!(Disk::new(scenes).refers(path).is_none());
    }
}
