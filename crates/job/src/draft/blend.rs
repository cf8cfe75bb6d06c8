use std::collections::{BTreeSet, VecDeque};

use super::{
    Draft, DraftError,
    commons::Desk,
    path::{self, base, parent},
    paths::{Job, own_range},
};
use crate::{
    blend::{self, BlendCard, BlendError, BlendLimits, Reference, ReferenceKind, Spread},
    files::FileKind,
    recipe::Recipe,
};

/// Libraries followed: a scene that links more is submitted with those found so far and a warning.
const MAX_LIBRARIES: usize = 256;

/// Frames of a scene that says nothing: Blender's own default.
const UNKNOWN_FRAMES: Option<&str> = None;

/// Drafts a .blend: frames from its card, inputs from its file references.
pub(super) fn draft_blend(desk: &Desk<'_>, recipe: &Recipe, path: &str) -> Result<Draft, DraftError> {
    let mut warnings = Vec::new();
    let card = read_card(desk, path, &mut warnings)?;
    let job = Job::new(desk, recipe, std::slice::from_ref(&path.to_owned()));
    let own = match own_frames(&card, job.asked("Scene")) {
        Some(range) if desk.request.frames.is_none() => Some(range?),
        _ => UNKNOWN_FRAMES.map(str::to_owned),
    };
    if card.scenes.len() > 1 && job.asked("Scene").is_none() {
        let names: Vec<_> = card.scenes.iter().map(|scene| scene.name.as_str()).collect();
        warnings.push(format!(
            "the file has {} scenes ({}); Blender renders the one it was saved with, choose with --param Scene=NAME",
            names.len(),
            names.join(", ")
        ));
    }
    if let Some(damaged) = card.damaged {
        warnings.push(format!("{damaged}; there is no preview"));
    }
    if card.version > BlendCard::NEWEST_KNOWN {
        warnings.push(format!("saved by Blender {}, which is newer than Gridwell knows", card.version_words()));
    }
    let mut draft = job.draft(own.as_deref())?;
    let found = trace(desk, path, &mut warnings)?;
    draft.inputs = draft.inputs.into_iter().chain(found.files).collect::<BTreeSet<_>>().into_iter().collect();
    warnings.extend(found.missing.iter().map(|missing| format!("'{missing}' is missing; the scene refers to it")));
    draft.missing = found.missing.into_iter().collect();
    draft.warnings = warnings;
    if card.version > 0 {
        draft.facts.push(("Blender".to_owned(), card.version_words()));
    }
    if let Some(picture) = &card.thumbnail {
        draft.facts.push(("Preview".to_owned(), format!("{} × {} pixels", picture.width, picture.height)));
    }
    draft.blend = Some(card);
    Ok(draft)
}

/// Reads the card; a file from a newer Blender gives an empty one and a warning, since Blender may well open it.
fn read_card(desk: &Desk<'_>, path: &str, warnings: &mut Vec<String>) -> Result<BlendCard, DraftError> {
    match open(desk, path, |source, size| blend::card(source, size, BlendLimits::CARD))? {
        Ok(card) => Ok(card),
        Err(newer @ BlendError::NewerThanKnown { .. }) => {
            warnings.push(newer.to_string());
            Ok(BlendCard::default())
        }
        Err(source) => Err(DraftError::Blend { path: path.to_owned(), source }),
    }
}

fn open<T>(desk: &Desk<'_>, path: &str, read: impl FnOnce(Box<dyn std::io::Read>, u64) -> T) -> Result<T, DraftError> {
    let before = desk.look(path)?;
    let FileKind::File { size_bytes, .. } = before else {
        return Err(DraftError::NotAFile { path: path.to_owned() });
    };
    let unreadable = |reason: String| DraftError::Unreadable { path: path.to_owned(), reason };
    let source = desk.files.open(path).map_err(|error| unreadable(error.to_string()))?;
    let read = read(source, size_bytes);
    if desk.files.kind(path) != before {
        return Err(unreadable("it changed while it was read; try again".to_owned()));
    }
    Ok(read)
}

/// The range of the scene asked for, else of the first; `None` if the file states none.
fn own_frames(card: &BlendCard, scene: Option<&str>) -> Option<Result<String, crate::over::OverError>> {
    let named = scene.and_then(|name| card.scenes.iter().find(|scene| scene.name == name));
    let scene = named.or(card.scenes.first())?;
    Some(own_range(scene.start, scene.end))
}

