//! Sessions whose programs see nobody else: their runner begins in namespaces of its own, made by bubblewrap.
//!
//! The runner itself is in them, as their first process, so that a task costs no more than elsewhere, and the end of the runner
//! is the end of everything, by the kernel. Source: `bwrap(1)`, `pid_namespaces(7)`.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use gridwell_model::{Access, SessionPlan};

use crate::{
    exec::ExecConfig,
    runner::{SYSTEM, cards},
};

/// What makes namespaces for those who may not do it themselves.
const BUBBLEWRAP: &str = "bwrap";

/// What every session gets of its own.
const OWN: [&str; 5] = ["--die-with-parent", "--as-pid-1", "--unshare-pid", "--unshare-ipc", "--unshare-uts"];

/// What is made anew in each.
const MADE: [(&str, &str); 3] = [("--proc", "/proc"), ("--dev", "/dev"), ("--tmpfs", "/tmp")];

/// Most folders and files that are shown one by one: each costs as much as there are others. Of more, the folders that hold them
/// are shown, of which Landlock refuses the rest.
const MOST_SHOWN: usize = 256;

/// A folder that holds others is shown as a whole only from this depth on: `/home/ann` never is.
const SHALLOWEST: usize = 4;

/// Finds the program that makes namespaces, and tries it.
///
/// # Errors
///
/// One sentence that says what is missing.
pub fn namespaces() -> Result<PathBuf, String> {
    let bubblewrap =
        find().ok_or_else(|| format!("bubblewrap is not installed: no {BUBBLEWRAP} is in the search path"))?;
    let mut trial = Command::new(&bubblewrap);
    trial.args(OWN).args(["--unshare-net", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"]);
    let tried = trial.stdin(Stdio::null()).output();
    let tried = tried.map_err(|error| format!("{} could not be started: {error}", bubblewrap.display()))?;
    if tried.status.success() {
        return Ok(bubblewrap);
    }
    let said = String::from_utf8_lossy(&tried.stderr);
    let why = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim();
    Err(format!("this system makes no namespaces for {}: {why}", bubblewrap.display()))
}

fn find() -> Option<PathBuf> {
    let folders = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let mut places = folders.into_iter().filter(|folder| folder.is_absolute()).map(|folder| folder.join(BUBBLEWRAP));
    places.find(|place| place.is_file())
}

/// The program and arguments that start a session's runner in namespaces of its own.
///
/// # Errors
///
/// One sentence if there is no bubblewrap.
pub(crate) fn command_line(
    plan: &SessionPlan,
    access: &Access,
    config: &ExecConfig,
) -> Result<(PathBuf, Vec<OsString>), String> {
    let bubblewrap =
        find().ok_or("bubblewrap is not installed any more, and this machine's owner wants programs of jobs in it")?;
    let mut line: Vec<OsString> = OWN.map(OsString::from).to_vec();
    if !access.network {
        line.push("--unshare-net".into());
    }
    let shown = shown(plan, access, config);
    let is_open = shown.iter().any(|(path, is_written)| *is_written && path == Path::new("/"));
    let own = MADE.map(|(option, path)| (PathBuf::from(path), option));
    let cards = cards().map(|card| (card, "--dev-bind-try"));
    let shown =
        shown.into_iter().map(|(path, is_written)| (path, if is_written { "--bind-try" } else { "--ro-bind-try" }));
    // What holds others comes before them: what is mounted later covers it.
    for (path, option) in shown.chain(cards).chain(own).collect::<BTreeMap<_, _>>() {
        line.push(option.into());
        // Where it lies outside, and inside.
        let times = if option.ends_with("-try") { 2 } else { 1 };
        line.extend(std::iter::repeat_n(path.into_os_string(), times));
    }
    if !is_open {
        line.extend(["--remount-ro", "/"].map(OsString::from));
    }
    line.extend(["--chdir", "/", "--"].map(OsString::from));
    line.extend(config.runner.iter().cloned());
    Ok((bubblewrap, line))
}

/// What is there in the session, what holds others first, and whether it may be written to.
fn shown(plan: &SessionPlan, access: &Access, config: &ExecConfig) -> Vec<(PathBuf, bool)> {
    let made = MADE.map(|(_, path)| Path::new(path));
    // The folder above the session's, so that it can be made and removed.
    let written =
        access.write.iter().cloned().chain(plan.folder.parent().map(Path::to_owned)).chain(config.cgroup.clone());
    let written: BTreeSet<PathBuf> = outermost(written.collect());
    let programs = config.runner.first().map(PathBuf::from).into_iter().chain([config.self_program.clone()]);
    let system = SYSTEM.map(PathBuf::from).into_iter().filter(|path| !made.contains(&path.as_path()));
    let read = outermost(system.chain(gathered(access.read.iter().cloned().chain(programs).collect())).collect());
    let is_below = |path: &Path| written.iter().any(|one| path.starts_with(one));
    let read = read.into_iter().filter(|path| !is_below(path)).map(|path| (path, false));
    let mut shown: Vec<_> = read.chain(written.iter().map(|path| (path.clone(), true))).collect();
    shown.retain(|(path, _)| path.is_absolute() && !made.contains(&path.as_path()));
    shown.sort();
    shown
}

/// Those that lie in none of the others.
fn outermost(paths: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let mut kept: Vec<PathBuf> = Vec::new();
    // What holds others comes before them.
    for path in paths {
        if !kept.iter().any(|one| path.starts_with(one)) {
            kept.push(path);
        }
    }
    kept.into_iter().collect()
}

/// The folders that hold them instead, the deepest first, until there are few enough.
fn gathered(mut paths: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let depth = |path: &PathBuf| path.components().count();
    while paths.len() > MOST_SHOWN {
        let deepest = paths.iter().map(depth).max().unwrap_or(0);
        if deepest <= SHALLOWEST {
            break;
        }
        let holder = |path: &PathBuf| path.parent().filter(|_| depth(path) == deepest).map(Path::to_owned);
        paths = outermost(paths.iter().map(|path| holder(path).unwrap_or_else(|| path.clone())).collect());
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ExecConfig {
        ExecConfig {
            runner: vec!["/opt/grid/gridwell".into(), "runner".into()],
            self_program: "/opt/grid/gridwell".into(),
            cgroup: None,
        }
    }

    fn plan(folder: &str) -> SessionPlan {
        SessionPlan {
            folder: folder.into(),
            variables: vec![],
            environments: vec![],
            limits: gridwell_model::Limits::default(),
            stuck_after: None,
            access: None,
        }
    }

    #[test]
    fn what_may_be_written_to_lies_over_what_holds_it_and_is_not_shown_twice() {
        let access = Access {
            read: vec!["/home/ann".into(), "/home/ann/scene".into(), "/data/s/1/in".into(), "/proc".into()],
            write: vec!["/home/ann/out".into()],
            network: false,
            alone: true,
        };
        let mut all = shown(&plan("/data/s/1/work"), &access, &config());
        all.retain(|(path, _)| path.starts_with("/home") || path.starts_with("/data") || path.starts_with("/proc"));
        let expected = [("/data/s/1", true), ("/home/ann", false), ("/home/ann/out", true)];
        assert_eq!(all, expected.map(|(path, is_written)| (PathBuf::from(path), is_written)));
    }

    #[test]
    fn of_many_files_the_folders_are_shown_that_hold_them_but_nobodys_home() {
        let file = |at: usize| PathBuf::from(format!("/home/ann/film/shot-{}/{at}.exr", at % 3));
        let gathered = gathered((0..1_000).map(file).chain(["/home/ann/notes".into()]).collect());
        let expected = ["/home/ann/film/shot-0", "/home/ann/film/shot-1", "/home/ann/film/shot-2", "/home/ann/notes"];
        assert_eq!(gathered, expected.map(PathBuf::from).into());
        let single: BTreeSet<_> = (0..1_000).map(|at| PathBuf::from(format!("/home/ann/{at}"))).collect();
        assert_eq!(super::gathered(single.clone()), single);
        assert_eq!(super::gathered([file(1), file(2)].into()).len(), 2, "few are shown one by one");
    }
}
