//! Whether this machine is cut off: no other machine of its grid has been reachable for a while.

use std::time::Duration;

use gridwell_api::{NoticeKind, NoticeLevel};
use gridwell_model::{LinkPolicy, Stamp, Time};

use super::{Core, Settings, words::about};
use crate::clock;

/// Usual patience: a router starts again, and a machine wakes, in less.
const USUAL_PATIENCE: Duration = Duration::from_mins(2);

/// Longest patience: a day later nobody connects it with what happened.
pub(super) const MOST_PATIENCE: Duration = Duration::from_hours(24);

/// Since when nobody is there, and whether people know.
#[derive(Debug, Default)]
pub(crate) struct Isolation {
    alone: Option<(Time, Stamp)>,
    told: bool,
}

/// What is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    CutOff,
    Over,
}

impl Isolation {
    /// Since when this machine is cut off, if it is.
    pub(super) fn since(&self) -> Option<Stamp> {
        self.alone.filter(|_| self.told).map(|(_, stamp)| stamp)
    }

    /// When to look again.
    pub(super) fn due(&self, patience: Duration) -> Option<Time> {
        self.alone.filter(|_| !self.told).map(|(since, _)| since + patience)
    }

    fn look(&mut self, alone: bool, patience: Duration, (now, stamp): (Time, Stamp)) -> Option<News> {
        if !alone {
            self.alone = None;
            return std::mem::take(&mut self.told).then_some(News::Over);
        }
        let (since, _) = *self.alone.get_or_insert((now, stamp));
        if self.told || now < since + patience {
            return None;
        }
        self.told = true;
        Some(News::CutOff)
    }
}

impl Settings {
    /// For how long nobody may be reachable before people hear of it.
    pub(super) fn isolated_after(&self) -> Duration {
        self.isolated_after_secs.map_or(USUAL_PATIENCE, Duration::from_secs)
    }
}

impl Core {
    /// Looks whether anybody can be reached, and tells people when that has been otherwise for a while.
    pub(crate) fn follow_isolation(&mut self) {
        // Who is away by somebody's wish is not missed.
        let missed = |peer| self.link_rule(peer).policy != LinkPolicy::Forbidden;
        let mut others = self.machines.others().iter().filter(|(peer, _)| missed(**peer)).peekable();
        let alone = others.peek().is_some() && others.all(|(_, machine)| !machine.online);
        let patience = self.machines.settings().isolated_after();
        let now = (clock::now(), clock::stamp());
        let reaches = self.machines.others().values().any(|machine| machine.online);
        let told = match self.isolation.look(alone, patience, now) {
            None => return,
            Some(News::CutOff) => {
                let sentence = format!("no other machine of the grid has been reachable for {}", about(patience));
                Some((NoticeLevel::Warning, sentence))
            }
            // Otherwise its owner keeps the others away now, and was told of that.
            Some(News::Over) => {
                reaches.then(|| (NoticeLevel::Info, "other machines of the grid can be reached again".to_owned()))
            }
        };
        if let Some((level, sentence)) = told {
            self.notice(NoticeKind::Machine, level, sentence, None, Some(self.me));
        }
        self.changed.machines.insert(self.me);
        self.tell_soon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> (Time, Stamp) {
        (Time::from_secs(secs), Stamp(secs * 1_000))
    }

    #[test]
    fn being_alone_is_news_after_a_while_and_once() {
        let mut isolation = Isolation::default();
        assert_eq!(isolation.look(true, USUAL_PATIENCE, at(10)), None);
        assert_eq!((isolation.due(USUAL_PATIENCE), isolation.since()), (Some(Time::from_secs(130)), None));
        assert_eq!(isolation.look(true, USUAL_PATIENCE, at(129)), None);
        assert_eq!(isolation.look(true, USUAL_PATIENCE, at(130)), Some(News::CutOff));
        assert_eq!((isolation.due(USUAL_PATIENCE), isolation.since()), (None, Some(Stamp(10_000))));
        assert_eq!(isolation.look(true, USUAL_PATIENCE, at(900)), None);
        assert_eq!(isolation.look(false, USUAL_PATIENCE, at(901)), Some(News::Over));
        assert_eq!(isolation.look(false, USUAL_PATIENCE, at(902)), None);
    }

    #[test]
    fn a_moment_alone_is_no_news() {
        let mut isolation = Isolation::default();
        assert_eq!(isolation.look(true, USUAL_PATIENCE, at(10)), None);
        assert_eq!(isolation.look(false, USUAL_PATIENCE, at(60)), None);
        assert_eq!(isolation.look(true, USUAL_PATIENCE, at(131)), None, "counted from anew");
    }
}
