//! What a scene refers to: which files of it are here, and where the others might be.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    DraftError, SceneFile, SceneFileState,
    blend::look_into,
    closest::Closest,
    commons::Desk,
    path::{self, base, parent},
};
use crate::{
    blend::{self, BlendError, BlendLimits, Reference, ReferenceKind, Spread},
    files::FileKind,
};

/// Libraries followed: a scene that links more is submitted with those found so far and a warning.
const MAX_LIBRARIES: usize = 256;

/// Lists what a scene and its libraries refer to, by path, each once.
///
/// The files are read for it. Blender adds what it knows of where [`crate::Files::refers`] asks it: there are places
/// that only Blender finds, and scenes that only Blender can read.
///
/// # Errors
///
/// [`DraftError`] if the scene itself cannot be read or is damaged; anything else is a warning.
pub(super) fn refers(desk: &Desk<'_>, scene: &str, warnings: &mut Vec<String>) -> Result<Vec<SceneFile>, DraftError> {
    let mut found = Found::new(desk, scene);
    let mut libraries = BTreeSet::from([scene.to_owned()]);
    let mut open = VecDeque::from([scene.to_owned()]);
    let mut unread = Vec::new();
    while let Some(blend) = open.pop_front() {
        match read(desk, &blend, blend == scene)? {
            Ok(references) => {
                for library in found.follow(&blend, &references) {
                    if libraries.len() <= MAX_LIBRARIES && libraries.insert(library.clone()) {
                        open.push_back(library);
                    }
                }
            }
            Err(warning) => unread.push(warning),
        }
    }
    if libraries.len() > MAX_LIBRARIES {
        warnings.push(format!("the scene links more than {MAX_LIBRARIES} libraries; not all were followed"));
    }
    match desk.files.refers(scene) {
        Some(told) => found.add_told(&told),
        None => warnings.extend(unread),
    }
    Ok(found.into_files())
}

/// The references of one .blend, or why they stay unknown; what a damaged scene breaks is an error.
fn read(desk: &Desk<'_>, blend: &str, is_scene: bool) -> Result<Result<Vec<Reference>, String>, DraftError> {
    let read = look_into(desk, blend, |size| blend::references(|| desk.files.open(blend), size, BlendLimits::TRACE));
    match read {
        Ok(Ok(references)) => Ok(Ok(references)),
        // The scene itself must be whole; too large to walk through is no reason to refuse it.
        Ok(Err(source @ (BlendError::Damaged { .. } | BlendError::NotABlend { .. }))) if is_scene => {
            Err(DraftError::Blend { path: blend.to_owned(), source })
        }
        Err(error) if is_scene => Err(error),
        Ok(Err(error)) => Ok(Err(format!("the files that '{}' refers to are not known: {error}", base(blend)))),
        Err(error) => Ok(Err(error.to_string())),
    }
}

struct Found<'a> {
    desk: &'a Desk<'a>,
    closest: Closest<'a>,
    scene: &'a str,
    files: BTreeMap<String, (ReferenceKind, SceneFileState)>,
    /// What references mean, before it is known which files that is.
    meant: BTreeSet<String>,
}

impl<'a> Found<'a> {
    fn new(desk: &'a Desk<'a>, scene: &'a str) -> Self {
        let closest = Closest::new(desk.files, parent(scene));
        Self { desk, closest, scene, files: BTreeMap::new(), meant: BTreeSet::new() }
    }

    /// Adds what the references of `blend` stand for, and its folder of caches; returns the libraries that are here.
    fn follow(&mut self, blend: &str, references: &[Reference]) -> Vec<String> {
        let mut libraries = Vec::new();
        for reference in references {
            let Some(path) = resolve(&reference.path, blend) else {
                self.add_missing(String::from_utf8_lossy(&reference.path).into_owned(), reference.kind);
                continue;
            };
            if reference.packed {
                self.add(path, reference.kind, SceneFileState::Packed);
                continue;
            }
            let files = self.add_all(path, reference.kind, reference.spread);
            if reference.kind == ReferenceKind::Library {
                libraries.extend(files);
            }
        }
        let caches = format!("{}/blendcache_{}", parent(blend), path::stem(blend));
        self.add_all(path::normal(&caches), ReferenceKind::Simulation, Spread::Folder { made: false });
        libraries
    }

