//! The TypeScript forms of what crosses the local door, made from the Rust types.

use std::{fs, path::PathBuf};

use crate::shell::{self, Failure};

/// Writes the forms where the window's sources expect them.
pub(crate) fn write() -> Result<(), Failure> {
    let (path, text) = (path(), made()?);
    let folder = path.with_file_name("");
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    fs::write(&path, text).map_err(|error| Failure::file(&path, error))?;
    println!("bindings: wrote {}", path.display());
    Ok(())
}

/// Fails if the written forms are not those of the types, or do not describe what the types write.
pub(crate) fn check() -> Result<(), Failure> {
    shell::run(shell::cargo().args([
        "test",
        "--quiet",
        "--package",
        "gridwell-api",
        "--features",
        "ts",
        "typescript",
    ]))?;
    let path = path();
    let kept = fs::read_to_string(&path).map_err(|error| Failure::file(&path, error))?;
    if kept == made()? { Ok(()) } else { Err(Failure::Outdated { path, chore: "cargo xtask bindings" }) }
}

fn path() -> PathBuf {
    shell::workspace().join("ui/src/bridge/api.ts")
}

fn made() -> Result<String, Failure> {
    let words = ["run", "--quiet", "--package", "gridwell-api", "--features", "ts", "--example", "bindings"];
    shell::output(shell::cargo().args(words))
}
