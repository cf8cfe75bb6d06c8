//! Dropped folders that are no project: pictures in them, and how much they hold.

use super::{DraftError, LeftOut, commons::Desk, paths::Found};
use crate::{
    files::FileKind,
    recipe::{Reader, Seen},
};

/// Entries that are looked at: more take a disk longer than a person waits for a sentence.
const MAX_COUNTED: u64 = 100_000;

/// The files of a folder that one recipe takes together, where they are most of what lies in it.
pub(super) fn batch<'a>(desk: &Desk<'a>, folder: &str, names: &[String]) -> Result<Option<Found<'a>>, DraftError> {
    let shown: Vec<_> = names.iter().filter(|name| !name.starts_with('.')).collect();
    let recipe_of = |name: &str| {
        let seen = Seen { name: name.to_owned(), ..Seen::default() };
        desk.recipes.find(&seen).filter(|recipe| recipe.reader == Reader::Files)
    };
    let Some(recipe) = shown.iter().find_map(|name| recipe_of(name)) else { return Ok(None) };
    let mut found = Found { recipe, paths: Vec::new(), left_out: LeftOut::default() };
    for name in &shown {
        let path = format!("{folder}/{name}");
        let is_known = recipe_of(name).is_some_and(|other| other.name == recipe.name);
        match desk.files.kind(&path) {
            FileKind::File { .. } if is_known => found.paths.push(path),
            FileKind::Folder => found.left_out.folders += 1,
            _ => found.left_out.files += 1,
        }
    }
    Ok((found.paths.len() * 2 > shown.len()).then_some(found))
}

/// Why a folder is not taken as it is, with what it holds.
pub(super) fn unknown(desk: &Desk<'_>, folder: &str) -> DraftError {
    let (mut files, mut size_bytes, mut seen) = (0, 0, 0);
    let mut open = vec![folder.to_owned()];
    while let Some(inner) = open.pop() {
        // What may not be looked into is not counted: here nothing of it is read anyway.
        for name in desk.files.list(&inner).unwrap_or_default() {
            seen += 1;
            let Ok(name) = name.into_string() else { continue };
            let path = format!("{inner}/{name}");
            match desk.files.kind(&path) {
                FileKind::Folder => open.push(path),
                FileKind::File { size_bytes: more, .. } => {
                    files += 1;
                    size_bytes += more;
                }
                FileKind::Missing | FileKind::Unreadable { .. } | FileKind::Other => {}
            }
            if seen == MAX_COUNTED {
                return DraftError::UnknownFolder { path: folder.to_owned(), files, size_bytes, at_least: true };
            }
        }
    }
    DraftError::UnknownFolder { path: folder.to_owned(), files, size_bytes, at_least: false }
}
