use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use gridwell_api::{Isolation, LendLadder, LentPart, OnReturn};

use super::{
    machine::pause_time,
    node::Switch,
    values::{BytesOrOff, bytes_or_off},
};

/// `gridwell lending`
#[derive(Debug, Args)]
pub struct LendingArgs {
    /// What to do; shows how this machine lends when absent
    #[command(subcommand)]
    pub command: Option<LendingCommand>,
}

/// Every command of `gridwell lending`.
#[derive(Debug, Subcommand)]
pub enum LendingCommand {
    /// Show how this machine lends now, and its rules
    #[command(after_help = "Example:\n  gridwell lending show")]
    Show,
    /// Change the rules; what is not named stays as it is
    #[command(after_help = "\
Examples:
  gridwell lending set --when idle --after 5m
  gridwell lending set --when idle-or-within --hours 'mon-fri 19-24, mon-fri 0-7, sat-sun'
  gridwell lending set --never resolve --never houdini --on-battery off
  gridwell lending set --cores-in-use 25 --on-return finish --within 2m
  gridwell lending set --when dedicated        whoever uses it, whatever else runs
  gridwell lending set --isolation namespaces  programs of jobs see nobody else (needs bubblewrap)
  gridwell lending set --sleep-after 30m --wake-for-work on

Percent are of what the machine has for the grid. What the rules mean now: gridwell lending explain")]
    Set(Box<LendingSetArgs>),
    /// Lend nothing, or a part of the machine less, for a while
    #[command(after_help = "\
Examples:
  gridwell lending pause                  for 1 hour; what runs is finished, with less
  gridwell lending pause 2h --how pack    what runs goes back now
  gridwell lending pause 3h --only graphics")]
    Pause(LendingPauseArgs),
    /// Lend again
    #[command(after_help = "Examples:\n  gridwell lending resume\n  gridwell lending resume --only graphics")]
    Resume(LendingResumeArgs),
    /// Say everything that is against lending now, what it is known by, and what programs cost here
    #[command(after_help = "Example:\n  gridwell lending explain")]
    Explain,
}

/// `gridwell lending set`
#[derive(Debug, Default, Args)]
pub struct LendingSetArgs {
    /// When it lends
    #[arg(long, value_enum)]
    pub when: Option<WhenKind>,
    /// How long nobody must have touched it
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub after: Option<Duration>,
    /// Hours of the week: days and hours, such as 'mon-fri 18-24, sat-sun'
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub hours: Option<Hours>,
    /// Lend nothing while this program runs; may be repeated
    #[arg(long, value_name = "PROGRAM")]
    pub never: Vec<String>,
    /// Do not mind this program any more; may be repeated
    #[arg(long, value_name = "PROGRAM")]
    pub never_mind: Vec<String>,
    /// Lend nothing on battery
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub not_on_battery: Option<Switch>,
    /// Lend nothing while a program covers the screen
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub not_full_screen: Option<Switch>,
    /// Lend no graphics while others keep them busy
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub not_graphics_busy: Option<Switch>,
    /// Start nothing for others while the network costs by the byte
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub not_metered: Option<Switch>,
    /// Lend nothing while it is hotter, in °C; 0 for however hot
    #[arg(long, value_name = "CELSIUS")]
    pub not_hotter: Option<u8>,
    /// Logical cores; 0 lends none
    #[arg(long, value_name = "CORES")]
    pub cores: Option<f32>,
    /// Percent of these while somebody is there
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub cores_in_use: Option<f32>,
    /// Percent of the memory
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub memory: Option<f32>,
    /// Percent of the memory while somebody is there
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub memory_in_use: Option<f32>,
    /// Lend graphics
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub graphics: Option<Switch>,
    /// Free space with less of which nothing new starts
    #[arg(long, value_name = "SIZE", value_parser = gridwell_model::parse_bytes)]
    pub disk_reserve: Option<u64>,
    /// Disk for files of other machines that were read here
    #[arg(long, value_name = "SIZE", value_parser = gridwell_model::parse_bytes)]
    pub cache: Option<u64>,
    /// Most bytes of files a second over all links together, each way, or 'off'
    #[arg(long, value_name = "SIZE", value_parser = bytes_or_off)]
    pub network: Option<BytesOrOff>,
    /// What happens to work of others when somebody comes back
    #[arg(long, value_enum)]
    pub on_return: Option<How>,
    /// How long it may go on, with '--on-return finish'
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = time)]
    pub within: Duration,
    /// Work for jobs of this machine alone
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub only_mine: Option<Switch>,
    /// Let jobs of this machine wait for idleness, too
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub mine_wait: Option<Switch>,
    /// Keep the machine from falling asleep while it works, or others work for its jobs
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub keep_awake: Option<Switch>,
    /// How programs of jobs are kept apart from the rest of the machine, in sessions that open from now on
    #[arg(long, value_enum)]
    pub isolation: Option<IsolationKind>,
    /// Let others wake it for work once it sleeps
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub wake_for_work: Option<Switch>,
    /// Sleep when nobody used it for that long and nothing needs it
    #[arg(long, value_name = "TIME|OFF", value_parser = sleep_after)]
    pub sleep_after: Option<SleepAfter>,
    /// When it goes down a step and back up, for whoever knows better: a time for touched, gone, soften-after, freeze-after,
    /// dwell, pack-after, grace or nearly, percent for soften-load or freeze-load; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = rung)]
    pub ladder: Vec<Rung>,
}

