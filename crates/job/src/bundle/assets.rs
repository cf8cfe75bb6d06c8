use serde_json::{Map, Value};

use super::{Bundle, error::BundleError, report::Report, sidecar::shown};
use crate::openjd::Document;

const FILE: &str = "asset_references";

/// Files and folders a job needs or makes that no parameter names; relative ones start at the bundle's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assets {
    /// Files it reads.
    pub input_files: Vec<String>,
    /// Folders it reads everything of.
    pub input_folders: Vec<String>,
    /// Folders into which it writes.
    pub output_folders: Vec<String>,
    /// Paths that it mentions: they are mapped, not copied.
    pub referenced_paths: Vec<String>,
}

impl Assets {
    /// Most paths that are read: far above what people list, far below what would hurt.
    pub const MAX_PATHS: usize = 100_000;

    pub(super) fn read(text: &str, report: &mut Report) -> Result<Self, BundleError> {
        let document =
            Document::read(text, Bundle::MAX_FILE_BYTES).map_err(|error| BundleError::document(FILE, error))?;
        let mut assets = Self::default();
        for (key, value) in &document.0 {
            if key != "assetReferences" {
                report.ignored(format!("{FILE}: unknown key '{key}'"));
                continue;
            }
            for (key, value) in object("assetReferences", value)? {
                match key.as_str() {
                    "inputs" => assets.inputs(object(key, value)?, report)?,
                    "outputs" => assets.outputs(object(key, value)?, report)?,
                    "referencedPaths" => assets.referenced_paths = paths(key, value)?,
                    _ => report.ignored(format!("{FILE}: unknown key '{key}'")),
                }
            }
        }
        let inputs = assets.input_files.len() + assets.input_folders.len();
        report.understood(format!("{inputs} input paths and {} output folders", assets.output_folders.len()));
        Ok(assets)
    }

    fn inputs(&mut self, inputs: &Map<String, Value>, report: &mut Report) -> Result<(), BundleError> {
        for (key, value) in inputs {
            match key.as_str() {
                "filenames" => self.input_files = paths("inputs.filenames", value)?,
                "directories" => self.input_folders = paths("inputs.directories", value)?,
                _ => report.ignored(format!("{FILE}: unknown key 'inputs.{key}'")),
            }
        }
        Ok(())
    }

    fn outputs(&mut self, outputs: &Map<String, Value>, report: &mut Report) -> Result<(), BundleError> {
        for (key, value) in outputs {
            match key.as_str() {
                "directories" => self.output_folders = paths("outputs.directories", value)?,
                _ => report.ignored(format!("{FILE}: unknown key 'outputs.{key}'")),
            }
        }
        Ok(())
    }
}

fn object<'a>(place: &str, value: &'a Value) -> Result<&'a Map<String, Value>, BundleError> {
    let wrong =
        || BundleError::Value { file: FILE, place: place.to_owned(), wanted: "keys and values", found: shown(value) };
    value.as_object().ok_or_else(wrong)
}

fn paths(place: &str, value: &Value) -> Result<Vec<String>, BundleError> {
    let wrong = |wanted| BundleError::Value { file: FILE, place: place.to_owned(), wanted, found: shown(value) };
    let list = value.as_array().ok_or_else(|| wrong("a list of paths"))?;
    if list.len() > Assets::MAX_PATHS {
        return Err(wrong("at most 100000 paths"));
    }
    let path = |one: &Value| {
        let path = one.as_str().filter(|path| !path.is_empty()).ok_or_else(|| wrong("a list of paths"))?;
        stays_inside(FILE, path)?;
        Ok(path.to_owned())
    };
    list.iter().map(path).collect()
}

/// Refuses a relative path that climbs out of the bundle; an absolute one is the user's own machine.
pub(super) fn stays_inside(file: &'static str, path: &str) -> Result<(), BundleError> {
    let drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with(['/', '\\']) || drive {
        return Ok(());
    }
    let mut depth = 0_i64;
    for part in path.split(['/', '\\']) {
        depth += match part {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        if depth < 0 {
            return Err(BundleError::Leaves { file, path: path.to_owned() });
        }
    }
    Ok(())
}
