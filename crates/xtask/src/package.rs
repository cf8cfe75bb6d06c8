//! Packages that people install: deb and rpm, with both programs in them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    setup,
    shell::{self, Failure},
    ui,
};

/// The bundler; from the registry, because it is used nowhere else.
const BUNDLER: &str = "--package=@tauri-apps/cli@2.12.5";

/// Builds window, programs and packages; prints where they lie.
pub(crate) fn run(options: &[String]) -> Result<(), Failure> {
    let mut profile = "shipped";
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--profile" => profile = words.next().ok_or_else(|| Failure::Usage { word: word.clone() })?,
            _ => return Err(Failure::Usage { word: word.clone() }),
        }
    }
    setup::install(&setup::WINDOW)?;
    ui::build()?;
    for package in build(profile)? {
        println!("{}", package.display());
    }
    Ok(())
}

/// Builds the packages under a cargo profile; returns their paths in `target/packages`.
pub(crate) fn build(profile: &str) -> Result<Vec<PathBuf>, Failure> {
    shell::run(shell::cargo().args(["build", "--package", "gridwell-cli", "--profile", profile]))?;
    let target = shell::target_dir()?;
    let folder = target.join(if profile == "dev" { "debug" } else { profile });
    // The window is no use without the peer's own program: sessions run in it.
    let files = serde_json::json!({ "/usr/bin/gridwell": folder.join("gridwell") });
    let more = serde_json::json!({ "bundle": { "linux": { "deb": { "files": files }, "rpm": { "files": files } } } });
    let mut command = Command::new("npm");
    command.args(["exec", "--yes", BUNDLER, "--", "tauri", "build", "--bundles", "deb,rpm"]);
    command.args(["--config", &more.to_string()]).current_dir(shell::workspace());
    if profile == "dev" {
        command.arg("--debug");
    } else {
        command.args(["--", "--profile", profile]);
    }
    shell::run(&mut command)?;
    let packages = target.join("packages");
    fs::create_dir_all(&packages).map_err(|error| Failure::file(&packages, error))?;
    let mut made = Vec::new();
    for kind in ["deb", "rpm"] {
        made.push(take(&folder.join("bundle").join(kind), kind, &packages)?);
    }
    Ok(made)
}

/// Copies the package of a kind out of the bundler's folder.
fn take(folder: &Path, kind: &str, to: &Path) -> Result<PathBuf, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::file(folder, error))?;
    let package = entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == kind));
    let package = package.ok_or_else(|| Failure::file(folder, std::io::ErrorKind::NotFound.into()))?;
    let copy = to.join(package.file_name().unwrap_or_default());
    fs::copy(&package, &copy).map_err(|error| Failure::file(&package, error))?;
    Ok(copy)
}
