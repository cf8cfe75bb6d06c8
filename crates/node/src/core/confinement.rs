//! What the sessions of a guest may touch and use on this machine.

use std::{
    env,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use gridwell_api::Finding;
use gridwell_exec::Confinement;
use gridwell_model::{Access, JobSpec, Limits};

use super::{Core, guest::Guest};

/// Processes and threads of one session, for small machines; renderers have a few for each core.
const THREADS: u32 = 4_096;
const THREADS_PER_CORE: u32 = 64;

/// Sessions leave free what their owner keeps free of the disk, at most this part of it.
const SPARE_PART: u64 = 20;

const MIB: u64 = 1 << 20;

/// Inputs that are opened to a session one by one; of a job with more, the folders that hold them are.
const SINGLE_INPUTS: usize = 4_096;

/// What lies beside a folder called `bin`, for the programs in it.
const BESIDE_BIN: [&str; 3] = ["lib", "lib64", "libexec"];

/// Folders of this name have programs that start those of the folder around it: pyenv, asdf and their like.
const SHIMS: &str = "shims";

impl Core {
    /// What a guest's programs may touch, apart from what systems bring: its inputs, programs that the owner installed
    /// elsewhere, and the session's folders, of which `root` is the parent.
    pub(super) fn access(&self, guest: &Guest, root: &Path) -> Access {
        let spec = &*guest.spec;
        let home = env::var_os("HOME").map(PathBuf::from);
        let closed: Vec<PathBuf> = home.into_iter().chain([self.data.clone()]).collect();
        let mut read = programs(self.machines.hardware().tools.iter().map(|tool| Path::new(&tool.path)));
        read.retain(|folder| !holds(folder, &closed));
        if spec.origin == self.me {
            read.extend(own_files(spec, &closed));
        } else {
            read.extend([self.staged(spec.id), self.job_mount().join(spec.id.to_string())]);
        }
        let write = self.open.iter().cloned().chain([root.to_owned()]).collect();
        Access { read, write, network: spec.session.network, alone: self.machines.settings().namespaces }
    }

    /// How much a session of a guest may use.
    pub(super) fn session_limits(&self, spec: &JobSpec) -> Limits {
        let hardware = self.machines.hardware();
        let lent_mib = self.lent(spec.origin == self.me).room.memory_mib;
        let memory_mib = spec.session.memory_mib.map_or(lent_mib, |most| lent_mib.min(most.into()));
        Limits {
            memory_bytes: Some(memory_mib.saturating_mul(MIB)),
            threads: Some(THREADS.max(hardware.cpu_count.saturating_mul(THREADS_PER_CORE))),
            disk_bytes: spec.session.disk_mib.map(|most| u64::from(most) * MIB),
            spare_disk_bytes: Some(self.spare_disk_bytes()),
        }
    }

    /// What sessions leave free of the disk that holds the data folder.
    pub(super) fn spare_disk_bytes(&self) -> u64 {
        let kept_bytes = self.machines.settings().policy.limits.disk_reserve_bytes;
        kept_bytes.min(self.machines.hardware().disk_bytes / SPARE_PART)
    }
}

/// How far this machine keeps them; asked of the kernel once.
pub(super) static HERE: LazyLock<Confinement> = LazyLock::new(gridwell_exec::confinement);

/// What this machine finds about how far it keeps programs of jobs from what is its owner's.
pub(super) fn finding() -> Finding {
    let confinement = &*HERE;
    let (ok, next_step) = match confinement {
        Confinement::Full => (true, ""),
        Confinement::Partial { .. } => (true, "a newer kernel closes the gap"),
        Confinement::None { .. } => {
            (false, "lend only to whom you would let sit at this machine, or run a newer kernel")
        }
    };
    let sentence = format!("programs of jobs are kept from what is not theirs: {confinement}");
    Finding { what: "confinement".into(), ok, sentence, next_step: next_step.into() }
}

/// What this machine finds about the namespaces that its owner wants programs of jobs in; tries them.
pub(super) fn namespaces_finding() -> Finding {
    let (ok, sentence, next_step) = match gridwell_exec::namespaces() {
        Ok(program) => (true, format!("programs of jobs see nobody else, with {}", program.display()), String::new()),
        Err(why) => {
            let sentence =
                format!("no job of anybody runs here: its programs are to have namespaces of their own, and {why}");
            (false, sentence, "install bubblewrap, or: gridwell lending set --isolation landlock".to_owned())
        }
    };
    Finding { what: "isolation".into(), ok, sentence, next_step }
}

/// What this machine finds about who holds jobs to the memory and processes that they may use; asks the disk.
pub(super) fn limits_finding() -> Finding {
    let why_not = gridwell_exec::held_by_kernel(gridwell_exec::delegated_cgroup().as_deref());
    let (sentence, next_step) = match why_not {
        None => ("the kernel holds jobs to the memory and processes they may use".to_owned(), ""),
        Some(why) => (
            format!(
                "the memory and processes of jobs are looked at ten times a second, and who has too much is ended: {why}"
            ),
            "run the node as a systemd unit with Delegate=yes and DelegateSubgroup=node",
        ),
    };
    Finding { what: "limits".into(), ok: true, sentence, next_step: next_step.into() }
}

/// What programs write about what was refused, whatever language they speak otherwise: the C library's words for `EACCES`,
/// `EPERM` and `ENETUNREACH`, without their first letter.
const REFUSALS: [&[u8]; 3] = [b"ermission denied", b"peration not permitted", b"etwork is unreachable"];

/// True if a program's output looks as if the system had refused it something. The kernel tells only an administrator.
pub(super) fn looks_refused(output: &[u8]) -> bool {
    REFUSALS.iter().any(|words| output.windows(words.len()).any(|here| here == *words))
}

/// What a program that failed could not touch, as the last line of its log.
pub(super) fn words(spec: &JobSpec) -> String {
    let network = if spec.session.network { "" } else { ", and had no network" };
    format!(
        "gridwell: this program could touch only its job's files, its own folders and what the system brings{network}\n"
    )
}

/// Where programs lie that the owner uses: the search path, and the folders of the tools that were found.
fn programs<'a>(tools: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let searched = env::split_paths(&path).filter(|folder| folder.is_absolute());
    let installed = tools.filter_map(|tool| Some(tool.canonicalize().ok()?.parent()?.to_owned()));
    let mut found: Vec<PathBuf> = searched.chain(installed).collect();
    let beside = |folder: &PathBuf| {
        let around = folder.parent().unwrap_or(folder);
        match folder.file_name().and_then(|name| name.to_str()) {
            Some("bin") => BESIDE_BIN.map(|name| around.join(name)).to_vec(),
            Some(SHIMS) => vec![around.to_owned()],
            _ => vec![],
        }
    };
    let beside: Vec<_> = found.iter().flat_map(beside).collect();
    found.extend(beside);
    found
}

