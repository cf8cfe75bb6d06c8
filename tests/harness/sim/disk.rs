use std::collections::BTreeMap;

use gridwell_model::{JobId, LinkWish};

use super::event::PeerAt;

/// A job as it was kept: its last snapshot and the entries since.
pub(super) type Kept = (Option<Vec<u8>>, Vec<Vec<u8>>);

/// What a peer has written: it survives the death of its node, and what was synced survives a power cut.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) epoch: u32,
    /// What its owner wants of links.
    pub(super) wishes: BTreeMap<PeerAt, LinkWish>,
    /// Jobs of others that have ended, with their last entry.
    pub(super) ends: BTreeMap<JobId, u64>,
    log: Vec<Line>,
    snapshots: BTreeMap<JobId, Vec<u8>>,
}

#[derive(Debug)]
struct Line {
    job: JobId,
    entry: Vec<u8>,
    synced: bool,
}

impl Disk {
    /// A new epoch, which no other peer uses.
    pub(super) const fn next_epoch(&mut self, at: PeerAt) -> u32 {
        self.epoch += 1;
        self.epoch << 8 | at as u32
    }

    /// Appends entries in one transaction; a synced one carries everything before it along.
    pub(super) fn append(&mut self, entries: Vec<(JobId, Vec<u8>)>, sync: bool) {
        self.log.extend(entries.into_iter().map(|(job, entry)| Line { job, entry, synced: false }));
        if sync {
            self.log.iter_mut().for_each(|line| line.synced = true);
        }
    }

    pub(super) fn snapshot(&mut self, job: JobId, bytes: Vec<u8>) {
        self.log.retain(|line| line.job != job);
        self.log.iter_mut().for_each(|line| line.synced = true);
        self.snapshots.insert(job, bytes);
    }

    /// Keeps a copy of another steward's job instead of what was kept of it.
    pub(super) fn put_copy(&mut self, job: JobId, bytes: Vec<u8>) {
        self.snapshot(job, bytes);
    }

    /// Forgets a job.
    pub(super) fn forget(&mut self, job: JobId) {
        self.log.retain(|line| line.job != job);
        self.snapshots.remove(&job);
    }

    /// What is kept of a job.
    pub(super) fn job(&self, job: JobId) -> Kept {
        let entries = self.log.iter().filter(|line| line.job == job).map(|line| line.entry.clone());
        (self.snapshots.get(&job).cloned(), entries.collect())
    }

    pub(super) fn cut_power(&mut self) {
        self.log.retain(|line| line.synced);
    }

    /// Every job as it was kept.
    pub(super) fn jobs(&self) -> impl Iterator<Item = (JobId, Option<Vec<u8>>, Vec<Vec<u8>>)> {
        let mut jobs: BTreeMap<JobId, Kept> = BTreeMap::new();
        for (job, bytes) in &self.snapshots {
            jobs.entry(*job).or_default().0 = Some(bytes.clone());
        }
        for line in &self.log {
            jobs.entry(line.job).or_default().1.push(line.entry.clone());
        }
        jobs.into_iter().map(|(job, (snapshot, entries))| (job, snapshot, entries))
    }
}
