//! A machine that nobody uses and nothing needs goes to sleep, if its owner wants that.

use std::{ffi::OsString, fmt, time::Duration};

use gridwell_api::{ApiError, ErrorCode, LendingRules, NoticeKind, NoticeLevel};
use gridwell_model::{Time, format_duration};
use gridwell_probe::{Departure, Hold, SleepError};

use super::{Core, machines::SleepRules};
use crate::clock;

/// Longest time without use that can be asked for.
const MOST_PATIENCE: Duration = Duration::from_hours(31 * 24);
/// Longest time that the machine waits until its last words are out.
const GOODBYE: Duration = Duration::from_secs(5);
/// Looks (five seconds each, not counted while it sleeps) after which a machine that should sleep takes itself for awake.
const LOOKS_AWAKE: u32 = 3;

/// How far this machine is with falling asleep by itself.
#[derive(Debug)]
pub(crate) struct Sleeping {
    /// Program and arguments that do it.
    words: Vec<OsString>,
    /// Since when nothing needs it.
    quiet_since: Time,
    /// Bytes of files that links had carried at the last look.
    carried_bytes: u64,
    /// From its goodbye until it is awake again.
    sent: Option<Sent>,
}

/// How far a machine is that falls asleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// It says its last words.
    Goodbye,
    /// The system was told; so often was looked since.
    Away { looks: u32 },
}

/// What keeps this machine awake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    /// It is about to leave already, or being sent to sleep.
    Leaves,
    /// Work runs here, or waits to be reported.
    Work,
    /// Results wait here for machines that want them.
    Results,
    /// Jobs that it looks after have not ended.
    Jobs,
    /// It keeps copies of jobs of others, and might be the only one that does.
    Copies,
    /// It gives away licences of the whole grid.
    Licences,
    /// Files travel.
    Transfers,
    /// Somebody else's programs keep it busy.
    Programs,
}

/// Why a machine does not fall asleep now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awake {
    /// Its owner does not want it to.
    Unasked,
    /// It is needed.
    Needed(Needed),
    /// Nobody can tell when somebody used it last.
    Unknown,
    /// It was used, or needed, this short time ago.
    Lately(Duration),
}

/// Whether a machine falls asleep: nobody has used it for `after`, and nothing has needed it for as long. A machine that was woken has
/// that time to get work.
pub(super) fn may_sleep(
    after: Option<Duration>,
    needed: Option<Needed>,
    unused: Option<Duration>,
    quiet: Duration,
) -> Result<(), Awake> {
    let after = after.ok_or(Awake::Unasked)?;
    if let Some(needed) = needed {
        return Err(Awake::Needed(needed));
    }
    let since = unused.ok_or(Awake::Unknown)?.min(quiet);
    if since >= after { Ok(()) } else { Err(Awake::Lately(since)) }
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaves => "it is about to leave",
            Self::Work => "work is here",
            Self::Results => "results wait here for other machines",
            Self::Jobs => "jobs that it looks after have not ended",
            Self::Copies => "it keeps copies of jobs of other machines",
            Self::Licences => "it keeps licences for the grid",
            Self::Transfers => "files travel",
            Self::Programs => "programs of others keep it busy",
        })
    }
}

impl fmt::Display for Awake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked => f.write_str("its owner does not want it to"),
            Self::Needed(needed) => needed.fmt(f),
            Self::Unknown => f.write_str("nothing here tells when somebody last used it"),
            Self::Lately(since) => write!(f, "it was used or needed {} ago", format_duration(*since)),
        }
    }
}

impl Sleeping {
    pub(crate) fn new(words: Vec<OsString>) -> Self {
        Self { words, quiet_since: clock::now(), carried_bytes: 0, sent: None }
    }
}

impl Core {
    /// The owner's rules of sleeping, if they make sense here.
    pub(super) fn sleep_rules(&self, rules: &LendingRules) -> Result<SleepRules, ApiError> {
        let bad = |message: String| ApiError::new(ErrorCode::BadValue, message);
        if let Some(secs) = rules.sleep_after_secs {
            if !(1..=MOST_PATIENCE.as_secs()).contains(&secs) {
                return Err(bad(format!("unused for {secs} s: from 1 second to 31 days can be told")));
            }
            if self.sleeping.words.is_empty() {
                return Err(bad(SleepError::Unknown.to_string()).help("leave it to the system's own settings"));
            }
        }
        Ok(SleepRules { wakes_for_work: rules.wake_for_work, after_secs: rules.sleep_after_secs })
    }

    /// Looks, once in a while, whether this machine may sleep.
    pub(super) fn look_at_sleep(&mut self) {
        self.follow_sleep();
        let after = self.machines.settings().sleep.after_secs.map(Duration::from_secs);
        if after.is_none() {
            return;
        }
        let (needed, now) = (self.needed(), clock::now());
        if needed.is_some() {
            self.sleeping.quiet_since = now;
        }
        let quiet = now.since(self.sleeping.quiet_since);
        match may_sleep(after, needed, self.manners.engine.unused(now), quiet) {
            Ok(()) => self.fall_asleep(after.unwrap_or_default()),
            Err(awake) => tracing::debug!(%awake, "this machine does not fall asleep"),
        }
    }

