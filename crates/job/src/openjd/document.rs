use openjd_model::{
    CallerLimits,
    template::parse::{DocumentType, document_string_to_object},
};
use serde_json::{Map, Value};

use super::error::{Problem, problems};

/// A YAML or JSON text read into its keys and values.
#[derive(Debug, Clone)]
pub(crate) struct Document(pub(crate) Map<String, Value>);

/// Why a text is not a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DocumentError {
    /// Over the limit; nothing was parsed.
    TooLarge { bytes: usize, limit: usize },
    /// Neither YAML nor JSON with keys at the top.
    Malformed { problems: Vec<Problem> },
}

impl Document {
    /// Reads YAML or JSON, told apart by the first character. Depth is bounded by the parsers (128 levels), aliases by
    /// the YAML parser's budget.
    pub(crate) fn read(text: &str, limit: usize) -> Result<Self, DocumentError> {
        if text.len() > limit {
            return Err(DocumentError::TooLarge { bytes: text.len(), limit });
        }
        let text = text.trim_start_matches('\u{feff}');
        let parse = |kind| document_string_to_object(text, kind, &CallerLimits::default());
        let parsed = if text.trim_start().starts_with('{') {
            // A YAML flow mapping starts like JSON; what is neither is reported as broken JSON.
            parse(DocumentType::Json).or_else(|error| parse(DocumentType::Yaml).map_err(|_| error))
        } else {
            parse(DocumentType::Yaml)
        };
        match parsed {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(DocumentError::Malformed { problems: Vec::new() }),
            Err(error) => Err(DocumentError::Malformed { problems: problems(error) }),
        }
    }
}
