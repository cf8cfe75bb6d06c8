//! What peers say to each other, in bytes on their links.

use gridwell_wire::Message;

use super::world::Simulation;

/// Bytes of frames that were sent on links since the beginning, by what they are about.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Pings and their answers.
    pub pings: u64,
    /// Records of links, passed on to everybody.
    pub records: u64,
    /// What machines say of themselves to those they are linked with.
    pub announcements: u64,
    /// Everything over links of others, at each link on its way.
    pub letters: u64,
    /// All else: jobs, copies of jobs, limits.
    pub rest: u64,
}

impl Traffic {
    pub(super) const fn note(&mut self, message: &Message, bytes: u64) {
        let sum = match message {
            Message::Ping { .. } | Message::Pong { .. } => &mut self.pings,
            Message::Links(_) => &mut self.records,
            Message::Announce(_) => &mut self.announcements,
            Message::Passed(_) => &mut self.letters,
            _ => &mut self.rest,
        };
        *sum += bytes;
    }

    /// All of it.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.pings + self.records + self.announcements + self.letters + self.rest
    }

    /// What was said since an earlier moment.
    #[must_use]
    pub const fn since(&self, before: &Self) -> Self {
        Self {
            pings: self.pings - before.pings,
            records: self.records - before.records,
            announcements: self.announcements - before.announcements,
            letters: self.letters - before.letters,
            rest: self.rest - before.rest,
        }
    }
}

impl Simulation {
    /// What has been said so far.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }
}
