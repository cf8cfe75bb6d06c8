//! Where a file that is missing might have gone.

use std::{cell::OnceCell, collections::BTreeMap};

use crate::files::{FileKind, Files};

/// Names looked at in the project's folder: more than any project has, and a fraction of a second.
const MAX_NAMES: usize = 50_000;

/// Folders inside each other that are looked into; links may go in circles.
const MAX_DEPTH: usize = 12;

/// The files below a project's folder by name, looked up once something is missing.
pub(super) struct Closest<'a> {
    files: &'a dyn Files,
    folder: &'a str,
    by_name: OnceCell<BTreeMap<String, Vec<String>>>,
}

impl<'a> Closest<'a> {
    pub(super) const fn new(files: &'a dyn Files, folder: &'a str) -> Self {
        Self { files, folder, by_name: OnceCell::new() }
    }

    /// The file of the same name, whatever its case, that shares the most of the end of `path`, which may come from another system.
    pub(super) fn to(&self, path: &str) -> Option<String> {
        let wanted = parts(path);
        let same = self.by_name.get_or_init(|| by_name(self.files, self.folder)).get(wanted.first()?)?;
        let shared = |path: &&String| parts(path).iter().zip(&wanted).take_while(|(one, other)| one == other).count();
        // Of several the first by name.
        same.iter().rev().max_by_key(shared).cloned()
    }
}

/// The parts of a path from its end, in one case.
fn parts(path: &str) -> Vec<String> {
    path.rsplit(['/', '\\']).map(str::to_lowercase).collect()
}

fn by_name(files: &dyn Files, folder: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut open = vec![(folder.trim_end_matches('/').to_owned(), 0)];
    let mut left = MAX_NAMES;
    while let Some((folder, depth)) = open.pop() {
        // What may not be listed holds nothing that could be read either.
        for name in files.list(&folder).unwrap_or_default() {
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            if left == 0 {
                return found;
            }
            left -= 1;
            let path = format!("{folder}/{name}");
            match files.kind(&path) {
                FileKind::Folder if depth < MAX_DEPTH => open.push((path, depth + 1)),
                FileKind::File { .. } => found.entry(name.to_lowercase()).or_default().push(path),
                _ => {}
            }
        }
    }
    found.values_mut().for_each(|paths| paths.sort_unstable());
    found
}
