use super::{DraftError, path};

/// A part of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text as it is.
    Text(String),
    /// The value, or a part of it.
    Value(Form),
    /// The position, counted from 1.
    Position,
    /// The value of a column, by its place in the table.
    Column(usize),
}

/// Which part of a value; GNU parallel's replacement strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// `{}`
    Whole,
    /// `{.}`
    WithoutExtension,
    /// `{/}`
    Base,
    /// `{//}`
    Folder,
    /// `{/.}`
    Stem,
}

impl Form {
    /// The part of `value` it means.
    pub(super) fn of(self, value: &str) -> String {
        match self {
            Self::Whole => value.to_owned(),
            Self::WithoutExtension => match value.rsplit_once('/') {
                Some((folder, base)) => format!("{folder}/{}", path::stem(base)),
                None => path::stem(value).to_owned(),
            },
            Self::Base => path::base(value).to_owned(),
            Self::Folder => match value.rsplit_once('/') {
                Some(("", _)) => "/".to_owned(),
                Some((folder, _)) => folder.to_owned(),
                None => ".".to_owned(),
            },
            Self::Stem => path::stem(value).to_owned(),
        }
    }

    /// The same part of a PATH expression, so that it is taken after path mapping.
    pub(super) fn of_path_expression(self, path: &str) -> String {
        match self {
            Self::Whole => path.to_owned(),
            Self::WithoutExtension => format!("{path}.parent / {path}.stem"),
            Self::Base => format!("{path}.name"),
            Self::Folder => format!("{path}.parent"),
            Self::Stem => format!("{path}.stem"),
        }
    }
}

/// Splits an argument at its placeholders; `columns` are the names that `{NAME}` may use, if it may.
pub(super) fn split(argument: &str, columns: Option<&[String]>) -> Result<Vec<Piece>, DraftError> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = argument;
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        let (word, after) = rest[at + 1..].split_once('}').unwrap_or(("{", ""));
        match piece(word, columns)? {
            Some(piece) => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(piece);
                rest = after;
            }
            None => {
                text.push('{');
                rest = &rest[at + 1..];
            }
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

fn piece(word: &str, columns: Option<&[String]>) -> Result<Option<Piece>, DraftError> {
    Ok(Some(match word {
        "" => Piece::Value(Form::Whole),
        "." => Piece::Value(Form::WithoutExtension),
        "/" => Piece::Value(Form::Base),
        "//" => Piece::Value(Form::Folder),
        "/." => Piece::Value(Form::Stem),
        "#" => Piece::Position,
        name => {
            let Some(columns) = columns else { return Ok(None) };
            if let Some(column) = columns.iter().position(|column| column == name) {
                return Ok(Some(Piece::Column(column)));
            }
            // Braces of another language stay; what reads like a column's name is a typing mistake.
            let like_a_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !like_a_name {
                return Ok(None);
            }
            let reason = format!("the table's columns are: {}", columns.join(", "));
            return Err(DraftError::Placeholder { placeholder: format!("{{{name}}}"), reason });
        }
    }))
}
