use std::sync::{Arc, Mutex, PoisonError};

use gridwell_model::RelPath;

/// Folders whose names are remembered between two pages: readers go through few folders at a time, and a folder of a
/// million files takes some 40 MB.
const KEPT: usize = 4;

type Names = Arc<Vec<Vec<u8>>>;

/// Names of the folders that were listed last, the newest last.
#[derive(Debug, Default)]
pub(super) struct Listed {
    folders: Mutex<Vec<(Option<RelPath>, Names)>>,
}

impl Listed {
    pub(super) fn get(&self, folder: Option<&RelPath>) -> Option<Names> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.iter().find(|(path, _)| path.as_ref() == folder).map(|(_, names)| Arc::clone(names))
    }

    pub(super) fn keep(&self, folder: Option<&RelPath>, names: Vec<Vec<u8>>) -> Names {
        let names = Arc::new(names);
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.retain(|(path, _)| path.as_ref() != folder);
        if folders.len() == KEPT {
            folders.remove(0);
        }
        folders.push((folder.cloned(), Arc::clone(&names)));
        names
    }
}
