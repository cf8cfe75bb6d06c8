use std::collections::BTreeMap;

use gridwell_model::{JobId, LinkWish};

use super::event::PeerAt;

/// A job as it was kept: its last snapshot and the entries since.
type Kept = (Option<Vec<u8>>, Vec<Vec<u8>>);

/// What a peer has written: it survives the death of its node, and what was synced survives a power cut.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) epoch: u32,
    /// What its owner wants of links.
    pub(super) wishes: BTreeMap<PeerAt, LinkWish>,
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
