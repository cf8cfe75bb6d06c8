use std::time::{SystemTime, UNIX_EPOCH};

use gridwell_api::{MachineState, MachineView};
use gridwell_model::{JobId, Stamp, Standing};

use super::{job_line, left};
use crate::telling::Seen;

/// Characters of a reason in the icon's words: panels cut what is longer.
const MOST_WHY: usize = 100;
/// Tomorrow begins when people come to work.
const MORNING: i8 = 8;

/// Everything the tray shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Look {
    pub(crate) state: MachineState,
    pub(crate) state_line: String,
    /// The same with its reason, as the icon's own words.
    pub(crate) tip: String,
    pub(crate) job: Option<JobId>,
    pub(crate) job_line: String,
    pub(crate) paused: bool,
    pub(crate) pause_line: String,
    /// True while a line holds time that is left.
    pub(crate) counts_down: bool,
    /// Folder of the newest results.
    pub(crate) results: Option<String>,
}

impl Default for Look {
    fn default() -> Self {
        Self::of(&Seen::default(), Stamp(0))
    }
}

impl Look {
    pub(crate) fn of(seen: &Seen, now: Stamp) -> Self {
        let this = seen.this.as_ref().filter(|_| seen.live);
        let paused = this.is_some_and(|this| is_paused(this.standing, this.paused_until));
        let line = this.map_or_else(|| "Gridwell is not running".to_owned(), state_line);
        let why = this.map(|this| plain(&this.why_not, MOST_WHY)).filter(|why| !why.is_empty());
        let until = this.and_then(|this| this.paused_until);
        let top = seen.top_job().filter(|_| seen.live);
        Self {
            state: seen.state(),
            tip: why.map_or_else(|| line.clone(), |why| format!("{line}: {why}")),
            state_line: line,
            job: top.map(|job| job.id),
            job_line: top.map_or_else(|| "No job is running".to_owned(), job_line),
            paused,
            pause_line: match (paused, until) {
                (false, _) => "Pause for 1 hour".to_owned(),
                (true, None) => "Resume".to_owned(),
                (true, Some(until)) => format!("Resume ({} left)", left(until, now)),
            },
            counts_down: paused && until.is_some(),
            results: seen.last_result().and_then(|job| job.output_folders.first().cloned()),
        }
    }
}

/// True while its owner keeps it paused, also while it still finishes tasks: not because somebody uses it.
const fn is_paused(standing: Standing, until: Option<Stamp>) -> bool {
    until.is_some() || matches!(standing, Standing::Paused | Standing::Draining)
}

fn state_line(this: &MachineView) -> String {
    match this.standing {
        Standing::Softened if this.running > 0 => return "Working, with less".to_owned(),
        Standing::Frozen => return "Work stands still".to_owned(),
        Standing::Packing => return "Work goes back".to_owned(),
        _ => {}
    }
    match this.state {
        MachineState::Working if this.running == 1 => "Working: 1 task".to_owned(),
        MachineState::Working => format!("Working: {} tasks", this.running),
        MachineState::Ready => "Ready".to_owned(),
        MachineState::InUse => "Not lending".to_owned(),
        MachineState::Paused => "Paused".to_owned(),
        MachineState::Offline => "Offline".to_owned(),
        MachineState::Problem => "Problem: open Gridwell to see it".to_owned(),
    }
}

/// The beginning of a text from elsewhere, without control characters.
pub(super) fn plain(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

/// A duration as people say it, rounded up to minutes: `42 min`, `3 h 5 min`.
pub(super) fn duration(secs: f64) -> String {
    let minutes = (secs / 60.0).ceil().max(1.0) as u64;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Seconds until tomorrow morning where this machine stands.
pub(super) fn secs_until_tomorrow(now: &jiff::Zoned) -> u64 {
    let tomorrow = now.date().tomorrow().unwrap_or_else(|_| now.date());
    let morning = tomorrow.at(MORNING, 0, 0, 0).to_zoned(now.time_zone().clone());
    let secs = morning.map(|morning| morning.timestamp().as_second() - now.timestamp().as_second());
    secs.map_or(3_600, |secs| secs.max(1) as u64)
}

pub(crate) fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Stamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_up_to_minutes() {
        assert_eq!(duration(1.0), "1 min");
        assert_eq!(duration(2_520.0), "42 min");
        assert_eq!(duration(3_600.0), "1 h");
        assert_eq!(duration(11_100.0), "3 h 5 min");
    }

    #[test]
    fn tomorrow_begins_in_the_morning() {
        let evening: jiff::Zoned = "2026-11-25T23:00[UTC]".parse().unwrap();
        assert_eq!(secs_until_tomorrow(&evening), 9 * 3_600);
    }

    #[test]
    fn only_a_pause_is_resumed() {
        assert!(is_paused(Standing::Draining, None) && is_paused(Standing::Paused, None));
        assert!(is_paused(Standing::Yours, Some(Stamp(1))));
        for standing in [Standing::Yours, Standing::Softened, Standing::Frozen, Standing::Packing] {
            assert!(!is_paused(standing, None), "{standing:?}");
        }
    }

    #[test]
    fn without_a_node_the_tray_says_so() {
        let look = Look::default();
        assert_eq!((look.state, look.state_line.as_str()), (MachineState::Offline, "Gridwell is not running"));
    }
}
