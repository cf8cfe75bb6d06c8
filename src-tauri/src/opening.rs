//! Files and links that come from outside: the file manager, a second start, a link in a message.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::platform::Appearance;

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
}

/// Wishes that wait until the page listens.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<Vec<Wish>>);

impl Waiting {
    pub(crate) fn push(&self, wish: Wish) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST_WAITING {
            waiting.push(wish);
        }
    }

    pub(crate) fn take(&self) -> Vec<Wish> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
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
    }
}
