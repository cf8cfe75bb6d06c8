use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use gridwell_courtesy::Reading;

use super::{Around, Sense, Unavailable};
use crate::{bounded, usage};

/// Processes looked at in one go: as many as Linux usually has numbers for.
const MOST_PROCESSES: usize = 32_768;

/// What the kernel keeps of a program's name, in bytes.
const COMM_BYTES: usize = 15;

/// Which of the programs that the owner named run, our own left out.
pub(super) struct Programs(PathBuf);

impl Programs {
    /// `processes` is `/proc`.
    pub(super) fn open(processes: &Path) -> Result<Self, Unavailable> {
        let readable = processes.join("self").exists();
        if readable { Ok(Self(processes.to_owned())) } else { Err(Unavailable::Missing { what: "list of processes" }) }
    }

    fn running(&self, wanted: &BTreeSet<String>, own: &BTreeSet<u32>) -> BTreeSet<String> {
        let mut running = BTreeSet::new();
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        for number in numbers.filter(|number| !own.contains(number)).take(MOST_PROCESSES) {
            let process = self.0.join(number.to_string());
            let comm = bounded::read(&process.join("comm")).unwrap_or_default();
            // Only processes of the same user tell their file; it has the whole name.
            let file = fs::read_link(process.join("exe")).ok();
            let file = file.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
            let names = wanted.iter().filter(|name| is_named(name, comm.trim_end(), file));
            running.extend(names.cloned());
        }
        running
    }
}

/// True if a process that calls itself `comm` and runs `file` is the program `name`.
fn is_named(name: &str, comm: &str, file: Option<&str>) -> bool {
    let cut = &name[..name.floor_char_boundary(COMM_BYTES)];
    comm.eq_ignore_ascii_case(cut) || file.is_some_and(|file| file.eq_ignore_ascii_case(name))
}

impl Sense for Programs {
    fn read(&mut self, around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        if around.programs.is_empty() {
            return Ok(None);
        }
        let running = self.running(around.programs, &usage::tree(around.own));
        Ok(Some(Reading::Programs(running)))
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_program_is_known_by_its_file_or_by_the_first_letters_of_its_name() {
        assert!(is_named("blender", "blender", None) && is_named("Blender", "blender", None));
        assert!(is_named("resolve", "GUI Thread", Some("resolve")));
        assert!(is_named("a-name-of-twenty-one", "a-name-of-twent", None));
        assert!(!is_named("blend", "blender", Some("blender")) && !is_named("maya", "", None));
    }

    #[test]
    fn a_program_of_others_is_seen_and_our_own_is_not() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // It answers, so that it is there under its own name.
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"x").unwrap();
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let wanted = BTreeSet::from(["cat".to_owned(), "no such program".to_owned()]);
        let programs = Programs::open("/proc".as_ref()).unwrap();
        assert_eq!(programs.running(&wanted, &BTreeSet::new()), BTreeSet::from(["cat".to_owned()]));
        let mut sense = Programs::open("/proc".as_ref()).unwrap();
        let own = [std::process::id()];
        let around = Around { own: &own, programs: &wanted, uses_graphics: false };
        let Ok(Some(Reading::Programs(seen))) = sense.read(&around) else { panic!("it reads") };
        assert!(!seen.contains("no such program"));
        assert!(usage::tree(&own).contains(&child.id()), "our own is left out");
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
