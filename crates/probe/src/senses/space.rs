use std::path::{Path, PathBuf};

use gridwell_courtesy::Reading;

use super::{Around, Sense, Unavailable};
use crate::disk;

/// Free space where data lies.
pub(super) struct Disk(PathBuf);

impl Disk {
    pub(super) fn open(data_dir: &Path) -> Self {
        Self(data_dir.to_owned())
    }
}

impl Sense for Disk {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        let (size, free_bytes) = disk::space(&self.0);
        Ok((size > 0).then_some(Reading::Disk { free_bytes }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn free_space_is_told_also_where_the_folder_is_not_there_yet() {
        let temp = tempfile::tempdir().unwrap();
        let around = Around { own: &[], programs: &BTreeSet::new(), uses_graphics: false };
        let reading = Disk::open(&temp.path().join("not/yet")).read(&around).unwrap();
        assert!(matches!(reading, Some(Reading::Disk { free_bytes: 1.. })));
    }
}
