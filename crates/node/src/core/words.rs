//! Sentences about what happened to jobs.

use std::{path::Path, time::Duration};

use gridwell_api::{NoticeKind, NoticeLevel, TaskCounts};
use gridwell_model::{JobSpec, JobState, OutputFile, RelPath};

use crate::transfer::place_in;

/// A job at its end, in one sentence however many tasks it has. `took` is absent if nothing of it ever ran.
pub(super) fn end_of(
    name: &str,
    word: &str,
    state: JobState,
    counts: TaskCounts,
    took: Option<Duration>,
) -> (NoticeKind, NoticeLevel, String) {
    let total = number(counts.total(), word);
    let took = took.map(|took| format!(" in {}", about(took))).unwrap_or_default();
    match state {
        JobState::Failed => {
            let sentence = format!("{name} has failed {word}s: {}{took}", shares(&total, counts));
            (NoticeKind::JobFailed, NoticeLevel::Problem, sentence)
        }
        JobState::Cancelled => {
            let sentence = format!("{name} was cancelled: {} of {total} done", counts.done);
            (NoticeKind::JobCancelled, NoticeLevel::Info, sentence)
        }
        _ => (NoticeKind::JobDone, NoticeLevel::Info, format!("{name} is done: {total}{took}")),
    }
}

/// Which file is in the way of results, and what to do.
pub(super) fn in_the_way(spec: &JobSpec, held: &[OutputFile]) -> String {
    let path = held.first().map(|file| place_of(spec, file.folder, &file.path)).unwrap_or_default();
    let more = held.len().saturating_sub(1);
    let others = if more > 0 { format!(", and {} more are", number(more as u64, "file")) } else { " is".to_owned() };
    let job = spec.id;
    format!(
        "'{path}'{others} in the way and not what the grid put there; move it away, or: gridwell land {job} --overwrite (or --beside)"
    )
}

/// Where a file of a job lies, for people.
pub(super) fn place_of(spec: &JobSpec, folder: u32, path: &RelPath) -> String {
    let folder = spec.output_folders.get(folder as usize).map_or("", String::as_str);
    place_in(Path::new(folder), path).to_string_lossy().into_owned()
}

/// `12 of 240 frames failed, 226 done, 2 skipped`.
fn shares(total: &str, counts: TaskCounts) -> String {
    let mut text = format!("{} of {total} failed", counts.failed);
    for (count, participle) in [(counts.done, "done"), (counts.skipped, "skipped"), (counts.cancelled, "cancelled")] {
        if count > 0 {
            text.push_str(&format!(", {count} {participle}"));
        }
    }
    text
}

/// `1 task`, `240 frames`.
pub(super) fn number(count: u64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// A duration as people say it: `12 s`, `14 min`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn about(duration: Duration) -> String {
    let secs = duration.as_secs_f64().round().max(1.0) as u64;
    let minutes = (secs + 30) / 60;
    match secs {
        0..60 => format!("{secs} s"),
        _ if minutes < 60 => format!("{minutes} min"),
        _ if minutes < 24 * 60 && minutes.is_multiple_of(60) => format!("{} h", minutes / 60),
        _ if minutes < 24 * 60 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} d {} h", minutes / 1_440, minutes % 1_440 / 60),
    }
}

/// `mill`, `mill and quarry`, `mill, quarry and 3 more`.
pub(super) fn names(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(word: &str, state: JobState, counts: TaskCounts) -> String {
        end_of("kitchen", word, state, counts, Some(Duration::from_secs(14 * 60 + 9))).2
    }

    #[test]
    fn the_end_of_a_job_is_one_sentence_with_its_numbers() {
        let none = TaskCounts::default();
        let done = sentence("frame", JobState::Done, TaskCounts { done: 240, ..none });
        assert_eq!(done, "kitchen is done: 240 frames in 14 min");
        let counts = TaskCounts { done: 5_000, failed: 500, skipped: 1, ..none };
        let failed = sentence("task", JobState::Failed, counts);
        assert_eq!(failed, "kitchen has failed tasks: 500 of 5501 tasks failed, 5000 done, 1 skipped in 14 min");
        let cancelled = sentence("frame", JobState::Cancelled, TaskCounts { done: 12, cancelled: 228, ..none });
        assert_eq!(cancelled, "kitchen was cancelled: 12 of 240 frames done");
        let never = end_of("kitchen", "task", JobState::Done, TaskCounts { done: 1, ..none }, None).2;
        assert_eq!(never, "kitchen is done: 1 task");
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        let said = [
            (0.2, "1 s"),
            (59.2, "59 s"),
            (60.0, "1 min"),
            (849.0, "14 min"),
            (3_600.0, "1 h"),
            (7_500.0, "2 h 5 min"),
        ];
        for (secs, text) in said {
            assert_eq!(about(Duration::from_secs_f64(secs)), text);
        }
        assert_eq!(about(Duration::from_hours(76)), "3 d 4 h");
    }

    #[test]
    fn many_names_are_cut_short() {
        let all: Vec<String> = ["mill", "quarry", "smithy", "inn"].map(str::to_owned).to_vec();
        let said: Vec<String> = (0..=4).map(|count| names(&all[..count])).collect();
        assert_eq!(said, ["", "mill", "mill and quarry", "mill, quarry and 1 more", "mill, quarry and 2 more"]);
    }
}