    /// Adds paths that Blender told, as far as they are not known; it does not say how many files each stands for.
    fn add_told(&mut self, told: &[String]) {
        for path in told {
            let path = path::normal(path);
            if self.meant.contains(&path) || self.files.contains_key(&path) || blend::is_own_asset(path.as_bytes()) {
                continue;
            }
            let spread = match self.desk.files.kind(&path) {
                FileKind::Folder => Spread::Folder { made: false },
                _ => Spread::Tiles,
            };
            self.add_all(path, ReferenceKind::Other, spread);
        }
    }

    /// Adds the files that a path stands for, or that they are missing; returns those that are here.
    fn add_all(&mut self, path: String, kind: ReferenceKind, spread: Spread) -> Vec<String> {
        let files = files_of(self.desk, &path, spread);
        for file in &files {
            self.add(file.clone(), kind, SceneFileState::Here);
        }
        self.meant.insert(path.clone());
        if files.is_empty() && spread != (Spread::Folder { made: false }) {
            self.add_missing(path, kind);
        }
        files
    }

    fn add_missing(&mut self, path: String, kind: ReferenceKind) {
        let closest = self.closest.to(&path);
        self.add(path, kind, SceneFileState::Missing { closest });
    }

    /// A file that is packed in one place and read in another is read.
    fn add(&mut self, path: String, kind: ReferenceKind, state: SceneFileState) {
        let known = self.files.entry(path).or_insert_with(|| (kind, state.clone()));
        if known.1 == SceneFileState::Packed {
            *known = (kind, state);
        }
    }

    fn into_files(mut self) -> Vec<SceneFile> {
        // A library may link back to the scene, which is no file that the scene needs.
        self.files.remove(self.scene);
        self.files.into_iter().map(|(path, (kind, state))| SceneFile { path, kind, state }).collect()
    }
}

/// The absolute path a reference in `blend` means; `None` for Windows paths and bytes that are not UTF-8.
fn resolve(written: &[u8], blend: &str) -> Option<String> {
    let text = std::str::from_utf8(written).ok()?;
    match text.strip_prefix("//") {
        // Windows' Blender writes relative paths with its own separator.
        Some(relative) => Some(path::normal(&format!("{}/{}", parent(blend), relative.replace('\\', "/")))),
        None if text.starts_with('/') => Some(path::normal(text)),
        None => None,
    }
}

/// The files that exist for a path, which may stand for many.
fn files_of(desk: &Desk<'_>, path: &str, spread: Spread) -> Vec<String> {
    let around = match spread {
        // A folder that cannot be read, or is too large to be carried, counts as not there.
        Spread::Folder { .. } => {
            return desk.files_of(path).map(|files| files.into_iter().collect()).unwrap_or_default();
        }
        Spread::One => None,
        Spread::Tiles => ["<UDIM>", "<UVTILE>"].iter().find_map(|mark| base(path).split_once(mark)),
        Spread::Sequence => around_number(base(path)),
    };
    let is_file = |path: &String| matches!(desk.files.kind(path), FileKind::File { .. });
    let Some((start, end)) = around else {
        return Some(path.to_owned()).filter(is_file).into_iter().collect();
    };
    let fits = |name: &String| {
        let middle = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        middle.is_some_and(|middle| {
            !middle.is_empty() && middle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    };
    let folder = parent(path);
    let names = desk.files.list(folder).unwrap_or_default();
    let names = names.into_iter().filter_map(|name| name.into_string().ok()).filter(fits);
    let mut files: Vec<_> =
        names.map(|name| format!("{}/{name}", folder.trim_end_matches('/'))).filter(is_file).collect();
    files.sort_unstable();
    files
}

/// What stands before and after the last number of a name, or the signs for one: `("wave_", ".png")` of `wave_0001.png`.
fn around_number(name: &str) -> Option<(&str, &str)> {
    let is_digit = |c: char| c.is_ascii_digit() || c == '#';
    let end = name.rfind(is_digit)? + 1;
    let start = name[..end].trim_end_matches(is_digit).len();
    Some((&name[..start], &name[end..]))
}

#[cfg(test)]
mod tests;
