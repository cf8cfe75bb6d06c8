//! Rights to files of other machines, to be shown to whoever keeps pieces of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use gridwell_model::{BlobId, PeerId, RelPath, Version};
use gridwell_trust::Ticket;

use super::Whose;

/// What a ticket answers: which file of whose, and which version of it.
pub(crate) fn question(whose: Whose, path: &RelPath, version: Version) -> [u8; 32] {
    let (kind, id): (u8, &[u8]) = match &whose {
        Whose::Share(share) => (0, &share.0),
        Whose::Job(job) => (1, &job.0),
    };
    let bytes = postcard::to_stdvec(&(kind, id, path, version)).expect("names are plain data");
    *blake3::hash(&bytes).as_bytes()
}

/// Most tickets that are held, a few hundred bytes each; then the oldest goes.
const MOST: usize = 10_000;

/// The tickets that owners gave to this machine, by owner and content; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tickets(Arc<Mutex<BTreeMap<(PeerId, BlobId), Held>>>);

#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    since: Instant,
}

impl Held {
    /// True once its owner should be asked for another one.
    pub(super) fn is_old(&self) -> bool {
        self.since.elapsed() > Ticket::LIFE / 2
    }
}

impl Tickets {
    pub(super) fn keep(&self, owner: PeerId, blob: BlobId, bytes: Vec<u8>) {
        let mut all = self.lock();
        if all.len() >= MOST {
            all.retain(|_, held| held.since.elapsed() < Ticket::LIFE);
            let oldest = all.iter().min_by_key(|(_, held)| held.since).map(|(key, _)| *key);
            oldest.filter(|_| all.len() >= MOST).map(|oldest| all.remove(&oldest));
        }
        all.insert((owner, blob), Held { bytes, since: Instant::now() });
    }

    /// The ticket of an owner to some content, if it may count still.
    pub(super) fn of(&self, owner: PeerId, blob: BlobId) -> Option<Held> {
        self.lock().get(&(owner, blob)).filter(|held| held.since.elapsed() < Ticket::LIFE).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(PeerId, BlobId), Held>> {
        self.0.lock().expect("nothing panics while it holds the list")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_found_by_its_owner_and_content_and_the_oldest_of_many_goes() {
        let tickets = Tickets::default();
        let (owner, blob) = (PeerId([1; 32]), |number: usize| BlobId::of(&number.to_le_bytes()));
        (0..=MOST).for_each(|number| tickets.keep(owner, blob(number), number.to_le_bytes().to_vec()));
        let held = tickets.of(owner, blob(MOST)).unwrap();
        assert!(held.bytes == MOST.to_le_bytes() && !held.is_old());
        assert!(tickets.of(owner, blob(0)).is_none());
        assert!(tickets.of(PeerId([2; 32]), blob(MOST)).is_none());
    }
}
