use serde_json::{Map, Value};

use super::error::{Problem, whole};

/// A YAML or JSON text read into its keys and values.
#[derive(Debug, Clone)]
pub(crate) struct Document(pub(crate) Map<String, Value>);

/// Why a text is not a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DocumentError {
    /// Over the limit; nothing was parsed.
    TooLarge { bytes: usize, limit: usize },
    /// Neither YAML nor JSON with keys at the top.
    Malformed { problem: Problem },
}

/// Deepest nesting of a YAML text: three times what any template needs. The crate's own limit of 128 lets a text through
/// that overflows the 2 MiB stack of an ordinary thread in an unoptimised build.
const MAX_YAML_DEPTH: usize = 32;

impl Document {
    /// Reads YAML or JSON, told apart by the first character. JSON nests 128 levels at most, YAML [`MAX_YAML_DEPTH`]; what
    /// aliases blow up to is bounded by the YAML parser's budget.
    pub(crate) fn read(text: &str, limit: usize) -> Result<Self, DocumentError> {
        if text.len() > limit {
            return Err(DocumentError::TooLarge { bytes: text.len(), limit });
        }
        let text = text.trim_start_matches('\u{feff}');
        let parsed = if text.trim_start().starts_with('{') {
            // A YAML flow mapping starts like JSON; what is neither is reported as broken JSON.
            json(text).or_else(|error| yaml(text).map_err(|_| error))
        } else {
            yaml(text)
        };
        match parsed {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(malformed("the document does not consist of keys and values")),
            Err(message) => Err(malformed(&message)),
        }
    }
}

fn malformed(message: &str) -> DocumentError {
    DocumentError::Malformed { problem: whole(message) }
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))
}

/// Reads scalars as the Open Job Description crate does: only `true` and `false` are booleans, `.inf` is text.
fn yaml(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        reject_non_finite_typeless_float: false,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: MAX_YAML_DEPTH },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| format!("not valid YAML: {error}"))
}
