use gridwell_serve::Page;

/// The window as it was built into this program; empty when it was not.
const BUILT: &[Page] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Says what is missing, and how to get it.
const NONE: &[Page] = &[Page { path: "index.html", bytes: include_bytes!("no-window.html") }];

/// What browsers are shown.
pub(crate) const PAGES: &[Page] = if BUILT.is_empty() { NONE } else { BUILT };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_first_page() {
        assert!(PAGES.iter().any(|page| page.path == "index.html" && !page.bytes.is_empty()));
    }
}
