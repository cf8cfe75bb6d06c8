//! From dropped paths or a command to a job that could be started as it is.
//!
//! Reads through [`crate::Files`] only, starts nothing, sends nothing: `inspect` shows a draft, `submit` starts it.

mod blend;
mod closest;
mod command;
mod commons;
mod error;
mod folder;
mod openjd;
mod path;
mod paths;
mod placeholder;
mod refers;
mod request;
mod result;

pub use command::COMMAND;
pub use error::DraftError;
pub(crate) use path::normal;
pub use request::{Command, DraftRequest, Over, What};
pub use result::{Draft, LeftOut, SceneFile, SceneFileState};

use crate::{files::Files, recipe::Recipes};

/// Turns a request into drafts: one per dropped path (pictures dropped together make one), one for a command.
///
/// # Errors
///
/// [`DraftError`], one line, for the first thing that keeps any of them from being started as asked.
pub fn draft(request: &DraftRequest, recipes: &Recipes, files: &dyn Files) -> Result<Vec<Draft>, DraftError> {
    let folder = path::utf8(&request.folder)?;
    if !folder.starts_with('/') {
        return Err(DraftError::NotAbsolute { folder: folder.to_owned() });
    }
    let desk = commons::Desk { request, recipes, files, folder: normal(folder) };
    match &request.what {
        What::Paths(paths) => paths::draft_paths(&desk, paths),
        What::Command(command) => Ok(vec![command::draft_command(&desk, command)?]),
    }
}

#[cfg(test)]
mod tests;
