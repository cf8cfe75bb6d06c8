use std::collections::BTreeMap;

use serde_json::Value;

use super::{Bundle, error::BundleError, report::Report, sidecar::shown};
use crate::openjd::{Document, Template};

pub(super) const FILE: &str = "parameter_values";

/// Reads `parameterValues: [{name, value}]`. Names with a colon are another scheduler's own settings.
pub(super) fn read(
    text: &str,
    template: &Template,
    report: &mut Report,
) -> Result<BTreeMap<String, String>, BundleError> {
    let document = Document::read(text, Bundle::MAX_FILE_BYTES).map_err(|error| BundleError::document(FILE, error))?;
    let mut values = BTreeMap::new();
    for (key, list) in &document.0 {
        if key != "parameterValues" {
            report.ignored(format!("{FILE}: unknown key '{key}'"));
            continue;
        }
        let wrong = |place: String, wanted, found: &Value| BundleError::Value {
            file: FILE,
            place,
            wanted,
            found: shown(found),
        };
        let list = list.as_array().ok_or_else(|| wrong(key.clone(), "a list", list))?;
        for (at, entry) in list.iter().enumerate() {
            let place = format!("{key}[{at}]");
            let name = entry.get("name").and_then(Value::as_str);
            let (Some(name), Some(value)) = (name, entry.get("value")) else {
                return Err(wrong(place, "a name and a value", entry));
            };
            if name.contains(':') {
                report.ignored(format!("'{name}': a setting of another scheduler"));
                continue;
            }
            known(FILE, name, template)?;
            let value = plain(value).ok_or_else(|| wrong(format!("{place}.value"), "a text, number or list", value))?;
            values.insert(name.to_owned(), value);
        }
    }
    if !values.is_empty() {
        report.understood(format!("values of {}", names(values.keys())));
    }
    Ok(values)
}

pub(super) fn names<'a>(all: impl Iterator<Item = &'a String>) -> String {
    all.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Checks that the template has a parameter of this name.
pub(super) fn known(file: &'static str, name: &str, template: &Template) -> Result<(), BundleError> {
    let known: Vec<_> = template.parameter_names().map(str::to_owned).collect();
    if known.iter().any(|have| have == name) {
        Ok(())
    } else {
        Err(BundleError::UnknownParameter { file, name: name.to_owned(), known })
    }
}

/// A value as text; lists as JSON.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) | Value::Array(_) => Some(value.to_string()),
        Value::Null | Value::Object(_) => None,
    }
}
