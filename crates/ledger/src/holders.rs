use std::collections::BTreeMap;

use gridwell_model::{Energy, PeerId};
use serde::{Deserialize, Serialize};

use crate::record::NOBODY;

/// What one peer did for a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub(crate) peer: PeerId,
    /// Tasks that ended well there.
    pub(crate) done: u32,
    /// Attempts that failed there.
    pub(crate) failed: u32,
    /// Failures since the last task that ended well there.
    pub(crate) streak: u32,
    /// It gets no more tasks of the job.
    pub(crate) blocked: bool,
    /// What its runs took, as far as that is known.
    pub(crate) energy: Energy,
    /// Runs of programs that were counted there.
    pub(crate) runs: u32,
    /// Those of which nobody knows what they took.
    pub(crate) unmeasured: u32,
}

impl Holder {
    const fn new(peer: PeerId) -> Self {
        Self { peer, done: 0, failed: 0, streak: 0, blocked: false, energy: Energy(0), runs: 0, unmeasured: 0 }
    }

    /// Runs were counted that took so much together, if that is known.
    pub(crate) fn ran(&mut self, runs: u32, energy: Option<Energy>) {
        self.runs = self.runs.saturating_add(runs);
        match energy {
            Some(energy) => self.energy = self.energy + energy,
            None => self.unmeasured = self.unmeasured.saturating_add(runs),
        }
    }
}

/// The peers that held a lease of a job, in the order in which they first did; records name them by position.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    list: Vec<Holder>,
    positions: BTreeMap<PeerId, u16>,
}

impl Holders {
    pub(crate) fn from_list(list: Vec<Holder>) -> Self {
        let positions = list.iter().enumerate().map(|(at, holder)| (holder.peer, at as u16)).collect();
        Self { list, positions }
    }

    pub(crate) fn list(&self) -> &[Holder] {
        &self.list
    }

    pub(crate) fn list_mut(&mut self) -> &mut [Holder] {
        &mut self.list
    }

    /// False once positions have run out: 65,535 peers worked for one job.
    pub(crate) fn has_room_for(&self, peer: PeerId) -> bool {
        self.positions.contains_key(&peer) || self.list.len() < usize::from(NOBODY)
    }

    /// The peer's position, a new one if it has none. Call only if there is room.
    pub(crate) fn position(&mut self, peer: PeerId) -> u16 {
        let list = &mut self.list;
        *self.positions.entry(peer).or_insert_with(|| {
            list.push(Holder::new(peer));
            (list.len() - 1) as u16
        })
    }

    pub(crate) fn peer(&self, position: u16) -> Option<PeerId> {
        self.list.get(usize::from(position)).map(|holder| holder.peer)
    }

    pub(crate) fn at(&mut self, position: u16) -> &mut Holder {
        &mut self.list[usize::from(position)]
    }

    pub(crate) fn is(&self, position: u16, peer: PeerId) -> bool {
        self.peer(position) == Some(peer)
    }
}
