use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_model::Time;

use crate::{IdleSource, Ladder, Reading, alarm::Alarm};

/// What the senses said, as long as it holds.
///
/// Nothing that is old counts: a sense that has fallen silent has said nothing. What it said before neither keeps a machine
/// from lending nor makes it lend, except that idleness, where it matters, is never assumed.
#[derive(Debug, Default)]
pub(crate) struct Senses {
    idle: BTreeMap<IdleSource, Word>,
    present_since: Option<Time>,
    inhibited: Said<bool>,
    full_screen: Said<bool>,
    load: Said<f32>,
    /// Since when it is above the share that softens, since when at the one that freezes, since when at neither.
    above: Spells,
    memory: Said<(f32, Option<f32>)>,
    pressed: bool,
    power: Said<(bool, Option<u8>)>,
    metered: Said<bool>,
    temperature: Said<f32>,
    too_hot: bool,
    graphics: Said<(Option<f32>, Option<u64>)>,
    graphics_busy: bool,
    disk: Said<u64>,
    programs: Said<BTreeSet<String>>,
}

/// What is known of a source of idleness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// It is not to be had.
    Missing,
    /// It has said nothing lately.
    Silent,
    /// When the machine was last touched, and when that was said.
    Said { touched: Time, at: Time },
}

#[derive(Debug, Default)]
struct Spells {
    softens: Option<Time>,
    freezes: Option<Time>,
    low: Option<Time>,
}

/// Whether somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idleness {
    /// A source that sees everything tells.
    Known { source: IdleSource, idle: Duration },
    /// There are sources, or may be, but none tells now.
    Silent,
    /// This machine has none.
    Missing,
}

/// What was said, and when.
#[derive(Debug)]
struct Said<T>(Option<(T, Time)>);

impl<T> Default for Said<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Said<T> {
    fn set(&mut self, value: T, now: Time) {
        self.0 = Some((value, now));
    }

    fn get(&self, alarm: &mut Alarm) -> Option<&T> {
        let (value, at) = self.0.as_ref()?;
        (!alarm.passed(*at + Senses::FRESH)).then_some(value)
    }
}

impl Senses {
    /// How long what was said holds: three times the slowest pace of senses, so that one lost reading changes nothing.
    pub(crate) const FRESH: Duration = Duration::from_secs(90);

    pub(crate) fn hear(&mut self, reading: Reading, ladder: &Ladder, now: Time) {
        match reading {
            Reading::Idle { source, idle } => {
                self.idle.insert(source, Word::Said { touched: now - idle, at: now });
            }
            Reading::Inhibited(inhibited) => self.inhibited.set(inhibited, now),
            Reading::FullScreen(full) => self.full_screen.set(full, now),
            Reading::Load { share } if share.is_finite() => self.hear_load(share, ladder, now),
            Reading::Memory { free, pressure } if free.is_finite() => {
                self.memory.set((free, pressure), now);
                self.pressed = pressure.is_some_and(|share| latch(self.pressed, share, Ladder::PRESSURE));
            }
            Reading::Power { on_battery, charge } => self.power.set((on_battery, charge), now),
            Reading::Metered(metered) => self.metered.set(metered, now),
            Reading::Temperature { celsius } if celsius.is_finite() => self.temperature.set(celsius, now),
            Reading::Graphics { busy, free_bytes } => {
                self.graphics.set((busy, free_bytes), now);
                self.graphics_busy = busy.is_some_and(|busy| latch(self.graphics_busy, busy, Ladder::GRAPHICS_BUSY));
            }
            Reading::Disk { free_bytes } => self.disk.set(free_bytes, now),
            Reading::Programs(programs) => self.programs.set(programs, now),
            Reading::Load { .. } | Reading::Memory { .. } | Reading::Temperature { .. } => {}
        }
    }

    fn hear_load(&mut self, share: f32, ladder: &Ladder, now: Time) {
        // What was said before the silence does not go on through it.
        if self.load.get(&mut Alarm::new(now)).is_none() {
            self.above = Spells::default();
        }
        self.load.set(share, now);
        let spell = |since: Option<Time>, holds: bool| holds.then(|| since.unwrap_or(now));
        self.above = Spells {
            softens: spell(self.above.softens, share > ladder.soften_load),
            freezes: spell(self.above.freezes, share >= ladder.freeze_load),
            low: spell(self.above.low, share <= ladder.soften_load),
        };
    }

    pub(crate) fn lose(&mut self, source: IdleSource) {
        self.idle.insert(source, Word::Missing);
    }

    /// The machine slept: what the senses said is of another day.
    pub(crate) fn forget(&mut self) {
        let mut idle = std::mem::take(&mut self.idle);
        idle.values_mut().filter(|word| **word != Word::Missing).for_each(|word| *word = Word::Silent);
        *self = Self { idle, ..Self::default() };
    }

    pub(crate) fn idleness(&self, alarm: &mut Alarm) -> Idleness {
        let fresh = self.idle.iter().filter_map(|(source, word)| match word {
            Word::Said { touched, at } if !alarm.passed(*at + Self::FRESH) => Some((*touched, *source)),
            _ => None,
        });
        let fresh: Vec<_> = fresh.collect();
        let sees_all = fresh.iter().any(|(_, source)| source.sees_all());
        match fresh.into_iter().max() {
            Some((touched, source)) if sees_all => Idleness::Known { source, idle: alarm.now.since(touched) },
            _ if self.is_blind() => Idleness::Missing,
            _ => Idleness::Silent,
        }
    }

