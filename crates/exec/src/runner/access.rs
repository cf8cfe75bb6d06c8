//! What a session's programs may touch of the file system, and whom they may signal.
//!
//! Landlock only takes away: what is not listed here or in the plan is refused with `EACCES`. Source: Linux's
//! `Documentation/userspace-api/landlock.rst`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gridwell_model::Access;
use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, Scope, make_bitflags, path_beneath_rules,
};

use crate::event::Confinement;

/// What is handled where the kernel knows it; later versions bring nothing that sessions need.
const NEWEST: ABI = ABI::V6;

/// Older ones cannot let programs move a file from one folder to another, which many do.
const OLDEST: ABI = ABI::V2;

/// What systems bring: programs, libraries, settings, what the kernel tells. No home, no other disk, no `/tmp`, and of
/// `/var` and `/run`, where services keep what is theirs, only what programs cannot do without.
pub(crate) const SYSTEM: [&str; 24] = [
    "/app",
    "/bin",
    "/etc",
    "/gnu",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix",
    "/opt",
    "/proc",
    "/sbin",
    "/snap",
    "/sys",
    "/usr",
    "/run/NetworkManager/resolv.conf",
    "/run/current-system",
    "/run/opengl-driver",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/var/cache/fontconfig",
    "/var/lib/flatpak",
    "/var/lib/snapd",
    "/var/lib/texmf",
];

/// What belongs to nobody, and graphics cards. `/proc` is where a process changes its own settings.
const DEVICES: [&str; 12] = [
    "/dev/dri",
    "/dev/dxg",
    "/dev/full",
    "/dev/kfd",
    "/dev/null",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
    "/proc",
];

/// Which of these are cards.
const CARDS: [&str; 3] = ["/dev/dri", "/dev/dxg", "/dev/kfd"];

/// NVIDIA's driver has a device for each card and some more.
const NVIDIA: &str = "nvidia";

/// Memory that programs share by name.
const SHARED_MEMORY: &str = "/dev/shm";

/// In namespaces of its own, a session has one that is empty and goes with it.
const OWN_TEMPORARY: &str = "/tmp";

/// What older kernels do not hold.
const LACKS_SIGNALS: &str = "the kernel cannot keep programs from ending others (Linux 6.12 can)";

const USE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | IoctlDev});

/// Takes everything away that is not in `access`, for this process and all that it starts. The session's folder stays,
/// and that it can be removed.
///
/// # Errors
///
/// What the kernel refuses, although it says that it can.
pub(crate) fn restrict(access: &Access, folder: &Path, others: &[PathBuf]) -> Result<(), RulesetError> {
    let temporary = access.alone.then(|| Path::new(OWN_TEMPORARY));
    let own =
        [folder, Path::new(SHARED_MEMORY)].into_iter().chain(temporary).chain(others.iter().map(PathBuf::as_path));
    let write = access.write.iter().map(PathBuf::as_path).chain(own);
    let read = access.read.iter().map(PathBuf::as_path).chain(SYSTEM.map(Path::new));
    Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(read, AccessFs::from_read(NEWEST)))?
        .add_rules(path_beneath_rules(write, AccessFs::from_all(NEWEST)))?
        .add_rules(path_beneath_rules(DEVICES, USE))?
        .add_rules(path_beneath_rules(nvidia(), USE))?
        // Needed to remove the session's folder itself; of what lies beside it, only what is empty could go.
        .add_rules(path_beneath_rules(folder.parent(), AccessFs::RemoveDir))?
        .restrict_self()?;
    Ok(())
}

/// Devices of graphics cards that may be here.
pub(crate) fn cards() -> impl Iterator<Item = PathBuf> {
    CARDS.iter().map(PathBuf::from).chain(nvidia())
}

fn nvidia() -> impl Iterator<Item = PathBuf> {
    let devices = fs::read_dir("/dev").into_iter().flatten().flatten();
    devices.filter(|device| device.file_name().to_string_lossy().starts_with(NVIDIA)).map(|device| device.path())
}

/// How far this system can keep sessions apart.
#[must_use]
pub fn confinement() -> Confinement {
    if !handles(AccessFs::from_all(OLDEST)) {
        return Confinement::None {
            why: "the kernel has no Landlock of Linux 5.19 or later, or it is switched off".into(),
        };
    }
    let mut lacks = Vec::new();
    if !handles(AccessFs::Truncate.into()) {
        lacks.push("the kernel cannot keep files from being emptied (Linux 6.2 can)".to_owned());
    }
    if !signals() {
        lacks.push(LACKS_SIGNALS.to_owned());
    }
    if lacks.is_empty() { Confinement::Full } else { Confinement::Partial { lacks } }
}

/// The same for a session in namespaces of its own, which holds in part what the kernel does not hold otherwise.
pub(crate) fn confinement_alone() -> Confinement {
    let lacks = match confinement() {
        Confinement::Full => vec![],
        Confinement::Partial { lacks } => lacks.into_iter().filter(|lack| lack != LACKS_SIGNALS).collect(),
        Confinement::None { why } => vec![why],
    };
    if lacks.is_empty() { Confinement::Full } else { Confinement::Partial { lacks } }
}

fn handles(access: BitFlags<AccessFs>) -> bool {
    let exactly = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    exactly.handle_access(access).and_then(Ruleset::create).is_ok()
}

fn signals() -> bool {
    let exactly = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    exactly.scope(Scope::from_all(NEWEST)).and_then(Ruleset::create).is_ok()
}