/// How programs of jobs are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IsolationKind {
    /// The kernel refuses what is not theirs
    Landlock,
    /// They also see no other process, and have a /tmp and an interprocess memory of their own; needs bubblewrap
    Namespaces,
}

impl From<IsolationKind> for Isolation {
    fn from(kind: IsolationKind) -> Self {
        match kind {
            IsolationKind::Landlock => Self::Landlock,
            IsolationKind::Namespaces => Self::Namespaces,
        }
    }
}

/// After which time a machine sleeps by itself; never when absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SleepAfter(pub Option<Duration>);

fn sleep_after(text: &str) -> Result<SleepAfter, String> {
    if text == "off" { Ok(SleepAfter(None)) } else { time(text).map(|after| SleepAfter(Some(after))) }
}

/// One number of the ladder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rung {
    name: &'static str,
    value: f64,
}

/// Its times.
const TIMES: [&str; 8] = ["touched", "gone", "soften-after", "freeze-after", "dwell", "pack-after", "grace", "nearly"];

/// Its shares.
const LOADS: [&str; 2] = ["soften-load", "freeze-load"];

fn rung(text: &str) -> Result<Rung, String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, like pack-after=5m")?;
    let find = |names: &[&'static str]| names.iter().copied().find(|known| *known == name);
    if let Some(name) = find(&TIMES) {
        return Ok(Rung { name, value: time(value)?.as_secs_f64() });
    }
    let name = find(&LOADS)
        .ok_or_else(|| format!("nothing is called '{name}' there: {}, {} are", TIMES.join(", "), LOADS.join(", ")))?;
    Ok(Rung { name, value: percent(value)?.into() })
}

impl Rung {
    pub(crate) fn put(self, ladder: &mut LendLadder) {
        let Self { name, value } = self;
        match name {
            "touched" => ladder.touched_secs = value,
            "gone" => ladder.gone_secs = value,
            "soften-after" => ladder.soften_after_secs = value,
            "freeze-after" => ladder.freeze_after_secs = value,
            "dwell" => ladder.dwell_secs = value,
            "pack-after" => ladder.pack_after_secs = value,
            "grace" => ladder.grace_secs = value,
            "nearly" => ladder.nearly_secs = value,
            "soften-load" => ladder.soften_load = value as f32,
            _ => ladder.freeze_load = value as f32,
        }
    }
}

/// `gridwell lending pause`
#[derive(Debug, Args)]
pub struct LendingPauseArgs {
    /// For how long, such as 30m or 2h; at most 31 days
    #[arg(value_name = "TIME", default_value = "1h", allow_negative_numbers = true, value_parser = pause_time)]
    pub time: Duration,
    /// What happens to what runs
    #[arg(long, value_enum, default_value_t)]
    pub how: How,
    /// How long it may go on, with '--how finish'
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = time)]
    pub within: Duration,
    /// Keep only this back
    #[arg(long, value_enum)]
    pub only: Option<Part>,
}

/// `gridwell lending resume`
#[derive(Debug, Args)]
pub struct LendingResumeArgs {
    /// Lend only this again
    #[arg(long, value_enum)]
    pub only: Option<Part>,
}

/// When a machine lends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhenKind {
    /// Whoever is there and whatever else runs
    Dedicated,
    /// Also beside somebody who is there, with less
    Always,
    /// When nobody has touched it for a while
    Idle,
    /// Within the hours
    Within,
    /// Within the hours, when nobody has touched it
    IdleWithin,
    /// Within the hours, and when nobody has touched it
    IdleOrWithin,
}

/// What happens to work of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// It goes on with less
    #[default]
    Soften,
    /// It goes on with less for a while, then stands still
    Finish,
    /// It stands still
    Freeze,
    /// It goes back, and may write what it has
    Pack,
    /// It ends at once
    End,
}

impl How {
    pub(crate) const fn with(self, within: Duration) -> OnReturn {
        match self {
            Self::Soften => OnReturn::Soften,
            Self::Finish => OnReturn::Finish { within_secs: within.as_secs() },
            Self::Freeze => OnReturn::Freeze,
            Self::Pack => OnReturn::Pack,
            Self::End => OnReturn::End,
        }
    }
}

