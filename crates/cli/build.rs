//! Lists the window's files for `src/window.rs`, so that the program carries them inside.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Where `cargo xtask ui` puts the built window; always there, so that cargo notices when it changes.
const FOLDER: &str = "window";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed={FOLDER}");
    let folder = fs::canonicalize(FOLDER)?;
    let mut files = Vec::new();
    list(&folder, &mut files)?;
    files.sort();
    let rows = files.iter().filter_map(|file| row(&folder, file));
    let list = format!("&[\n{}]\n", rows.collect::<String>());
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or(io::ErrorKind::NotFound)?;
    fs::write(out.join("pages.rs"), list)
}

/// Every file of a built window below `folder`.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path.file_name().is_some_and(|name| name != ".gitignore") {
            files.push(path);
        }
    }
    Ok(())
}

/// One file as a Rust expression.
fn row(folder: &Path, file: &Path) -> Option<String> {
    let path = file.strip_prefix(folder).ok()?.to_str()?;
    Some(format!("    Page {{ path: {path:?}, bytes: include_bytes!({file:?}) }},\n"))
}
