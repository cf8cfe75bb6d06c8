//! Every word people read: errors and their next steps, states, tables. Pure functions of the answers.

mod activity;
mod asks;
mod changes;
mod draft;
mod files;
mod jobs;
mod landing;
mod layout;
mod lending;
mod limits;
mod links;
mod machines;
mod members;
mod pair;
mod results;
mod table;
mod why;

use std::time::Duration;

use gridwell_api::{ApiError, ErrorCode};
use gridwell_model::{Stamp, format_duration};
use jiff::{Timestamp, tz::TimeZone};

pub(crate) use activity::activity;
pub(crate) use asks::link_asks;
pub(crate) use changes::link_history;
pub(crate) use draft::drafts;
pub(crate) use files::{file, freed, listing, mounted, places, put, shares, verified};
#[cfg(test)]
pub(crate) use jobs::tests::a_job;
pub(crate) use jobs::{changed, copies, handed_over, job, jobs, kept, outcome, progress, task_word, tasks};
pub(crate) use landing::landing_again;
pub(crate) use layout::{behaviours, layout};
pub(crate) use lending::{lending, lending_explained};
pub(crate) use limits::limits;
pub(crate) use links::{Names, all_links, link, links};
pub(crate) use machines::{doctor, invite, joined, machine, machines, report, status, woken};
pub(crate) use members::{before_revoking, is_called, members, recovery, recovery_words};
pub(crate) use pair::{asking, invitation, is_yes, nearby, nearby_is, pairings, qr, question};
pub(crate) use results::paths;
pub(crate) use why::why;

/// An error in one line, and the next step in a second one.
pub(crate) fn error(error: &ApiError) -> String {
    let step = if error.help.is_empty() { next_step(error.code) } else { error.help.as_str() };
    let line = format!("gridwell: {}", clean(&error.message));
    if step.is_empty() { line } else { format!("{line}\n  {}", sentence(&clean(step))) }
}

/// The text with a capital letter at its start.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// What a person can do about an error that does not say so itself; empty when nothing general helps.
const fn next_step(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadReference => "Job ids are listed by 'gridwell jobs'; a task is ID.NUMBER.",
        ErrorCode::MissingFile => "Check the spelling, and that the disk is connected.",
        ErrorCode::Unreadable => "Give your account the right to read it.",
        ErrorCode::UnknownFile => "Run a command on it instead: gridwell exec -- COMMAND FILE.",
        ErrorCode::NotUtf8 => "Rename it: a name has to mean the same on every machine.",
        ErrorCode::DamagedBlend => "Open it in Blender and save it again.",
        ErrorCode::UnknownParameter | ErrorCode::BadParameter => {
            "'gridwell inspect FILE' lists its parameters with their values."
        }
        ErrorCode::BadRange | ErrorCode::EmptyRange => "Write a range such as 1-24, 1-240:2 or 1,5,9-12.",
        ErrorCode::OutputNotWritable => "Choose another folder with --output.",
        ErrorCode::DiskFull => "Free space there, or choose another folder with --output.",
        ErrorCode::UnknownJob => "'gridwell jobs' lists the jobs of this machine.",
        ErrorCode::AmbiguousJob => "Type more letters of the id.",
        ErrorCode::UnknownTask => "'gridwell tasks ID' lists the tasks of a job.",
        ErrorCode::UnknownMachine | ErrorCode::AmbiguousMachine => {
            "'gridwell machines' lists the machines; its --json shows their ids."
        }
        ErrorCode::WouldCutOff => "Add --anyway to do it all the same.",
        ErrorCode::InviteMalformed => "Copy the whole link that 'gridwell pair show' or 'gridwell invite' printed.",
        ErrorCode::InviteUsed | ErrorCode::InviteExpired | ErrorCode::InviteTampered => {
            "Make a new one with 'gridwell invite' on the other machine."
        }
        ErrorCode::CodeMalformed => "Type the eight letters and digits that the other machine shows.",
        ErrorCode::CodeWrong | ErrorCode::NoInvitation => "Show a new code there: gridwell pair show.",
        ErrorCode::OtherVersion => "Install the same version on both machines.",
        ErrorCode::PeerUnreachable => "Check that the other machine is on; 'gridwell doctor' checks the way to it.",
        ErrorCode::Busy => "Try again in a moment.",
        ErrorCode::NoNode | ErrorCode::Stopping => "Start one with 'gridwell node'.",
        ErrorCode::ListenFailed => "Choose another address with --listen; port 0 picks a free one.",
        ErrorCode::Internal => "This is a mistake in Gridwell. Please report it with the output of 'gridwell doctor'.",
        _ => "",
    }
}

