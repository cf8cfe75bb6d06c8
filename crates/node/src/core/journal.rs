use std::{collections::VecDeque, time::Duration};

use gridwell_ledger::{DeputyInput, Effect};
use gridwell_model::{JobId, LeaseOffer, PeerId, Time};
use gridwell_store::{Durability, StoreError, SubmitKey};

use super::{Core, Fact};
use crate::clock;

/// Wait before a write that failed is tried again: long enough for a person to make room.
const RETRY: Duration = Duration::from_secs(1);

/// What is done once everything before it is written, or could not be.
type Answer = Box<dyn FnOnce(&mut Core, Result<(), StoreError>) + Send>;

/// Something that must not happen before what the ledger said earlier is written.
pub(crate) enum Wish {
    /// A wish of the ledger.
    Ledger(Effect),
    /// Keep a submission's key, in the transaction of its jobs' first entries, which stand before it.
    Key(SubmitKey),
    /// Tell the engine of deputies what is true once everything before is written.
    Deputy(DeputyInput),
    /// Tell a job's steward what was known here when the job was given up.
    Merge(PeerId, JobId),
    /// Offer a granted lease.
    Offer(PeerId, LeaseOffer),
    /// Answer somebody: `Ok` once everything before is written, the error if it could not be.
    Answer(Answer),
}

/// Journal first, then act: wishes in order, held back behind the entries that must be on disk first.
#[derive(Default)]
pub(crate) struct Journal {
    wishes: VecDeque<Wish>,
    writing: Option<Writing>,
    /// The store's number of the last entry that is written.
    written: u64,
    retry_at: Option<Time>,
}

/// One write on its way, and what waits for it.
struct Writing {
    entries: Vec<(JobId, u64, Vec<u8>)>,
    keys: Vec<SubmitKey>,
    durability: Durability,
    behind: Vec<Wish>,
}

impl Journal {
    pub(crate) fn wish(&mut self, effect: Effect) {
        self.wishes.push_back(Wish::Ledger(effect));
    }

    pub(crate) fn then(&mut self, wish: Wish) {
        self.wishes.push_back(wish);
    }

    /// The store's number of the last entry that is written.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    pub(crate) const fn due(&self) -> Option<Time> {
        self.retry_at
    }
}

impl Core {
    /// Carries wishes up to the next journal entry, then writes all waiting entries at once. Returns true if it did
    /// anything.
    pub(crate) fn pump_journal(&mut self) -> bool {
        if self.journal.writing.is_some() {
            return self.retry_journal();
        }
        let mut moved = false;
        while let Some(wish) = self.journal.wishes.pop_front() {
            moved = true;
            if matches!(wish, Wish::Ledger(Effect::Journal { .. })) {
                self.journal.wishes.push_front(wish);
                self.start_writing();
                break;
            }
            self.carry_wish(wish, Ok(()));
        }
        moved
    }

    fn start_writing(&mut self) {
        let mut writing =
            Writing { entries: Vec::new(), keys: Vec::new(), durability: Durability::Written, behind: Vec::new() };
        for wish in self.journal.wishes.drain(..) {
            match wish {
                Wish::Ledger(Effect::Journal { job, number, entry, durable }) => {
                    writing.entries.push((job, number, entry));
                    if durable {
                        writing.durability = Durability::Synced;
                    }
                }
                Wish::Key(key) => writing.keys.push(key),
                wish => writing.behind.push(wish),
            }
        }
        self.write(&writing);
        self.journal.writing = Some(writing);
    }

    fn write(&self, writing: &Writing) {
        let (store, keys) = (self.store.clone(), writing.keys.clone());
        let entries = writing.entries.iter().map(|(job, _, entry)| (*job, entry.clone())).collect();
        let durability = writing.durability;
        self.spawn(async move { Fact::Journalled(store.append_keyed(entries, keys, durability).await) });
    }

    fn retry_journal(&mut self) -> bool {
        if self.journal.retry_at.is_some_and(|at| at <= clock::now()) {
            self.journal.retry_at = None;
            if let Some(writing) = &self.journal.writing {
                self.write(writing);
            }
        }
        false
    }

    /// The store answered. A failed write is tried again for as long as it takes; nothing behind it happens meanwhile,
    /// but whoever waits for an answer hears of it now.
    pub(crate) fn on_journalled(&mut self, result: Result<u64, StoreError>) {
        let Some(mut writing) = self.journal.writing.take() else {
            return;
        };
        match result {
            Ok(last) => {
                self.journal.written = last;
                self.copy_written(writing.entries);
                for wish in writing.behind {
                    self.carry_wish(wish, Ok(()));
                }
            }
            Err(error) => {
                tracing::error!(%error, "the journal cannot be written; nothing goes on until it can");
                let (answers, kept) = writing.behind.into_iter().partition(|wish| matches!(wish, Wish::Answer(_)));
                writing.behind = kept;
                self.journal.writing = Some(writing);
                self.journal.retry_at = Some(clock::now() + RETRY);
                let answers: Vec<Wish> = answers;
                for answer in answers {
                    self.carry_wish(answer, Err(error.clone()));
                }
            }
        }
    }

    fn carry_wish(&mut self, wish: Wish, written: Result<(), StoreError>) {
        match wish {
            Wish::Ledger(effect) => self.carry_ledger(effect),
            // Nothing was started under it.
            Wish::Key(_) => {}
            Wish::Merge(to, job) => self.send_merge(to, job),
            Wish::Deputy(input) => self.deputies.handle(input, clock::now()),
            Wish::Offer(peer, offer) => self.offer(peer, offer),
            Wish::Answer(answer) => answer(self, written),
        }
    }
}
