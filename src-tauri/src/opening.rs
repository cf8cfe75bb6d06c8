//! Files and links that come from outside: the file manager, a second start, a link in a message.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::Serialize;

use crate::{memory::Quitting, platform::Appearance};

/// Most wishes that wait for the page: more were never meant.
const MOST_WAITING: usize = 64;

/// What the page shall do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Wish {
    /// Go to a screen, by its address.
    Open {
        /// `#/jobs/ID`.
        route: String,
    },
    /// Open the sheet with these files.
    Submit {
        /// Absolute paths.
        paths: Vec<String>,
    },
    /// Open the joining dialog with a link.
    Pair {
        /// As it came.
        link: String,
    },
    /// The desktop changed its colours.
    Appearance {
        /// To these.
        appearance: Appearance,
    },
    /// Ask how to quit.
    Quit {
        /// The window is being closed, and no panel shows our icon.
        closing: bool,
        /// What was chosen last.
        last: Quitting,
    },
    /// Say that the window draws without the graphics card, because the last one showed nothing.
    Unaccelerated,
}

/// Wishes that wait until the page listens.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    wishes: Mutex<Vec<Wish>>,
    listens: AtomicBool,
}

impl Waiting {
    pub(crate) fn push(&self, wish: Wish) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        if wishes.len() < MOST_WAITING {
            wishes.push(wish);
        }
    }

    /// What waits; nothing while nobody listens.
    pub(crate) fn take(&self) -> Vec<Wish> {
        if !self.listens() {
            return Vec::new();
        }
        std::mem::take(&mut *self.wishes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_listens(&self, listens: bool) {
        self.listens.store(listens, Ordering::Release);
    }

    pub(crate) fn listens(&self) -> bool {
        self.listens.load(Ordering::Acquire)
    }

    /// True while the question how to quit has not reached a page.
    pub(crate) fn asks_in_vain(&self) -> bool {
        let wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        wishes.iter().any(|wish| matches!(wish, Wish::Quit { .. }))
    }
}

/// Reads what the program was started with; relative paths belong to `folder`.
pub(crate) fn wishes(opened: &[OsString], folder: &Path) -> Vec<Wish> {
    let is_link = |word: &&OsString| word.to_str().is_some_and(is_gridwell_link);
    let links = opened.iter().filter(is_link).map(|link| Wish::Pair { link: link.to_string_lossy().into_owned() });
    let paths: Vec<String> = opened
        .iter()
        .filter(|word| !is_link(word))
        .map(|word| absolute(word, folder).to_string_lossy().into_owned())
        .collect();
    let submit = (!paths.is_empty()).then_some(Wish::Submit { paths });
    links.chain(submit).collect()
}

pub(crate) fn is_gridwell_link(text: &str) -> bool {
    text.get(..9).is_some_and(|scheme| scheme.eq_ignore_ascii_case("gridwell:"))
}

/// File managers pass paths, some of them `file:` addresses.
fn absolute(word: &OsString, folder: &Path) -> PathBuf {
    let address = word.to_str().and_then(|text| tauri::Url::parse(text).ok());
    let named = address.filter(|address| address.scheme() == "file").and_then(|address| address.to_file_path().ok());
    folder.join(named.unwrap_or_else(|| PathBuf::from(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_open_the_sheet_and_links_the_joining() {
        let words = ["a b.blend", "file:///srv/%C3%BC.blend", "/x.py", "gridwell://pair/abc"].map(OsString::from);
        assert_eq!(
            wishes(&words, Path::new("/home/ana")),
            [
                Wish::Pair { link: "gridwell://pair/abc".into() },
                Wish::Submit { paths: vec!["/home/ana/a b.blend".into(), "/srv/ü.blend".into(), "/x.py".into()] },
            ]
        );
    }

    #[test]
    fn nothing_opens_nothing() {
        assert!(wishes(&[], Path::new("/")).is_empty());
    }

    #[test]
    fn the_page_is_told_in_its_own_words() {
        let json = serde_json::to_string(&Wish::Submit { paths: vec!["/x".into()] }).unwrap();
        assert_eq!(json, r#"{"command":"submit","paths":["/x"]}"#);
        let json = serde_json::to_string(&Wish::Quit { closing: false, last: Quitting::KeepLending }).unwrap();
        assert_eq!(json, r#"{"command":"quit","closing":false,"last":"keep_lending"}"#);
    }

    #[test]
    fn wishes_wait_for_a_page_that_listens() {
        let waiting = Waiting::default();
        waiting.push(Wish::Unaccelerated);
        waiting.push(Wish::Quit { closing: false, last: Quitting::Stop });
        assert!(waiting.take().is_empty() && waiting.asks_in_vain());
        waiting.set_listens(true);
        assert_eq!(waiting.take().len(), 2);
        assert!(!waiting.asks_in_vain());
    }
}
