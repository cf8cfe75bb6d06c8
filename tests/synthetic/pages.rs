//! The pages of the window, read from where they were built.

use std::{fs, io, path::Path};

use gridwell_api::{ApiError, ErrorCode};
use gridwell_serve::Page;

/// Reads every file below `folder`, for as long as the program runs: the door takes pages that are built in.
pub(crate) fn read(folder: &Path) -> Result<&'static [Page], ApiError> {
    let mut pages = Vec::new();
    collect(folder, "", &mut pages)
        .map_err(|error| ApiError::new(ErrorCode::MissingFile, format!("{}: {error}", folder.display())))?;
    Ok(pages.leak())
}

fn collect(folder: &Path, above: &str, pages: &mut Vec<Page>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), pages)?;
        } else {
            pages.push(Page { path: path.leak(), bytes: fs::read(entry.path())?.leak() });
        }
    }
    Ok(())
}
