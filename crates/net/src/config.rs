use std::{fmt, io};

use gridwell_wire::Hello;

/// The variable that makes TLS libraries write every session key to a file.
const KEY_LOG: &str = "SSLKEYLOGFILE";

/// What a [`Net`](crate::Net) needs to start.
#[derive(Clone)]
pub struct NetConfig {
    /// The peer's Ed25519 secret: its seed of 32 bytes.
    pub secret_seed: [u8; 32],
    /// Where to listen, each `HOST:PORT`; port 0 picks a free one. QUIC listens beside TCP on the same port number.
    pub listen: Vec<String>,
    /// First message on every link; changed later with [`NetHandle::set_hello`](crate::NetHandle::set_hello).
    pub hello: Hello,
    /// Room for events that the node has not read yet. Links stop reading when it is full.
    pub event_capacity: usize,
}

impl NetConfig {
    /// A configuration with the usual limits.
    #[must_use]
    pub fn new(secret_seed: [u8; 32], listen: Vec<String>, hello: Hello) -> Self {
        Self { secret_seed, listen, hello, event_capacity: 256 }
    }
}

impl fmt::Debug for NetConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetConfig").field("listen", &self.listen).field("hello", &self.hello).finish_non_exhaustive()
    }
}

/// Why the net did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The key-log variable is set, so every link could be read by whoever reads that file.
    #[error("{KEY_LOG} is set, which would write the keys of every link to a file; unset it")]
    KeyLog,
    /// Not an address to listen on.
    #[error("cannot listen on '{address}'")]
    Address {
        /// As given.
        address: String,
        /// Why.
        #[source]
        source: crate::AddressError,
    },
    /// The port is taken or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address tried.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The TLS set-up failed.
    #[error("cannot make the certificate of this peer")]
    Certificate {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Removes the key-log variable from the environment, if that is safe: call it first thing in `main`.
///
/// Changing the environment is sound only while no other thread can read it, so this does nothing when the process has
/// several threads already. [`Net::start`](crate::Net::start) refuses to run while the variable is set.
pub fn clear_key_log() {
    if std::env::var_os(KEY_LOG).is_some() && has_one_thread() {
        #[expect(unsafe_code, reason = "the environment can be changed in no other way")]
        // SAFETY: this is the only thread of the process, so nobody reads the environment meanwhile.
        unsafe {
            std::env::remove_var(KEY_LOG);
        }
        tracing::warn!("{KEY_LOG} was set and has been cleared for this process");
    }
}

/// True if the key-log variable is set now.
pub(crate) fn key_log_is_set() -> bool {
    std::env::var_os(KEY_LOG).is_some_and(|value| !value.is_empty())
}

fn has_one_thread() -> bool {
    if cfg!(windows) {
        // There, the system guards the environment itself.
        return true;
    }
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}
