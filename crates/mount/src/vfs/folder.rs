use std::sync::Arc;

use bytes::Bytes;

use crate::{Entry, Listing, TreePath};

/// A part of a folder, with the place of its first entry in the whole folder.
#[derive(Debug)]
pub(crate) struct Page {
    start: u64,
    listing: Listing,
}

impl Page {
    pub(crate) fn new(start: u64, listing: Listing) -> Self {
        Self { start, listing }
    }

    /// Entries from place `index` on, with their places.
    pub(crate) fn from(&self, index: u64) -> impl Iterator<Item = (u64, &(Bytes, Entry))> {
        let skipped = usize::try_from(index.saturating_sub(self.start)).unwrap_or(usize::MAX);
        (index..).zip(self.listing.entries.iter().skip(skipped))
    }

    /// The place behind the entry `name`, if that is here and something follows it, or nothing ever does.
    #[cfg(any(test, all(windows, feature = "winfsp")))]
    pub(crate) fn behind(&self, name: &[u8]) -> Option<u64> {
        let at = self.listing.entries.binary_search_by(|(entry, _)| entry[..].cmp(name)).ok()?;
        let place = self.start + at as u64 + 1;
        (place < self.end() || self.is_last()).then_some(place)
    }

    /// Whether nothing follows.
    pub(crate) fn is_last(&self) -> bool {
        !self.listing.more
    }

    fn end(&self) -> u64 {
        self.start + self.listing.entries.len() as u64
    }

    fn holds(&self, index: u64) -> bool {
        (self.start..self.end()).contains(&index) || (self.is_last() && index >= self.end())
    }
}

/// An open folder: the page that was read last, and where the ones before it began.
///
/// Whoever lists a folder goes forwards, so one page is enough; who jumps back gets a page read again.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: TreePath,
    page: Option<Arc<Page>>,
    /// Place of a page's first entry, and the name before it. Ascending; the first is the folder's beginning.
    starts: Vec<(u64, Option<Bytes>)>,
}

impl Folder {
    pub(crate) fn new(path: TreePath) -> Self {
        Self { path, page: None, starts: vec![(0, None)] }
    }

    /// The page with place `index`, if it is at hand. Place 0 is always read anew: `rewinddir` promises that.
    pub(crate) fn page(&self, index: u64) -> Option<Arc<Page>> {
        self.page.clone().filter(|page| index > 0 && page.holds(index))
    }

    /// Where to read on to get to place `index`: the place and the name before it.
    pub(crate) fn start_before(&self, index: u64) -> (u64, Option<Bytes>) {
        let behind = self.starts.partition_point(|(start, _)| *start <= index);
        self.starts[behind.saturating_sub(1)].clone()
    }

    /// Takes in a page that was read.
    pub(crate) fn turn_to(&mut self, page: &Arc<Page>) {
        if page.start == 0 {
            self.starts.truncate(1);
        }
        let last = self.starts.last().map_or(0, |(start, _)| *start);
        if let Some((name, _)) = page.listing.entries.last()
            && page.end() > last
        {
            self.starts.push((page.end(), Some(name.clone())));
        }
        self.page = Some(page.clone());
    }
}
