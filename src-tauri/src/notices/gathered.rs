//! Notices on their way to the desktop, gathered so that many give one message.

use std::{collections::BTreeMap, time::Duration};

use gridwell_api::{Notice, NoticeKind};
use gridwell_model::JobId;
use tokio::time::Instant;

use super::{About, Message};
use crate::deeds::{Deed, PAUSE_SECS};

/// What follows a message closely is told together, so long after it (ui-spec §9).
const GATHER: Duration = Duration::from_secs(30);
/// The first is told at once, with what comes in the same breath.
const BREATH: Duration = Duration::from_millis(250);
/// Most lines of a message; panels show fewer still.
const MOST_LINES: usize = 8;
/// Longest line of a message in characters: names come from people.
const LINE_CHARS: usize = 200;

/// What waits to be told, by what it is about.
#[derive(Debug, Default)]
pub(crate) struct Gathered(BTreeMap<About, Topic>);

#[derive(Debug, Default)]
struct Topic {
    /// When what waits is told; nothing waits without it.
    due: Option<Instant>,
    told: Option<Instant>,
    waiting: Waiting,
}

/// Notices that wait: all are counted, the first few are shown.
#[derive(Debug, Default)]
struct Waiting {
    count: usize,
    failed: usize,
    lines: Vec<String>,
    first: Option<Notice>,
    /// Results of the first one.
    folder: Option<String>,
    first_failed: Option<JobId>,
}

impl Gathered {
    /// Takes a notice in; `folder` holds the results of its job.
    pub(crate) fn add(&mut self, about: About, notice: Notice, folder: Option<String>, now: Instant) {
        let topic = self.0.entry(about).or_default();
        if topic.due.is_none() {
            let earliest = topic.told.map_or(now, |told| told + GATHER);
            topic.due = Some(earliest.max(now + BREATH));
        }
        topic.waiting.add(notice, folder);
    }

    /// When the next message is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.0.values().filter_map(|topic| topic.due).min()
    }

    /// Takes the messages that are due.
    pub(crate) fn take(&mut self, now: Instant) -> Vec<Message> {
        let due = self.0.iter_mut().filter(|(_, topic)| topic.due.is_some_and(|due| due <= now));
        due.filter_map(|(about, topic)| {
            topic.due = None;
            topic.told = Some(now);
            std::mem::take(&mut topic.waiting).message(*about)
        })
        .collect()
    }
}

impl Waiting {
    fn add(&mut self, notice: Notice, folder: Option<String>) {
        self.count += 1;
        if notice.kind == NoticeKind::JobFailed {
            self.failed += 1;
            self.first_failed = self.first_failed.or(notice.job);
        }
        if self.lines.len() < MOST_LINES {
            self.lines.push(line(&notice.sentence));
        }
        if self.first.is_none() {
            self.folder = folder;
            self.first = Some(notice);
        }
    }

    fn message(self, about: About) -> Option<Message> {
        let first = self.first.as_ref()?;
        let single = self.count == 1;
        let show_problem = self.first_failed.map(|job| ("Show problem", Deed::show_job(job)));
        let screen = match (first.job, first.machine) {
            (Some(job), _) if single => Deed::show_job(job),
            (None, Some(machine)) if single => Deed::ShowScreen(format!("#/machines/{machine}")),
            _ if about == About::Ended => Deed::ShowScreen("#/jobs".into()),
            _ => Deed::ShowScreen("#/activity".into()),
        };
        let button = match about {
            About::Ended if single && self.failed == 0 => {
                self.folder.clone().map(|folder| ("Open folder", Deed::OpenFolder(folder)))
            }
            About::Ended => show_problem,
            About::NeedsYou | About::Back => Some(("Show", screen.clone())),
            About::Lending => Some(("Pause 1 h", Deed::PauseFor(PAUSE_SECS))),
        };
        let (title, body) = match about {
            About::Lending => ("Your machine started lending".to_owned(), self.text()),
            _ if single => (self.text(), String::new()),
            About::Ended if self.failed == 0 => (format!("{} jobs are done", self.count), self.text()),
            About::Ended => {
                (format!("{} jobs have ended, {} of them with failures", self.count, self.failed), self.text())
            }
            About::Back => (format!("{} machines are back", self.count), self.text()),
            About::NeedsYou => (format!("{} problems need you", self.count), self.text()),
        };
        Some(Message { about, title, body, click: screen, button })
    }

    /// The sentences, one a line, and how many more there are.
    fn text(&self) -> String {
        let more = self.count - self.lines.len();
        let rest = (more > 0).then(|| format!("and {more} more"));
        self.lines.iter().cloned().chain(rest).collect::<Vec<_>>().join("\n")
    }
}

/// A sentence with names from anywhere as one line: no control characters, not too long.
pub(super) fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_CHARS).collect()
}

#[cfg(test)]
mod tests;
