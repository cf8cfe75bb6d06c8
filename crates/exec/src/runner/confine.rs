use std::io;

use gridwell_model::SessionPlan;
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::set_no_new_privs,
};

/// Takes away from this process, and so from every program it starts, what the session must not use.
///
/// Limits hold for the runner as well; it needs a few MB of address space itself. More protections (file access) belong
/// here: they hold once for the whole session and cost its tasks nothing.
///
/// # Errors
///
/// Whatever the system refuses.
pub(crate) fn confine(plan: &SessionPlan) -> io::Result<()> {
    set_no_new_privs(true)?;
    limit(Resource::Core, Some(0))?;
    limit(Resource::As, plan.limits.memory_bytes)?;
    limit(Resource::Nproc, plan.limits.processes)?;
    limit(Resource::Fsize, plan.limits.file_bytes)
}

/// Lowers a limit for good; one that is already lower stays.
fn limit(resource: Resource, value: Option<u64>) -> io::Result<()> {
    let Some(value) = value else { return Ok(()) };
    let value = getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}
