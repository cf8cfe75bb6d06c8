//! Which paths of a job lead where on this machine.

use std::{collections::BTreeSet, path::Path};

use gridwell_job::{PathRule, PathStyle};
use gridwell_model::{JobSpec, RelPath};

use super::TransferError;

/// A spec from another machine may name anything: inputs must stay below the folder that they are brought to.
pub(super) fn check_inputs(spec: &JobSpec) -> Result<(), TransferError> {
    let is_plain = |path: &str| path.strip_prefix('/').is_some_and(|below| RelPath::new(below).is_ok());
    match spec.inputs.iter().find(|input| !is_plain(&input.path)) {
        Some(input) => Err(TransferError::BadInput { path: input.path.clone() }),
        None => Ok(()),
    }
}

/// The rules that lead a job's programs to its inputs, wherever they lie below `root`.
pub(crate) fn rules_through(spec: &JobSpec, root: &Path) -> Result<Vec<PathRule>, TransferError> {
    check_inputs(spec)?;
    Ok(input_rules(spec, root))
}

/// Rules for every folder that holds an input, and for every parameter that names a folder above one.
pub(super) fn input_rules(spec: &JobSpec, root: &Path) -> Vec<PathRule> {
    let inputs = input_paths(spec);
    let parents = inputs.iter().filter_map(|input| Path::new(input).parent()?.to_str());
    let named = spec.parameters.iter().map(|(_, value)| value.as_str()).filter(|value| is_read(&inputs, value));
    let sources: BTreeSet<&str> = parents.chain(named).filter(|source| *source != "/").collect();
    let mut rules: Vec<_> = sources.into_iter().map(|source| staged(source, root)).collect();
    rules.extend(rules_of_their_own(spec, root));
    rules
}

/// Rules for inputs that lie where results land: the rule of that folder, which leads to its stand-in, is not for them.
pub(super) fn rules_of_their_own(spec: &JobSpec, root: &Path) -> Vec<PathRule> {
    let inputs = input_paths(spec);
    let written: Vec<&str> =
        spec.output_folders.iter().map(String::as_str).filter(|folder| is_written(spec, &inputs, folder)).collect();
    let inside = |path: &str| written.iter().any(|folder| path != *folder && Path::new(path).starts_with(folder));
    let named = spec.parameters.iter().map(|(_, value)| value.as_str()).filter(|value| is_read(&inputs, value));
    let sources: BTreeSet<&str> = inputs.iter().copied().chain(named).filter(|source| inside(source)).collect();
    sources.into_iter().map(|source| staged(source, root)).collect()
}

fn staged(source: &str, root: &Path) -> PathRule {
    PathRule {
        style: PathStyle::Posix,
        source: source.to_owned(),
        destination: root.join(source.trim_start_matches('/')).to_string_lossy().into_owned(),
    }
}

pub(super) fn input_paths(spec: &JobSpec) -> BTreeSet<&str> {
    spec.inputs.iter().map(|input| input.path.as_str()).collect()
}

/// True for an input and for every folder above one.
fn is_read(inputs: &BTreeSet<&str>, path: &str) -> bool {
    let below = format!("{path}/");
    inputs.contains(path)
        || path.starts_with('/') && inputs.range(below.as_str()..).next().is_some_and(|next| next.starts_with(&below))
}

/// True if a parameter names the folder, or something in it that is not read: programs write there by that name.
pub(super) fn is_written(spec: &JobSpec, inputs: &BTreeSet<&str>, folder: &str) -> bool {
    let names = |path: &str| path == folder || Path::new(path).starts_with(folder) && !is_read(inputs, path);
    spec.parameters.iter().any(|(_, value)| match serde_json::from_str::<Vec<String>>(value) {
        Ok(paths) => paths.iter().any(|path| names(path)),
        Err(_) => names(value),
    })
}
