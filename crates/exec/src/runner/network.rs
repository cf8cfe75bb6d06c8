//! Sessions without a network.

use std::{
    collections::BTreeMap,
    fs, io, mem,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use libc::{
    AF_INET, AF_NETLINK, AF_UNIX, EACCES, IFF_UP, SIOCSIFFLAGS, SOCK_CLOEXEC, SOCK_DGRAM, SYS_io_uring_setup,
    SYS_socket, c_int, ifreq, ioctl,
};
use rustix::{
    process::{getegid, geteuid},
    thread::{UnshareFlags, unshare_unsafe},
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// Says `1` where AppArmor lets nobody do anything in a user namespace; Ubuntu's default since 24.04.
const APPARMOR_FORBIDS: &str = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";

/// What the session cannot do when it had to be refused its sockets.
const NO_LOOPBACK: &str = "the system allows no network of its own: its programs cannot talk over loopback either";

/// Takes the network from this process and all that it starts. What is left is a network of their own in which nothing is
/// but themselves; where the system does not allow that, sockets are refused, and it is said what is missing then.
///
/// The process must have one thread.
///
/// # Errors
///
/// If neither works, or the system stops half-way.
pub(crate) fn switch_off() -> io::Result<Option<String>> {
    // Inside, until they are given, these are nobody's.
    let (user, group) = (geteuid(), getegid());
    if may_have_own() && unshare() {
        keep_ids(user.as_raw(), group.as_raw())?;
        // Without it there is simply less: what is off stays off.
        let _ = raise_loopback();
        return Ok(None);
    }
    refuse_sockets().map_err(io::Error::other)?;
    Ok(Some(NO_LOOPBACK.to_owned()))
}

fn may_have_own() -> bool {
    let forbids = fs::read_to_string(APPARMOR_FORBIDS).is_ok_and(|value| value.trim() == "1");
    geteuid().is_root() || !forbids
}

fn unshare() -> bool {
    #[expect(unsafe_code, reason = "marked unsafe for the sake of descriptor tables, which stay as they are")]
    // SAFETY: no descriptor table is unshared, and the process has one thread.
    let unshared = unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNET) };
    unshared.is_ok()
}

/// Keeps user and group in the new user namespace. Source: `user_namespaces(7)`.
fn keep_ids(user: u32, group: u32) -> io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Programs find themselves at 127.0.0.1, and nobody else. Source: `netdevice(7)`.
fn raise_loopback() -> io::Result<()> {
    #[expect(unsafe_code, reason = "no safe crate of ours configures interfaces")]
    // SAFETY: `socket` takes numbers; its answer is checked before it becomes an owned descriptor, which nobody else has.
    // The request is a whole `ifreq` of plain bytes, with a name that ends in zeros, and lives until `ioctl` returns.
    let answer = unsafe {
        let socket = libc::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        let socket = OwnedFd::from_raw_fd(socket);
        let mut request: ifreq = mem::zeroed();
        request.ifr_name[0] = b'l'.cast_signed();
        request.ifr_name[1] = b'o'.cast_signed();
        request.ifr_ifru.ifru_flags = IFF_UP as i16;
        ioctl(socket.as_raw_fd(), SIOCSIFFLAGS, &raw const request)
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Refuses every socket but those between programs of this machine, and the way around that.
fn refuse_sockets() -> Result<(), seccompiler::Error> {
    let is_not = |family: c_int| SeccompCondition::new(0, Dword, SeccompCmpOp::Ne, family.cast_unsigned().into());
    let elsewhere = SeccompRule::new(vec![is_not(AF_UNIX)?, is_not(AF_NETLINK)?])?;
    let rules = BTreeMap::from([(SYS_socket, vec![elsewhere]), (SYS_io_uring_setup, vec![])]);
    let refuse = SeccompAction::Errno(EACCES.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_whose_sockets_are_refused_talks_to_this_machine_alone() {
        let refused = thread::spawn(|| {
            rustix::thread::set_no_new_privs(true).expect("granted to everybody");
            refuse_sockets().expect("a filter");
            let kind = std::net::UdpSocket::bind("127.0.0.1:0").expect_err("no socket").kind();
            (kind, std::os::unix::net::UnixDatagram::unbound().is_ok())
        });
        assert_eq!(refused.join().expect("no panic"), (io::ErrorKind::PermissionDenied, true));
    }
}