/// Files that a scene and its libraries refer to.
#[derive(Default)]
struct Found {
    files: BTreeSet<String>,
    missing: BTreeSet<String>,
}

/// Follows file references, libraries included, breadth first.
fn trace(desk: &Desk<'_>, scene: &str, warnings: &mut Vec<String>) -> Result<Found, DraftError> {
    let mut found = Found::default();
    let mut seen = BTreeSet::from([scene.to_owned()]);
    let mut open_libraries = VecDeque::from([scene.to_owned()]);
    while let Some(blend) = open_libraries.pop_front() {
        let read = open(desk, &blend, |source, size| blend::references(source, size, BlendLimits::TRACE));
        let references = match read {
            Ok(Ok(references)) => references,
            // The scene itself must be whole; too large to walk through is no reason to refuse it.
            Ok(Err(source @ (BlendError::Damaged { .. } | BlendError::NotABlend { .. }))) if blend == scene => {
                return Err(DraftError::Blend { path: blend, source });
            }
            Ok(Err(error)) => {
                warnings.push(format!("the files that '{}' refers to are not known: {error}", base(&blend)));
                continue;
            }
            Err(error) if blend == scene => return Err(error),
            Err(error) => {
                warnings.push(error.to_string());
                continue;
            }
        };
        for reference in references {
            let Some(path) = resolve(&reference, &blend) else {
                let shown = String::from_utf8_lossy(&reference.path);
                warnings
                    .push(format!("the path '{shown}' in the scene belongs to another system or is not valid UTF-8"));
                continue;
            };
            let files = spread(desk, &path, reference.spread);
            if files.is_empty() {
                found.missing.insert(path.clone());
            }
            let library = reference.kind == ReferenceKind::Library;
            if library && !files.is_empty() && seen.len() <= MAX_LIBRARIES && seen.insert(path.clone()) {
                open_libraries.push_back(path);
            }
            found.files.extend(files);
        }
    }
    if seen.len() > MAX_LIBRARIES {
        warnings.push(format!("the scene links more than {MAX_LIBRARIES} libraries; not all were followed"));
    }
    Ok(found)
}

/// The absolute path a reference in `blend` means; `None` for Windows paths and bytes that are not UTF-8.
fn resolve(reference: &Reference, blend: &str) -> Option<String> {
    let text = std::str::from_utf8(&reference.path).ok()?;
    match text.strip_prefix("//") {
        // Windows' Blender writes relative paths with its own separator.
        Some(relative) => Some(path::normal(&format!("{}/{}", parent(blend), relative.replace('\\', "/")))),
        None if text.starts_with('/') => Some(path::normal(text)),
        None => None,
    }
}

/// The files that exist for a path, which may stand for many.
fn spread(desk: &Desk<'_>, path: &str, spread: Spread) -> Vec<String> {
    let is_file = |path: &String| matches!(desk.files.kind(path), FileKind::File { .. });
    let name = base(path);
    let (start, end) = match spread {
        Spread::One => (name, ""),
        Spread::Tiles => match ["<UDIM>", "<UVTILE>"].iter().find_map(|mark| name.split_once(mark)) {
            Some(around) => around,
            None => (name, ""),
        },
        Spread::Sequence => around_number(name).unwrap_or((name, "")),
    };
    if start.len() == name.len() {
        return Some(path.to_owned()).filter(is_file).into_iter().collect();
    }
    let folder = parent(path);
    let fits = |name: &String| {
        let middle = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        middle.is_some_and(|middle| {
            !middle.is_empty() && middle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    };
    let names = desk.files.list(folder).unwrap_or_default();
    let mut files: Vec<String> = names
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .filter(fits)
        .map(|name| format!("{}/{name}", folder.trim_end_matches('/')))
        .filter(is_file)
        .collect();
    files.sort_unstable();
    files
}

/// What stands before and after the last number of a name: `("wave_", ".png")` of `wave_0001.png`.
fn around_number(name: &str) -> Option<(&str, &str)> {
    let end = name.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name[..end].trim_end_matches(|c: char| c.is_ascii_digit()).len();
    Some((&name[..start], &name[end..]))
}
