use std::collections::BTreeSet;

use super::{
    Draft, DraftError, SceneFileState,
    commons::Desk,
    paths::{Job, own_range},
    refers::refers,
};
use crate::{
    blend::{self, BlendCard, BlendError, BlendLimits},
    files::FileKind,
    recipe::Recipe,
};

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
    draft.refers = refers(desk, path, &mut warnings)?;
    let here = draft.refers.iter().filter(|file| file.state == SceneFileState::Here).map(|file| file.path.clone());
    draft.inputs = draft.inputs.into_iter().chain(here).collect::<BTreeSet<_>>().into_iter().collect();
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
    let card = |size| desk.files.open(path).map(|source| blend::card(source, size, BlendLimits::CARD));
    let unreadable =
        |error: std::io::Error| DraftError::Unreadable { path: path.to_owned(), reason: error.to_string() };
    match look_into(desk, path, card)?.map_err(unreadable)? {
        Ok(card) => Ok(card),
        Err(newer @ BlendError::NewerThanKnown { .. }) => {
            warnings.push(newer.to_string());
            Ok(BlendCard::default())
        }
        Err(source) => Err(DraftError::Blend { path: path.to_owned(), source }),
    }
}

/// Reads the file at `path`, of the size that `read` is told, and makes sure that it stayed as it was meanwhile.
pub(super) fn look_into<T>(desk: &Desk<'_>, path: &str, read: impl FnOnce(u64) -> T) -> Result<T, DraftError> {
    let before = desk.look(path)?;
    let FileKind::File { size_bytes, .. } = before else {
        return Err(DraftError::NotAFile { path: path.to_owned() });
    };
    let read = read(size_bytes);
    if desk.files.kind(path) != before {
        let reason = "it changed while it was read; try again".to_owned();
        return Err(DraftError::Unreadable { path: path.to_owned(), reason });
    }
    Ok(read)
}

/// The range of the scene asked for, else of the first; `None` if the file states none.
fn own_frames(card: &BlendCard, scene: Option<&str>) -> Option<Result<String, crate::over::OverError>> {
    let named = scene.and_then(|name| card.scenes.iter().find(|scene| scene.name == name));
    let scene = named.or(card.scenes.first())?;
    Some(own_range(scene.start, scene.end))
}