    /// For how long nobody has used the machine: neither touched it nor watches something on it; `None` while that is unknown.
    ///
    /// A machine without a source that sees all is used by whoever those see that see a part, if `parts_do`; nobody else can be told there.
    pub(crate) fn unused(&self, parts_do: bool, now: Time) -> Option<Duration> {
        let mut alarm = Alarm::new(now);
        let watched = [&self.inhibited, &self.full_screen].iter().any(|said| said.get(&mut alarm) == Some(&true));
        match self.idleness(&mut alarm) {
            _ if watched => Some(Duration::ZERO),
            Idleness::Known { idle, .. } => Some(idle),
            Idleness::Missing if parts_do => {
                let touched = self.idle.values().filter_map(|word| match word {
                    Word::Said { touched, at } if !alarm.passed(*at + Self::FRESH) => Some(*touched),
                    _ => None,
                });
                Some(touched.max().map_or(Duration::MAX, |touched| now.since(touched)))
            }
            Idleness::Missing | Idleness::Silent => None,
        }
    }

    /// True if sources that see all were looked for, and there is none.
    fn is_blind(&self) -> bool {
        let mut whole = self.idle.iter().filter(|(source, _)| source.sees_all()).peekable();
        whole.peek().is_some() && whole.all(|(_, word)| *word == Word::Missing)
    }

    /// Somebody comes with a touch and is gone after a while without one; while nothing is known nothing changes.
    pub(crate) fn follow_presence(&mut self, ladder: &Ladder, idleness: &Idleness, alarm: &mut Alarm) {
        let Idleness::Known { idle, .. } = idleness else { return };
        let touched = alarm.now - *idle;
        if !alarm.passed(touched + ladder.touched) {
            self.present_since.get_or_insert(alarm.now);
        } else if self.present_since.is_some() && alarm.passed(touched + ladder.gone) {
            self.present_since = None;
        }
    }

    pub(crate) const fn present_since(&self) -> Option<Time> {
        self.present_since
    }

    /// True when nothing keeps a machine down that has gone down: nobody is there, and others leave it alone.
    pub(crate) fn calm(&self, ladder: &Ladder, idle_matters: bool, alarm: &mut Alarm) -> bool {
        let gone = match self.idleness(alarm) {
            Idleness::Known { .. } => self.present_since.is_none(),
            Idleness::Silent => !idle_matters,
            Idleness::Missing => true,
        };
        let low = self.load.get(alarm).is_none() || alarm.lasted(self.above.low, ladder.soften_after);
        gone && low
    }

    pub(crate) fn inhibited(&self, alarm: &mut Alarm) -> bool {
        self.inhibited.get(alarm) == Some(&true)
    }

    pub(crate) fn full_screen(&self, alarm: &mut Alarm) -> bool {
        self.full_screen.get(alarm) == Some(&true)
    }

    pub(crate) fn load(&self, alarm: &mut Alarm) -> Option<f32> {
        self.load.get(alarm).copied()
    }

    /// Whether load has been above what softens, and at what freezes, for long enough.
    pub(crate) fn busy(&self, ladder: &Ladder, alarm: &mut Alarm) -> (bool, bool) {
        (alarm.lasted(self.above.softens, ladder.soften_after), alarm.lasted(self.above.freezes, ladder.freeze_after))
    }

    /// Free share, and the pressure while there is too much of it.
    pub(crate) fn memory(&self, alarm: &mut Alarm) -> Option<(f32, Option<f32>)> {
        self.memory.get(alarm).map(|(free, pressure)| (*free, pressure.filter(|_| self.pressed)))
    }

    /// The charge, while on battery.
    pub(crate) fn on_battery(&self, alarm: &mut Alarm) -> Option<Option<u8>> {
        self.power.get(alarm).and_then(|(on_battery, charge)| on_battery.then_some(*charge))
    }

    pub(crate) fn metered(&self, alarm: &mut Alarm) -> bool {
        self.metered.get(alarm) == Some(&true)
    }

    /// The temperature, while it is above `limit` and until it is well below.
    pub(crate) fn hot(&mut self, limit: u8, alarm: &mut Alarm) -> Option<f32> {
        let celsius = *self.temperature.get(alarm)?;
        self.too_hot = latch(self.too_hot, celsius, f32::from(limit));
        self.too_hot.then_some(celsius)
    }

    pub(crate) fn graphics_busy(&self, alarm: &mut Alarm) -> Option<f32> {
        self.graphics.get(alarm)?.0.filter(|_| self.graphics_busy)
    }

    pub(crate) fn graphics_free(&self, alarm: &mut Alarm) -> Option<u64> {
        self.graphics.get(alarm)?.1
    }

    pub(crate) fn disk(&self, alarm: &mut Alarm) -> Option<u64> {
        self.disk.get(alarm).copied()
    }

    pub(crate) fn programs(&self, alarm: &mut Alarm) -> BTreeSet<String> {
        self.programs.get(alarm).cloned().unwrap_or_default()
    }
}

/// On from `limit` on, off again well below it.
fn latch(on: bool, value: f32, limit: f32) -> bool {
    value >= if on { limit * Ladder::RELEASE } else { limit }
}
