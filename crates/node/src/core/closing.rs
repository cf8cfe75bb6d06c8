//! Whether this machine may sleep or be switched off now.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_api::StatusView;
use gridwell_model::PeerId;

use super::Core;

/// Machines that read files from here this moment, with the number of files.
#[derive(Debug, Default)]
pub(crate) struct Readers(BTreeMap<PeerId, u32>);

impl Readers {
    pub(super) fn began(&mut self, peer: PeerId) {
        *self.0.entry(peer).or_default() += 1;
    }

    /// True while somebody reads.
    pub(super) fn is_busy(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn ended(&mut self, peer: PeerId) {
        if let Some(count) = self.0.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&peer);
            }
        }
    }
}

impl Core {
    /// What somebody would miss if this machine went away now, one sentence each.
    pub(super) fn close_why(&self) -> Vec<String> {
        let jobs = self.homes.iter().filter_map(|(job, home)| {
            let why = self.safety(*job).err()?;
            Some(format!("{}: {why}", home.spec.name))
        });
        let readers = self.readers.0.keys().map(|peer| format!("{} reads files from here", self.machines.name(*peer)));
        let waiting: BTreeSet<PeerId> =
            self.outbox.keys().filter_map(|lease| Some(self.guests.get(&lease.job)?.steward())).collect();
        let waiting = waiting.into_iter().filter(|peer| *peer != self.me);
        let unfetched =
            waiting.map(|peer| format!("{} has not fetched what was made here yet", self.machines.name(peer)));
        let mut all: Vec<String> = jobs.chain(readers).chain(unfetched).collect();
        if all.len() > StatusView::MAX_REASONS {
            let more = all.len() + 1 - StatusView::MAX_REASONS;
            all.truncate(StatusView::MAX_REASONS - 1);
            all.push(format!("and {more} reasons more"));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_reads_until_its_last_file_is_through() {
        let (mut readers, peer) = (Readers::default(), PeerId([1; 32]));
        readers.began(peer);
        readers.began(peer);
        readers.ended(peer);
        assert!(readers.is_busy());
        readers.ended(peer);
        readers.ended(peer);
        assert!(!readers.is_busy());
    }
}
