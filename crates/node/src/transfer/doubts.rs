//! Links over which bytes came that were not what was asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use gridwell_links::Pair;
use gridwell_model::BlobId;

/// How long a link is not asked for a blob again: who repairs a file, or a disk, does not wait long.
const AVOIDED: Duration = Duration::from_mins(1);
/// Most that is remembered; then the oldest goes.
const MOST: usize = 1_000;

/// Which links brought wrong bytes of which blobs; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doubts(Arc<Mutex<BTreeMap<(BlobId, Pair), Instant>>>);

impl Doubts {
    /// Notes that wrong bytes of a blob came over a link; true the first time.
    pub(crate) fn note(&self, blob: BlobId, link: Pair) -> bool {
        let mut noted = self.lock();
        let oldest = noted.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key);
        if let Some(oldest) = oldest.filter(|_| noted.len() >= MOST) {
            noted.remove(&oldest);
        }
        noted.insert((blob, link), Instant::now()).is_none()
    }

    /// The links that are not asked for a blob now.
    pub(crate) fn of(&self, blob: BlobId) -> BTreeSet<Pair> {
        let noted = self.lock();
        let new = noted.iter().filter(|((of, _), at)| *of == blob && at.elapsed() < AVOIDED);
        new.map(|((_, link), _)| *link).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(BlobId, Pair), Instant>> {
        self.0.lock().expect("nothing panics while it holds the list")
    }
}

#[cfg(test)]
mod tests {
    use gridwell_model::PeerId;

    use super::*;

    #[test]
    fn a_link_is_doubted_for_one_blob_and_told_of_once() {
        let doubts = Doubts::default();
        let link = |number| Pair::of(PeerId([0; 32]), PeerId([number; 32]));
        let (film, scene) = (BlobId([1; 32]), BlobId([2; 32]));
        assert!(doubts.note(film, link(1)) && !doubts.note(film, link(1)));
        assert!(doubts.note(film, link(2)) && doubts.note(scene, link(1)));
        assert_eq!(doubts.of(film), [link(1), link(2)].into());
        assert_eq!(doubts.of(BlobId([3; 32])), [].into());
    }

    #[test]
    fn of_many_the_oldest_are_forgotten() {
        let doubts = Doubts::default();
        let link = Pair::of(PeerId([0; 32]), PeerId([1; 32]));
        let blob = |number: usize| BlobId::of(&number.to_le_bytes());
        (0..=MOST).for_each(|number| _ = doubts.note(blob(number), link));
        assert_eq!(doubts.of(blob(0)), [].into());
        assert_eq!(doubts.of(blob(MOST)), [link].into());
    }
}
