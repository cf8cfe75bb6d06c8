use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gridwell_model::{Access, SessionPlan};
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CapabilitySet, remove_capability_from_bounding_set, set_no_new_privs},
};

use super::{access, network};
use crate::{confinement, event::Confinement};

/// Whom the kernel ends first when memory is out, of −1,000 … 1,000: sessions before everything of the machine's owner.
/// Source: `proc_pid_oom_score_adj(5)`.
const ENDED_FIRST: &str = "800";

/// What an administrator's programs reach past files with; Landlock does not hold against all of it. They start without.
const POWERS: [CapabilitySet; 9] = [
    CapabilitySet::BPF,
    CapabilitySet::NET_ADMIN,
    CapabilitySet::PERFMON,
    CapabilitySet::SYS_ADMIN,
    CapabilitySet::SYS_BOOT,
    CapabilitySet::SYS_MODULE,
    CapabilitySet::SYS_PTRACE,
    CapabilitySet::SYS_RAWIO,
    CapabilitySet::SYS_TIME,
];

/// How much of the processes that a user may have are a session's at most. The limit counts what the user has anyway, so it
/// only keeps a session that breeds faster than it is looked at from filling the machine. Source: `getrlimit(2)`.
const PART_OF_PROCESSES: u64 = 4;

/// Takes away from this process, and so from every program it starts, what the session must not use or touch. Costs its
/// tasks nothing; says how far it came if the plan wants programs kept apart.
///
/// Limits hold for the runner as well. `own` is what it needs itself: a program to read, and its control group.
///
/// # Errors
///
/// Whatever the system refuses.
pub(crate) fn confine(plan: &SessionPlan, self_program: &Path, cgroup: &[PathBuf]) -> io::Result<Option<Confinement>> {
    set_no_new_privs(true)?;
    limit(Resource::Core, Some(0))?;
    limit(Resource::Fsize, plan.limits.disk_bytes)?;
    if plan.limits.threads.is_some() {
        let most = getrlimit(Resource::Nproc).maximum;
        limit(Resource::Nproc, most.map(|most| most / PART_OF_PROCESSES))?;
    }
    if plan.limits.memory_bytes.is_some() {
        // Refused nowhere that we know; then they are as likely to be ended as others.
        let _ = fs::write("/proc/self/oom_score_adj", ENDED_FIRST);
    }
    let Some(access) = &plan.access else { return Ok(None) };
    // Nobody but an administrator has them, or may give them up.
    for power in POWERS {
        let _ = remove_capability_from_bounding_set(power);
    }
    // In namespaces of its own it has none already.
    let no_loopback = if access.network || access.alone { None } else { network::switch_off()? };
    let by_kernel = confinement();
    let mut confinement = if access.alone { access::confinement_alone() } else { by_kernel.clone() };
    if !matches!(by_kernel, Confinement::None { .. }) {
        let read: Vec<PathBuf> = access.read.iter().cloned().chain([self_program.to_owned()]).collect();
        let access = Access { read, ..access.clone() };
        access::restrict(&access, &plan.folder, cgroup).map_err(io::Error::other)?;
    }
    if let Some(lack) = no_loopback {
        confinement = match confinement {
            Confinement::Full => Confinement::Partial { lacks: vec![lack] },
            Confinement::Partial { lacks } => Confinement::Partial { lacks: lacks.into_iter().chain([lack]).collect() },
            none => none,
        };
    }
    Ok(Some(confinement))
}

/// Lowers a limit for good; one that is already lower stays.
fn limit(resource: Resource, value: Option<u64>) -> io::Result<()> {
    let Some(value) = value else { return Ok(()) };
    let value = getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}
