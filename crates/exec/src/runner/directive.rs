//! What programs tell the runner in their output. Source: Open Job Description 2023-09, "Stdout/Stderr Messages"; and one line of
//! our own, for which it has no word.

/// One understood line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Directive {
    Progress(f32),
    Status(String),
    Fail(String),
    Checkpoint,
    /// Set a variable for everything that follows in the session; `secret` hides its value in output from now on.
    Set {
        name: String,
        value: String,
        /// The value as it stands in the line, which the JSON form writes differently.
        written: String,
        secret: bool,
    },
    Unset(String),
    /// Names the directive of a variable that is not `NAME=VALUE` (or `NAME`, to unset one).
    Malformed(&'static str),
}

const ENV: &str = "openjd_env";
const REDACTED: &str = "openjd_redacted_env";
const UNSET: &str = "openjd_unset_env";

/// The whole line with which a program says that its checkpoint stands.
const CHECKPOINT: &str = "gridwell_checkpoint";
/// Every directive starts with one of these.
const PREFIXES: [&[u8]; 2] = [b"openjd_", CHECKPOINT.as_bytes()];
/// A line that starts with this holds a secret.
pub(crate) const SECRET_PREFIX: &[u8] = b"openjd_redacted_env:";

/// True if a line that starts so may turn out to be a directive.
pub(crate) fn may_be(line: &[u8]) -> bool {
    PREFIXES.iter().any(|prefix| {
        let common = line.len().min(prefix.len());
        line[..common] == prefix[..common]
    })
}

/// Reads a line without its line break; `None` for ordinary output, which includes progress that is no number.
pub(crate) fn parse(line: &[u8]) -> Option<Directive> {
    let text = String::from_utf8_lossy(line.trim_ascii_end());
    if text == CHECKPOINT {
        return Some(Directive::Checkpoint);
    }
    let (word, rest) = text.split_once(':')?;
    let rest = rest.trim();
    match word {
        "openjd_progress" => {
            let percent: f32 = rest.parse().ok()?;
            (0.0..=100.0).contains(&percent).then_some(Directive::Progress(percent))
        }
        "openjd_status" => Some(Directive::Status(rest.to_owned())),
        "openjd_fail" => Some(Directive::Fail(rest.to_owned())),
        ENV => Some(set(rest, false)),
        REDACTED => Some(set(rest, true)),
        UNSET if is_name(rest) => Some(Directive::Unset(rest.to_owned())),
        UNSET => Some(Directive::Malformed(UNSET)),
        _ => None,
    }
}

fn set(assignment: &str, secret: bool) -> Directive {
    let malformed = Directive::Malformed(if secret { REDACTED } else { ENV });
    let whole =
        if assignment.starts_with('"') { serde_json::from_str(assignment).ok() } else { Some(assignment.to_owned()) };
    let written = assignment.split_once('=').map_or("", |(_, written)| written);
    let written = if assignment.starts_with('"') { written.trim_end_matches('"') } else { written };
    match whole.as_deref().and_then(|whole| whole.split_once('=')) {
        Some((name, value)) if is_name(name) && !value.contains('\0') => {
            Directive::Set { name: name.to_owned(), value: value.to_owned(), written: written.to_owned(), secret }
        }
        _ => malformed,
    }
}

fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str) -> Option<Directive> {
        Some(Directive::Set { name: name.into(), value: value.into(), written: value.into(), secret: false })
    }

    #[test]
    fn variables_are_read_in_both_forms() {
        assert_eq!(parse(b"openjd_env: A=b=c"), variable("A", "b=c"));
        assert_eq!(parse(b"openjd_env:A="), variable("A", ""));
        let Some(Directive::Set { value, written, .. }) = parse(br#"openjd_redacted_env: "A=1\n2""#) else {
            panic!("not understood")
        };
        assert_eq!((value.as_str(), written.as_str()), ("1\n2", r"1\n2"));
    }

    #[test]
    fn malformed_variables_are_told_apart_from_ordinary_output() {
        for line in ["openjd_env: A", "openjd_env: 1A=b", "openjd_env: =b", r#"openjd_env: "A=b"#, "openjd_env:"] {
            assert_eq!(parse(line.as_bytes()), Some(Directive::Malformed("openjd_env")), "{line}");
        }
        assert_eq!(parse(b"openjd_unset_env: A B"), Some(Directive::Malformed("openjd_unset_env")));
    }

    #[test]
    fn progress_counts_only_between_0_and_100() {
        assert_eq!(parse(b"openjd_progress: 12.5\r"), Some(Directive::Progress(12.5)));
        for line in ["openjd_progress: 101", "openjd_progress: NaN", "openjd_progress: -1", "openjd_progress: much"] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_checkpoint_is_said_by_a_whole_line() {
        assert_eq!(parse(b"gridwell_checkpoint\r"), Some(Directive::Checkpoint));
        assert!(may_be(b"gridwell_ch") && may_be(b"openjd_") && may_be(b"") && !may_be(b"gridwell: "));
    }

    #[test]
    fn other_lines_say_nothing() {
        for line in [
            "gridwell_checkpoints",
            "say gridwell_checkpoint",
            "hello",
            "openjd_progress 5",
            "Openjd_fail: x",
            "openjd_new: x",
            "",
        ] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
    }
}