/// A part of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Its graphics
    Graphics,
    /// Its network
    Network,
}

impl From<Part> for LentPart {
    fn from(part: Part) -> Self {
        match part {
            Part::Graphics => Self::Graphics,
            Part::Network => Self::Network,
        }
    }
}

/// Hours of the week, Monday first, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours(pub [u32; 7]);

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn time(text: &str) -> Result<Duration, String> {
    gridwell_model::parse_duration(text).map_err(|error| error.to_string())
}

/// Reads `25` or `25%` as a share.
fn percent(text: &str) -> Result<f32, String> {
    match text.trim_end_matches('%').trim().parse::<f32>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("write a number of percent, 0 to 100".to_owned()),
    }
}

/// Reads `mon-fri 18-24, sat-sun`: days, and hours of them; all of a day without hours.
fn hours(text: &str) -> Result<Hours, String> {
    let mut week = [0_u32; 7];
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let mut words = part.split_whitespace();
        let days = words.next().map(span_of_days).transpose()?.unwrap_or_default();
        let bits = words.next().map_or(Ok((1 << 24) - 1), span_of_hours)?;
        if let Some(word) = words.next() {
            return Err(format!("'{word}' is too much in '{part}': write days, then hours, like 'mon-fri 18-24'"));
        }
        days.into_iter().for_each(|day| week[day] |= bits);
    }
    if week == [0; 7] {
        return Err("name at least one hour, like 'mon-fri 18-24, sat-sun'".to_owned());
    }
    Ok(Hours(week))
}

fn span_of_days(text: &str) -> Result<Vec<usize>, String> {
    let day = |word: &str| {
        let word = word.to_lowercase();
        let found = DAYS.iter().position(|day| word.starts_with(day));
        found.ok_or_else(|| format!("'{word}' is no day: mon, tue, wed, thu, fri, sat and sun are"))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    Ok((0..7).map(|ahead| (first + ahead) % 7).take((last + 7 - first) % 7 + 1).collect())
}

fn span_of_hours(text: &str) -> Result<u32, String> {
    let bad = || format!("'{text}' are no hours: write them like 18-24");
    let (from, until) = text.split_once('-').ok_or_else(bad)?;
    let (from, until): (u32, u32) = (from.parse().map_err(|_| bad())?, until.parse().map_err(|_| bad())?);
    if from >= until || until > 24 {
        return Err(format!("{}; over midnight they are two spans, like 'mon 20-24, tue 0-6'", bad()));
    }
    Ok((from..until).fold(0, |bits, hour| bits | 1 << hour))
}

/// The other way around, as people read it: `Mon–Fri 18–24, Sat–Sun`.
pub(crate) fn say_hours(week: [u32; 7]) -> String {
    let title = |day: usize| format!("{}{}", DAYS[day][..1].to_uppercase(), &DAYS[day][1..]);
    let mut parts: Vec<String> = Vec::new();
    let mut day = 0;
    while day < 7 {
        let last = (day..7).take_while(|next| week[*next] == week[day]).last().unwrap_or(day);
        if week[day] != 0 {
            let days = if last > day { format!("{}–{}", title(day), title(last)) } else { title(day) };
            parts.push(format!("{days}{}", say_day(week[day])));
        }
        day = last + 1;
    }
    parts.join(", ")
}

fn say_day(bits: u32) -> String {
    if bits == (1 << 24) - 1 {
        return String::new();
    }
    let open = |hour: u32| hour < 24 && bits >> hour & 1 == 1;
    let starts = (0..24).filter(|hour| open(*hour) && (*hour == 0 || !open(hour - 1)));
    let spans = starts.map(|from| {
        let until = (from..=24).find(|hour| !open(*hour)).unwrap_or(24);
        format!(" {from}–{until}")
    });
    spans.collect::<Vec<_>>().join(" and")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_and_said() {
        let Hours(week) = hours("mon-fri 18-24, Mon-Fri 0-7, sat-sun").unwrap();
        assert_eq!(week[0].count_ones(), 13);
        assert_eq!((week[0], week[5]), (week[4], (1 << 24) - 1));
        assert_eq!(say_hours(week), "Mon–Fri 0–7 and 18–24, Sat–Sun");
        assert_eq!(hours("fri-mon 1-2").unwrap().0.map(u32::count_ones), [1, 0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn bad_hours_are_refused_with_the_way_to_write_them() {
        for (text, says) in [
            ("", "at least one hour"),
            ("yesterday 1-2", "no day"),
            ("mon 5", "like 18-24"),
            ("mon 22-6", "two spans"),
            ("mon 1-25", "no hours"),
            ("mon 1-2 3-4", "too much"),
        ] {
            let error = hours(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
