use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use gridwell_model::RelPath;

/// Folders whose names are remembered between two pages: readers go through few folders at a time, and a folder of a
/// million files takes some 40 MB.
const KEPT: usize = 4;

/// How long they are: whoever pages on later gets the names of then.
const AGE: Duration = Duration::from_secs(60);

type Names = Arc<Vec<Vec<u8>>>;

/// Names of the folders that were listed last, the newest last.
#[derive(Debug, Default)]
pub(super) struct Listed {
    folders: Mutex<Vec<(Option<RelPath>, Instant, Names)>>,
}

impl Listed {
    pub(super) fn get(&self, folder: Option<&RelPath>) -> Option<Names> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.retain(|(_, since, _)| since.elapsed() < AGE);
        folders.iter().find(|(path, ..)| path.as_ref() == folder).map(|(.., names)| Arc::clone(names))
    }

    pub(super) fn keep(&self, folder: Option<&RelPath>, names: Vec<Vec<u8>>) -> Names {
        let names = Arc::new(names);
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.retain(|(path, since, _)| path.as_ref() != folder && since.elapsed() < AGE);
        if folders.len() == KEPT {
            folders.remove(0);
        }
        folders.push((folder.cloned(), Instant::now(), Arc::clone(&names)));
        names
    }
}
