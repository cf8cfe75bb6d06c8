use std::{ffi::OsString, path::PathBuf};

/// What the program was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Args {
    /// Data folder of the node; the platform's when absent.
    pub(crate) data: Option<PathBuf>,
    /// Start in the tray, without a window: for the session's start.
    pub(crate) hidden: bool,
    /// Files to make jobs of, and `gridwell:` links.
    pub(crate) opened: Vec<OsString>,
}

impl Args {
    /// Reads what a desktop file, a file manager or a person passes.
    ///
    /// # Errors
    ///
    /// One sentence, for an option that does not exist or has no value.
    pub(crate) fn read(words: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut args = Self::default();
        let mut words = words;
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--data") => {
                    args.data = Some(words.next().ok_or("--data needs a folder")?.into());
                }
                Some("--hidden") => args.hidden = true,
                Some("--") => args.opened.extend(words.by_ref()),
                Some(option) if option.starts_with("--") => {
                    return Err(format!("unknown option {option}; there are --data DIR and --hidden"));
                }
                _ => args.opened.push(word),
            }
        }
        Ok(args)
    }

    /// The data folder: named here, by `GRIDWELL_DATA`, or the platform's.
    pub(crate) fn data_folder(&self) -> PathBuf {
        let named = || std::env::var_os("GRIDWELL_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
        let usual = || directories::ProjectDirs::from("", "", "gridwell").map(|dirs| dirs.data_local_dir().to_owned());
        self.data.clone().or_else(named).or_else(usual).unwrap_or_else(|| PathBuf::from(".gridwell"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Args, String> {
        Args::read(words.iter().map(OsString::from))
    }

    #[test]
    fn files_and_links_are_what_is_no_option() {
        let args = read(&["--hidden", "a.blend", "--data", "/d", "--", "--odd.blend"]).unwrap();
        assert!(args.hidden);
        assert_eq!(args.data, Some("/d".into()));
        assert_eq!(args.opened, ["a.blend", "--odd.blend"]);
    }

    #[test]
    fn an_unknown_option_is_named() {
        assert!(read(&["--frames"]).unwrap_err().contains("--frames"));
        assert!(read(&["--data"]).unwrap_err().contains("folder"));
    }
}
