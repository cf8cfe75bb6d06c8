use std::{fs, future::pending, time::Duration};

use tokio::time::sleep;

/// How often a caller that waits is looked at: soon enough for Ctrl-C to feel immediate.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Ends when the thread `tid` was killed or has ended; never for 0, a caller that the kernel does not name.
///
/// FUSE would tell of interrupts, but fuser does not pass them on, and they do not say which signal it was. As with NFS,
/// only one that ends the program counts: others would make a read of a file fail with `EINTR`, which few programs expect.
pub(super) async fn ended(tid: u32) {
    if tid == 0 {
        return pending().await;
    }
    loop {
        sleep(LOOK_EVERY).await;
        if fs::read_to_string(format!("/proc/{tid}/status")).map_or(true, |status| is_killed(&status)) {
            return;
        }
    }
}

/// True if SIGKILL waits for the thread: the kernel makes that of every signal that ends a program without a core dump.
fn is_killed(status: &str) -> bool {
    const SIGKILL: u64 = 1 << 8;
    let pending = status.lines().find_map(|line| line.strip_prefix("SigPnd:"));
    pending.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & SIGKILL != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pending_kill_ends_a_caller() {
        assert!(is_killed("Name:\tcat\nSigPnd:\t0000000000000100\nShdPnd:\t0000000000000002\n"));
        assert!(!is_killed("Name:\tcat\nSigPnd:\t0000000000000002\nShdPnd:\t0000000000000100\n"));
        assert!(!is_killed("SigPnd:\tnonsense\n"));
    }

    #[tokio::test]
    async fn a_caller_that_is_gone_has_ended() {
        ended(u32::MAX).await;
    }
}
