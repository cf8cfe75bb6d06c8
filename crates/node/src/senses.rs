//! The thread that asks the machine's senses: they may block, the loop may not.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use gridwell_courtesy::{Input, WeekTime};
use gridwell_probe::{Around, SenseKind, Senses};
use tokio::sync::mpsc::WeakSender;

use crate::core::Fact;

/// How often senses that are missing are looked for again: a desktop may have started meanwhile.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// What is wanted of the senses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// How often.
    pub(crate) every: Duration,
    /// Names of programs that are looked for.
    pub(crate) programs: BTreeSet<String>,
    /// Whether a session here uses graphics.
    pub(crate) uses_graphics: bool,
}

/// What they said.
#[derive(Debug)]
pub(crate) struct Felt {
    /// Facts for the engine.
    pub(crate) facts: Vec<Input>,
    /// Each sense, and why it is missing, if it is.
    pub(crate) senses: Vec<(SenseKind, Option<String>)>,
}

/// Asks them until it is dropped.
#[derive(Debug)]
pub(crate) struct Asking(mpsc::Sender<Look>);

impl Asking {
    /// Starts the thread; it asks at once, and ends with whoever holds this, or with the loop.
    pub(crate) fn start(data: PathBuf, look: Look, facts: WeakSender<Fact>) -> Self {
        let (orders, inlet) = mpsc::channel();
        let asked = std::thread::Builder::new().name("senses".to_owned()).spawn(move || {
            ask(&data, look, &facts, &inlet);
        });
        if let Err(error) = asked {
            tracing::error!(%error, "nobody asks this machine's senses: it lends as if they were all missing");
        }
        Self(orders)
    }

    /// Asks otherwise from now on, and at once.
    pub(crate) fn change(&self, look: Look) {
        // The thread did not start: said then.
        let _ = self.0.send(look);
    }
}

fn ask(data: &std::path::Path, mut look: Look, facts: &WeakSender<Fact>, orders: &mpsc::Receiver<Look>) {
    let mut senses = Senses::open(data);
    let mut looked = Instant::now();
    let own = [std::process::id()];
    loop {
        if looked.elapsed() >= LOOK_AGAIN {
            senses.look_again(data);
            looked = Instant::now();
        }
        let around = Around { own: &own, programs: &look.programs, uses_graphics: look.uses_graphics };
        let now = jiff::Zoned::now();
        let mut said = vec![Input::ClockShown(week_time(&now)), Input::DayShown(day(&now))];
        said.extend(senses.read(&around));
        let report = senses.report().map(|(kind, why)| (kind, why.map(ToString::to_string))).collect();
        let Some(loops) = facts.upgrade() else { return };
        if loops.blocking_send(Fact::Felt(Box::new(Felt { facts: said, senses: report }))).is_err() {
            return;
        }
        drop(loops);
        match orders.recv_timeout(look.every) {
            Ok(order) => look = order,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// What the clock on the wall shows.
fn week_time(now: &jiff::Zoned) -> WeekTime {
    let part = |number: i8| u16::try_from(number).unwrap_or(0);
    WeekTime::at(part(now.weekday().to_monday_zero_offset()), part(now.hour()), part(now.minute()))
}

/// What the calendar beside it shows, in days since 1970.
fn day(now: &jiff::Zoned) -> u32 {
    let secs = now.timestamp().as_second() + i64::from(now.offset().seconds());
    u32::try_from(secs / 86_400).unwrap_or(0)
}
