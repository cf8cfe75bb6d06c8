use gridwell_model::{ActionEnd, AttemptEnd, FailureKind, format_duration};

use crate::SessionFailure;

/// A failed attempt with one sentence for people, cut to what a report carries.
pub(crate) fn failed(kind: FailureKind, exit_code: Option<i32>, reason: &str) -> AttemptEnd {
    let mut end = reason.len().min(AttemptEnd::REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    AttemptEnd::Failed { kind, exit_code, reason: reason[..end].to_owned() }
}

/// What the end of a program means for the attempt. `Succeeded` still wants its outputs collected.
pub(crate) fn attempt_end(end: &ActionEnd) -> AttemptEnd {
    match end {
        ActionEnd::Exited { code: 0 } => AttemptEnd::Succeeded,
        ActionEnd::Exited { code } => {
            failed(FailureKind::Program, Some(*code), &format!("the program ended with exit code {code}"))
        }
        ActionEnd::Signalled { signal } => failed(FailureKind::Signal, None, &signal_words(*signal)),
        ActionEnd::TimedOut => {
            failed(FailureKind::Timeout, None, "the program ran longer than its time limit and was stopped")
        }
        ActionEnd::Stuck { silent } => {
            let reason = format!("stuck: no sign of life for {}", format_duration(*silent));
            failed(FailureKind::Timeout, None, &reason)
        }
        ActionEnd::Cancelled => AttemptEnd::Cancelled,
        ActionEnd::SaidFail { reason } => {
            failed(FailureKind::Program, None, &format!("the program said that it failed: {reason}"))
        }
        ActionEnd::Exceeded { reason } => failed(FailureKind::Program, None, reason),
        ActionEnd::NotStarted { reason, missing: true } => failed(FailureKind::NoProgram, None, reason),
        ActionEnd::NotStarted { reason, missing: false } => {
            failed(FailureKind::NoProgram, None, &format!("the program could not be started: {reason}"))
        }
    }
}

fn signal_words(signal: i32) -> String {
    let name = match signal {
        4 => "an illegal instruction",
        6 => "it aborted",
        7 => "a bus error",
        8 => "an arithmetic error",
        9 => "killed, perhaps for want of memory",
        11 => "a segmentation fault",
        25 => "it wrote a larger file than its session may",
        15 => "asked to end by the system",
        _ => return format!("signal {signal} ended the program"),
    };
    format!("signal {signal} ended the program ({name})")
}

/// What the end of a session means for the attempt it took along.
pub(crate) fn session_end(cause: &SessionFailure) -> AttemptEnd {
    match cause {
        SessionFailure::Environment(reason) => failed(FailureKind::Environment, None, reason),
        SessionFailure::Template(reason) => failed(FailureKind::Template, None, reason),
        SessionFailure::Machine(reason) => failed(FailureKind::Machine, None, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(end: &ActionEnd) -> (FailureKind, String) {
        match attempt_end(end) {
            AttemptEnd::Failed { kind, reason, .. } => (kind, reason),
            other => panic!("{other:?} is no failure"),
        }
    }

    #[test]
    fn every_bad_end_has_a_kind_and_a_sentence() {
        assert_eq!(attempt_end(&ActionEnd::Exited { code: 0 }), AttemptEnd::Succeeded);
        assert_eq!(attempt_end(&ActionEnd::Cancelled), AttemptEnd::Cancelled);
        let (kind, words) = sentence(&ActionEnd::Exited { code: 3 });
        assert_eq!((kind, words.as_str()), (FailureKind::Program, "the program ended with exit code 3"));
        let (kind, words) = sentence(&ActionEnd::Signalled { signal: 9 });
        assert!(kind == FailureKind::Signal && words.contains("memory"), "{words}");
        assert_eq!(sentence(&ActionEnd::TimedOut).0, FailureKind::Timeout);
        let stuck = ActionEnd::Stuck { silent: std::time::Duration::from_mins(10) };
        assert_eq!(sentence(&stuck), (FailureKind::Timeout, "stuck: no sign of life for 10 min".into()));
        let exceeded = ActionEnd::Exceeded { reason: "its programs needed too much".into() };
        assert_eq!(sentence(&exceeded), (FailureKind::Program, "its programs needed too much".into()));
        assert!(sentence(&ActionEnd::Signalled { signal: 25 }).1.contains("larger file"));
        let missing = ActionEnd::NotStarted { reason: "no program 'blender' in the search path".into(), missing: true };
        assert_eq!(sentence(&missing), (FailureKind::NoProgram, "no program 'blender' in the search path".into()));
    }

    #[test]
    fn a_long_reason_is_cut_between_letters() {
        let (_, words) = sentence(&ActionEnd::SaidFail { reason: "ü".repeat(1_000) });
        assert!(words.len() <= AttemptEnd::REASON_BYTES && words.len() > AttemptEnd::REASON_BYTES - 2);
    }
}
