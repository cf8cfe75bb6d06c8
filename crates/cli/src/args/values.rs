//! What several commands take.

/// Longest name of a machine, in characters.
const NAME_CHARS: usize = 64;

/// Reads a name that fits into a line.
pub(super) fn machine_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
        return Err(format!("a name has 1 to {NAME_CHARS} characters, none of them control characters"));
    }
    Ok(name.to_owned())
}

/// Reads `KEY=VALUE`; the value may be empty or hold further `=`.
pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

/// Reads a time of at least a second as whole seconds, or `off` as 0.
pub(super) fn seconds_or_off(text: &str) -> Result<u32, String> {
    if text == "off" {
        return Ok(0);
    }
    let time = gridwell_model::parse_duration(text).map_err(|error| error.to_string())?;
    u32::try_from(time.as_secs()).ok().filter(|secs| *secs > 0).ok_or_else(|| "write a time from 1s, or off".to_owned())
}

/// A number of bytes, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BytesOrOff(pub Option<u64>);

/// Reads a size, or `off`.
pub(super) fn bytes_or_off(text: &str) -> Result<BytesOrOff, String> {
    match text {
        "off" => Ok(BytesOrOff(None)),
        _ => gridwell_model::parse_bytes(text).map(|bytes| BytesOrOff(Some(bytes))).map_err(|error| error.to_string()),
    }
}

/// Reads whether all tasks are to look the same.
pub(super) fn same_or_any(text: &str) -> Result<bool, String> {
    match text {
        "same" => Ok(true),
        "any" => Ok(false),
        _ => Err("write same or any".to_owned()),
    }
}