/// Text from elsewhere made harmless for a terminal: control characters and bidi overrides are shown, not obeyed.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: char| {
        let harmful =
            c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if harmful { c.escape_default().collect::<String>() } else { c.to_string() }
    };
    text.chars().map(shown).collect()
}

/// `1 task`, `24 frames`.
pub(crate) fn number_of(count: u64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// `3 min 20 s` from seconds; `–` when unknown.
pub(crate) fn secs(value: Option<f64>) -> String {
    let known = value.and_then(|value| Duration::try_from_secs_f64(value).ok());
    known.map_or_else(|| "–".to_owned(), format_duration)
}

/// `12 min left`, or nothing while unknown. Nobody plans by the second, so seconds go after the first minute.
pub(crate) fn time_left(value: Option<f64>) -> String {
    match value.filter(|secs| secs.is_finite() && *secs >= 0.0) {
        None => String::new(),
        Some(secs) if secs < 60.0 => format!("{:.0} s left", secs.ceil().max(1.0)),
        Some(secs) if secs < 3_600.0 => format!("{:.0} min left", secs / 60.0),
        Some(secs) => {
            let minutes = (secs / 60.0) as u64;
            format!("{} h {} min left", minutes / 60, minutes % 60)
        }
    }
}

/// `3.2/s` or `12.0/min` once there is something to say.
pub(crate) fn rate(done: u64, elapsed: Duration) -> String {
    let secs = elapsed.as_secs_f64();
    if done < 2 || secs < 1.0 {
        return String::new();
    }
    let per_second = done as f64 / secs;
    if per_second >= 1.0 { format!("{per_second:.1}/s") } else { format!("{:.1}/min", per_second * 60.0) }
}

/// A moment in this machine's time zone: `2026-11-22 14:02:10`.
pub(crate) fn moment(stamp: Stamp) -> String {
    let time = i64::try_from(stamp.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(
        || "–".to_owned(),
        |time| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// Lines of `name  value` with the values below each other; empty values are left out.
pub(crate) fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = pairs.iter().filter(|(_, value)| !value.is_empty());
    lines.map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_sentence_and_a_next_step() {
        let bare = ApiError::new(ErrorCode::UnknownJob, "there is no job 'abcd'");
        assert_eq!(error(&bare), "gridwell: there is no job 'abcd'\n  'gridwell jobs' lists the jobs of this machine.");
        let own = bare.help("Look again.");
        assert!(error(&own).ends_with("\n  Look again."));
    }

    #[test]
    fn names_of_others_cannot_move_the_cursor_or_turn_the_text() {
        assert_eq!(clean("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\n\\u{202e}c");
        assert_eq!(clean("Küche שלום"), "Küche שלום");
    }

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(time_left(Some(11.4)), "12 s left");
        assert_eq!(time_left(Some(0.2)), "1 s left");
        assert_eq!(time_left(Some(700.0)), "12 min left");
        assert_eq!(time_left(Some(7_500.0)), "2 h 5 min left");
        assert_eq!(time_left(None), "");
        assert_eq!(time_left(Some(f64::NAN)), "");
        assert_eq!(secs(Some(-1.0)), "–");
        assert_eq!(rate(10, Duration::from_secs(5)), "2.0/s");
        assert_eq!(rate(10, Duration::from_secs(60)), "10.0/min");
        assert_eq!(rate(1, Duration::from_secs(60)), "");
        assert_eq!(number_of(1, "frame"), "1 frame");
        assert_eq!(number_of(0, "task"), "0 tasks");
    }
}