/// What a job reads where it lies: its inputs, what landed of it, and the folders that it names as inputs.
fn own_files(spec: &JobSpec, closed: &[PathBuf]) -> Vec<PathBuf> {
    let inputs = spec.inputs.iter().map(|input| Path::new(&input.path));
    let mut read: Vec<PathBuf> = if spec.inputs.len() <= SINGLE_INPUTS {
        inputs.map(Path::to_owned).collect()
    } else {
        let mut folders: Vec<_> = inputs.filter_map(Path::parent).filter(|folder| !holds(folder, closed)).collect();
        folders.sort_unstable();
        folders.dedup();
        folders.into_iter().map(Path::to_owned).collect()
    };
    let is_landing = |path: &Path| spec.output_folders.iter().any(|folder| Path::new(folder) == path);
    let holds_input = |path: &Path| spec.inputs.iter().any(|input| Path::new(&input.path).starts_with(path));
    let named = spec.parameters.iter().map(|(_, value)| Path::new(value)).filter(|path| path.is_absolute());
    read.extend(
        named.filter(|path| !is_landing(path) && !holds(path, closed) && holds_input(path)).map(Path::to_owned),
    );
    read.extend(spec.output_folders.iter().map(PathBuf::from).filter(|folder| !holds(folder, closed)));
    read
}

/// True if one of the closed folders lies in it, or is it: nobody declares that by naming what lies beside them.
fn holds(folder: &Path, closed: &[PathBuf]) -> bool {
    folder.parent().is_none() || closed.iter().any(|closed| closed.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::tests::spec;

    #[test]
    fn a_job_at_home_reads_its_inputs_and_named_folders_but_never_the_home_around_them() {
        let closed = [PathBuf::from("/home/ann")];
        let parameters = [
            ("Scene", "/home/ann/a.blend"),
            ("Textures", "/home/ann/tex"),
            ("Root", "/home/ann"),
            ("Out", "/home/ann/out"),
        ];
        let spec = spec(&parameters, &["/home/ann/a.blend", "/home/ann/tex/b.png"], "/home/ann/out");
        let read = own_files(&spec, &closed);
        for path in ["/home/ann/a.blend", "/home/ann/tex", "/home/ann/out"] {
            assert!(read.contains(&path.into()), "{path}: {read:?}");
        }
        for path in ["/", "/home", "/home/ann"] {
            assert!(!read.contains(&path.into()), "{path}: {read:?}");
        }
    }

    #[test]
    fn results_that_land_in_the_home_itself_open_nothing() {
        let spec = spec(&[("Out", "/home/ann")], &["/home/ann/a"], "/home/ann");
        assert_eq!(own_files(&spec, &["/home/ann".into()]), [Path::new("/home/ann/a")]);
    }
}