    /// What keeps this machine awake now.
    fn needed(&mut self) -> Option<Needed> {
        let carried: u64 = self.machines.others().keys().map(|peer| self.net.stats(*peer).bulk_bytes).sum();
        let travels = std::mem::replace(&mut self.sleeping.carried_bytes, carried) != carried;
        let cores = self.machines.hardware().cpu_count.max(1) as f32;
        let settings = self.machines.settings();
        let is_busy = self.machines.load().foreign_cpu / cores > settings.policy.ladder.soften_load;
        let is_active = |job| self.ledger.summary(job, clock::now()).is_some_and(|job| !job.state.is_ended());
        let moves = travels || self.readers.is_busy() || !self.landing.is_empty() || !self.coming.is_empty();
        [
            (self.leaving.is_some() || self.sleeping.sent.is_some(), Needed::Leaves),
            (!self.worker.is_idle() || !self.sessions.is_empty(), Needed::Work),
            (self.homes.keys().any(|job| is_active(*job)), Needed::Jobs),
            (self.deputies.copies().next().is_some(), Needed::Copies),
            (!settings.limits.is_empty(), Needed::Licences),
            (moves, Needed::Transfers),
            (!self.outbox.is_empty() || self.keeps_results(), Needed::Results),
            (is_busy, Needed::Programs),
        ]
        .into_iter()
        .find_map(|(holds, needed)| holds.then_some(needed))
    }

    /// True while results lie here until the machine that wants them fetches them.
    fn keeps_results(&self) -> bool {
        let mut entries = std::fs::read_dir(self.data.join("away")).into_iter().flatten();
        entries.next().is_some() || !self.close_why().is_empty()
    }

    /// Says goodbye as before any sleep, and then goes.
    fn fall_asleep(&mut self, after: Duration) {
        let sentence = format!("nobody used this machine for {}: it goes to sleep", format_duration(after));
        self.notice(NoticeKind::Lending, NoticeLevel::Info, sentence, None, Some(self.me));
        self.sleeping.sent = Some(Sent::Goodbye);
        self.leave(Departure::Sleep, Hold::by_itself(GOODBYE));
    }

    /// The last words are out: if this machine falls asleep by itself, it goes now. The system may tell of that sleep, too.
    pub(super) fn words_to_sleep(&mut self) -> Option<Vec<OsString>> {
        self.sleeping.sent.take_if(|sent| *sent == Sent::Goodbye)?;
        self.sleeping.sent = Some(Sent::Away { looks: 0 });
        Some(self.sleeping.words.clone())
    }

    /// It was sent to sleep, or the system does not let it. It may have slept and woken meanwhile.
    pub(crate) fn on_slept(&mut self, sent: Result<(), SleepError>) {
        let Err(error) = sent else { return };
        let sentence = format!("this machine does not go to sleep: {error}");
        self.notice(NoticeKind::Lending, NoticeLevel::Warning, sentence, None, Some(self.me));
        self.come_back();
    }

    /// Nobody but the system's login manager tells that a machine has woken: whoever is awake for a while has.
    fn follow_sleep(&mut self) {
        let Some(Sent::Away { looks }) = &mut self.sleeping.sent else { return };
        *looks += 1;
        if *looks > LOOKS_AWAKE {
            self.come_back();
        }
    }

    /// From now on it is awake, for as long as its owner wants it to be unused first.
    pub(super) fn woke(&mut self) {
        (self.sleeping.sent, self.sleeping.quiet_since) = (None, clock::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Option<Duration> = Some(Duration::from_mins(30));

    #[test]
    fn a_machine_sleeps_when_nobody_used_it_for_long_and_nothing_needs_it() {
        let mins = Duration::from_mins;
        for (after, needed, unused, quiet, verdict) in [
            (AFTER, None, Some(mins(30)), mins(30), Ok(())),
            (AFTER, None, Some(Duration::MAX), mins(31), Ok(())),
            (None, None, Some(mins(99)), mins(99), Err(Awake::Unasked)),
            (AFTER, None, None, mins(99), Err(Awake::Unknown)),
            (AFTER, None, Some(mins(29)), mins(99), Err(Awake::Lately(mins(29)))),
            // It was woken, or had work, a moment ago.
            (AFTER, None, Some(mins(99)), mins(2), Err(Awake::Lately(mins(2)))),
            (AFTER, Some(Needed::Jobs), Some(mins(99)), mins(99), Err(Awake::Needed(Needed::Jobs))),
            // What needs it is said first.
            (AFTER, Some(Needed::Copies), None, mins(0), Err(Awake::Needed(Needed::Copies))),
        ] {
            assert_eq!(may_sleep(after, needed, unused, quiet), verdict, "{needed:?} {unused:?} {quiet:?}");
        }
    }

    #[test]
    fn why_it_is_awake_is_a_sentence() {
        assert_eq!(Awake::Lately(Duration::from_mins(2)).to_string(), "it was used or needed 2 min ago");
        assert_eq!(Awake::Needed(Needed::Work).to_string(), "work is here");
    }
}
