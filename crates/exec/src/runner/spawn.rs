use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, BufRead as _, Read as _},
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt as _, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use gridwell_model::{ActionEnd, ActionPlan};
use rustix::{io::Errno, process::Pid};

use super::{soften::Birth, variables::Variables};

/// The name that plans use for our own executable.
const SELF_NAME: &str = "gridwell";

/// What a program is started with, apart from its plan.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) self_program: &'a Path,
    pub(crate) variables: &'a Variables,
    /// `/dev/null`.
    pub(crate) input: &'a OwnedFd,
    /// Both output streams: one pipe keeps their order.
    pub(crate) output: &'a OwnedFd,
    /// What it does before it starts, in a softened session.
    pub(crate) birth: Option<&'a Birth>,
}

/// Where programs were found before: a search costs more than all other calls of a start.
///
/// Like a shell's, it holds until PATH changes or a program is gone.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    searched: OsString,
    found: BTreeMap<String, PathBuf>,
}

/// Programs remembered; a session uses a handful.
const MAX_LOOKUPS: usize = 64;

/// Starts a program as the leader of its own process group and returns its id.
///
/// Takes the standard library's `posix_spawn` path: an absolute program, no closures between fork and exec. Only a
/// softened session pays for a fork.
///
/// # Errors
///
/// [`ActionEnd::NotStarted`] with a sentence that names the program.
pub(crate) fn spawn(
    plan: &ActionPlan,
    surroundings: &Surroundings<'_>,
    lookups: &mut Lookups,
) -> Result<Pid, ActionEnd> {
    let program = lookups.find(&plan.program, surroundings)?;
    let failed = match start(&program, plan, surroundings) {
        Ok(pid) => return Ok(pid),
        Err(error) => (program, error),
    };
    // What was found earlier may have moved since.
    let (program, error) = match lookups.forget(&plan.program) {
        false => failed,
        true => {
            let program = lookups.find(&plan.program, surroundings)?;
            match start(&program, plan, surroundings) {
                Ok(pid) => return Ok(pid),
                Err(error) => (program, error),
            }
        }
    };
    Err(refused(plan, &program, surroundings, &error))
}

fn start(program: &Path, plan: &ActionPlan, surroundings: &Surroundings<'_>) -> io::Result<Pid> {
    let mut command = Command::new(program);
    command
        .args(&plan.args)
        .env_clear()
        .envs(surroundings.variables.all())
        .current_dir(surroundings.folder)
        .process_group(0)
        .stdin(Stdio::from(surroundings.input.try_clone()?))
        .stdout(Stdio::from(surroundings.output.try_clone()?))
        .stderr(Stdio::from(surroundings.output.try_clone()?));
    if let Some(birth) = surroundings.birth {
        let birth = birth.try_clone()?;
        #[expect(unsafe_code, reason = "what a program starts must be soft already, so it has to be before it starts")]
        // SAFETY: the closure runs in the forked child and only makes system calls; it neither allocates nor locks, and
        // the runner has no other thread that could hold something.
        unsafe {
            command.pre_exec(move || {
                birth.soften_me();
                Ok(())
            })
        };
    }
    Ok(Pid::from_child(&command.spawn()?))
}

impl Lookups {
    /// Finds a program: our own by name, others along the session's PATH; a path counts from the session's folder.
    fn find(&mut self, program: &str, surroundings: &Surroundings<'_>) -> Result<PathBuf, ActionEnd> {
        if program == SELF_NAME {
            return Ok(surroundings.self_program.to_owned());
        }
        if program.is_empty() {
            return Err(not_started("the action names no program".to_owned(), false));
        }
        if program.contains('/') {
            return Ok(surroundings.folder.join(program));
        }
        let searched = surroundings.variables.all().get(OsStr::new("PATH")).map_or(OsStr::new(""), |path| path);
        if self.searched != searched || self.found.len() == MAX_LOOKUPS {
            *self = Self { searched: searched.to_owned(), found: BTreeMap::new() };
        }
        if let Some(path) = self.found.get(program) {
            return Ok(path.clone());
        }
        let path = search(program, searched)?;
        self.found.insert(program.to_owned(), path.clone());
        Ok(path)
    }

    /// Forgets where a program was found; false if that was not remembered.
    fn forget(&mut self, program: &str) -> bool {
        self.found.remove(program).is_some()
    }
}

fn search(program: &str, searched: &OsStr) -> Result<PathBuf, ActionEnd> {
    let mut forbidden = None;
    for folder in std::env::split_paths(searched).filter(|folder| folder.is_absolute()) {
        let path = folder.join(program);
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => return Ok(path),
            Ok(found) if found.is_file() => forbidden = forbidden.or(Some(path)),
            _ => {}
        }
    }
    Err(match forbidden {
        Some(path) => not_started(format!("{} may not be executed", path.display()), false),
        None => not_started(format!("program {program} was not found in PATH {}", searched.display()), true),
    })
}

fn refused(plan: &ActionPlan, program: &Path, surroundings: &Surroundings<'_>, error: &io::Error) -> ActionEnd {
    let shown = program.display();
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    match code {
        Some(Errno::NOENT) if !surroundings.folder.is_dir() => {
            not_started(format!("{shown} was not started: the session's folder is gone"), false)
        }
        Some(Errno::NOENT) if program.exists() => not_started(lacks_interpreter(program), true),
        Some(Errno::NOENT | Errno::NOTDIR) => not_started(format!("program {shown} does not exist"), true),
        Some(Errno::ACCESS | Errno::PERM) => not_started(format!("{shown} may not be executed"), false),
        Some(Errno::NOEXEC) => {
            let reason = "it is neither a script with a #! line nor a program for this system";
            not_started(format!("{shown} cannot be executed: {reason}"), false)
        }
        Some(Errno::TOOBIG) => not_started(too_big(plan, program, surroundings.variables.all()), false),
        Some(Errno::AGAIN | Errno::NOMEM) => {
            not_started(format!("{shown} was not started: no memory or no room for another process"), false)
        }
        _ => not_started(format!("{shown} was not started: {error}"), false),
    }
}

/// A program that exists and yet "does not exist": its interpreter or loader does not.
fn lacks_interpreter(program: &Path) -> String {
    let mut start = Vec::new();
    let read = File::open(program).and_then(|file| io::BufReader::new(file.take(256)).read_until(b'\n', &mut start));
    let line = read.ok().and_then(|_| start.strip_prefix(b"#!")).map(|line| String::from_utf8_lossy(line).into_owned());
    let shown = program.display();
    match line {
        Some(line) => format!("{shown} was not started: its interpreter {} does not exist", line.trim()),
        None => format!("{shown} was not started: a loader that it needs does not exist"),
    }
}

fn too_big(plan: &ActionPlan, program: &Path, variables: &BTreeMap<OsString, OsString>) -> String {
    let arguments: usize = plan.args.iter().map(|argument| argument.len() + 1).sum();
    let environment: usize = variables.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let shown = program.display();
    format!(
        "{shown} was not started: {arguments} bytes of arguments and {environment} bytes of variables are more than \
         the system takes"
    )
}

pub(crate) const fn not_started(reason: String, missing: bool) -> ActionEnd {
    ActionEnd::NotStarted { reason, missing }
}
