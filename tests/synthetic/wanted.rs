//! What is made up, from the command line.

use std::path::PathBuf;

use crate::world::Size;

#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) data: PathBuf,
    /// Where the window was built.
    pub(crate) pages: PathBuf,
    pub(crate) size: Size,
    /// Rounds each second in which a tenth of the machines change.
    pub(crate) updates: u32,
    /// Single tasks of the large job that change each second, from the start on.
    pub(crate) storm: u32,
}

impl Wanted {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut wanted = Self::default();
        while let Some(word) = words.next() {
            let value = words.next().ok_or(format!("{word} needs a value"))?;
            let number = || value.parse::<u32>().map_err(|_| format!("{word} {value}: not a number"));
            match word.as_str() {
                "--data" => wanted.data = value.into(),
                "--pages" => wanted.pages = value.into(),
                "--machines" => wanted.size.machines = number()? as usize,
                "--links" => wanted.size.links = number()? as usize,
                "--tasks" => wanted.size.tasks = number()?,
                "--jobs" => wanted.size.jobs = number()? as usize,
                "--updates" => wanted.updates = number()?,
                "--storm" => wanted.storm = number()?,
                _ => return Err(format!("unknown option {word}")),
            }
        }
        Ok(wanted)
    }
}
