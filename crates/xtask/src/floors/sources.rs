use std::path::Path;

use super::Fault;
use crate::shell::Failure;

/// What pure sources must not name, and why.
const BANNED: &[(&str, &str)] = &[
    ("std::fs", "files are handed in as bytes"),
    ("std::net", "messages are handed in"),
    ("std::thread", "engines have no threads"),
    ("std::process", "only exec starts processes"),
    ("std::env", "settings are handed in"),
    ("Instant::now", "the caller passes now"),
    ("SystemTime::now", "the caller passes now"),
    ("HashMap", "its order differs from run to run; use BTreeMap"),
    ("HashSet", "its order differs from run to run; use BTreeSet"),
];

/// A comment that allows what stands on its own line or on the next one; its reason follows.
const ALLOW: &str = "// floors:";

/// Reads every Rust source below `folder`, tests left out.
pub(super) fn check_folder(folder: &Path, faults: &mut Vec<Fault>) -> Result<(), Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| Failure::file(folder, error))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| Failure::file(folder, error))?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "tests") {
                check_folder(&path, faults)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).map_err(|error| Failure::file(&path, error))?;
            check_text(&path.display().to_string(), &text, faults);
        }
    }
    Ok(())
}

/// Checks one source up to its test module, which a file has last.
pub(super) fn check_text(file: &str, text: &str, faults: &mut Vec<Fault>) {
    let mut allowed_before = false;
    let mut grouped = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim() == "#[cfg(test)]" {
            return;
        }
        let allowed = allowed_before || line.contains(ALLOW);
        allowed_before = line.trim_start().starts_with(ALLOW);
        let code = line.split("//").next().unwrap_or_default();
        grouped |= code.contains("std::{");
        if !allowed {
            let hits = BANNED.iter().filter(|(word, _)| names(code, word) || (grouped && names_in_group(code, word)));
            faults
                .extend(hits.map(|(word, why)| Fault::new(format!("{file}:{number}"), format!("names {word}: {why}"))));
        }
        grouped &= !code.contains("};");
    }
}

/// True if `code` holds `word` as a whole name.
fn names(code: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = code[start + word.len()..].chars().next();
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

/// True if one line of `use std::{…}` names the module `word`, which begins with `std::`.
fn names_in_group(code: &str, word: &str) -> bool {
    let Some(module) = word.strip_prefix("std::") else { return false };
    let words = code.trim_start().trim_start_matches("use std::{").split([',', '{', '}', ';']);
    words.map(str::trim).any(|path| path == module || path.starts_with(&format!("{module}::")))
}
