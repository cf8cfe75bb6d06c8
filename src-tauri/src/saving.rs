//! Copies of files of the tree, where a person says: the page names what is copied, and never where it goes.

use std::{io, path::Path};

use gridwell_api::{ApiError, ErrorCode};
use gridwell_serve::TreeView;
use tauri::{AppHandle, Window};
use tauri_plugin_dialog::DialogExt as _;
use tokio::{io::AsyncWriteExt as _, sync::oneshot};

use crate::house::House;

/// Asks where the copy goes, and makes it; returns its path, or nothing if the person changed their mind.
pub(crate) async fn save(
    app: &AppHandle,
    window: &Window,
    house: &House,
    path: &str,
    joined: bool,
) -> Result<Option<String>, ApiError> {
    let Some(to) = ask(app, window, name_of(path, joined)).await else { return Ok(None) };
    let view = if joined { TreeView::Joined } else { TreeView::Whole };
    let (_, mut content) = house.client().file(path, &view).await?;
    let failed = |error: io::Error| refused(&to, &error);
    let part = part_beside(&to).map_err(failed)?;
    let (file, part) = part.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    while let Some(bytes) = content.next().await? {
        file.write_all(&bytes).await.map_err(failed)?;
    }
    // Nobody ever sees half of it under its name. The dialog has asked whether a file that lies there goes.
    file.sync_all().await.map_err(failed)?;
    part.persist(&to).map_err(|error| refused(&to, &error.error))?;
    Ok(Some(to.to_string_lossy().into_owned()))
}

async fn ask(app: &AppHandle, window: &Window, name: String) -> Option<std::path::PathBuf> {
    let (answer, answered) = oneshot::channel();
    app.dialog().file().set_parent(window).set_file_name(name).save_file(move |chosen| {
        // The window has gone: nobody waits for the copy.
        let _ = answer.send(chosen);
    });
    answered.await.ok().flatten()?.into_path().ok()
}

/// What the copy is called if nobody says otherwise.
fn name_of(path: &str, joined: bool) -> String {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    if joined { format!("{name} (joined)") } else { name.to_owned() }
}

fn part_beside(to: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = to.parent().unwrap_or_else(|| Path::new("/"));
    // What its owner's mask takes away, it takes away here too.
    let usual = std::fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".gridwell-").suffix(".part").permissions(usual).tempfile_in(folder)
}

fn refused(to: &Path, error: &io::Error) -> ApiError {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        _ => ErrorCode::OutputNotWritable,
    };
    ApiError::new(code, format!("cannot write '{}': {error}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_name_of_its_file() {
        assert_eq!(name_of("/mill/Textures/oak 2.png", false), "oak 2.png");
        assert_eq!(name_of("/mill/logs/render/", true), "render (joined)");
    }
}
