//! The tree over NFSv3 on loopback: how macOS mounts it without a kernel extension.

mod attributes;
mod export;
mod mount;
mod opened;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use data_encoding::HEXLOWER;
use nfs3_server::{
    tcp::{NFSTcp as _, NFSTcpListener},
    vfs::adapters::ReadOnlyAdapter,
};
use tokio::{runtime::Handle, task::AbortHandle, time::interval};

use crate::{MountOptions, Owner, Tree, vfs::Vfs};
use export::{Export, Gate};
pub use mount::mount;
use opened::Opened;

/// How often it is looked whether a file is still read. NFS never says that one is closed.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Serves `tree` on a free port of 127.0.0.1, until it is dropped.
///
/// Any program on this machine can connect, so two secrets of this start stand in the way: the exported path, which counts until
/// [`NfsServer::shut`], and a number in every file handle. Calls that say they come from another user are refused.
///
/// # Errors
///
/// If the system gives no port, or no randomness.
pub async fn serve_nfs(tree: Arc<dyn Tree>, options: &MountOptions) -> io::Result<NfsServer> {
    let (mut path, mut generation) = ([0; 16], [0; 8]);
    getrandom::fill(&mut path)?;
    getrandom::fill(&mut generation)?;
    let vfs = Arc::new(Vfs::new(tree, options.deadlines()));
    let secret = HEXLOWER.encode(&path);
    let gate = Arc::new(Gate::new(secret.clone().into_bytes()));
    let opened = Arc::new(Opened::new(vfs.clone()));
    let export = Export { vfs: vfs.clone(), opened: opened.clone(), gate: gate.clone(), owner: Owner::this() };
    let generation = u64::from_le_bytes(generation);
    let listener =
        NFSTcpListener::bind_with_generation("127.0.0.1:0", ReadOnlyAdapter::new(export), generation).await?;
    let port = listener.get_listen_port();
    let serving = Handle::current().spawn(async move {
        let mut sweeps = interval(SWEEP_EVERY);
        let mut serving = std::pin::pin!(listener.handle_forever());
        loop {
            tokio::select! {
                result = &mut serving => return log_end(result),
                _ = sweeps.tick() => opened.close_idle(),
            }
        }
    });
    Ok(NfsServer { port, secret, gate, vfs, serving: serving.abort_handle() })
}

fn log_end(result: io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "the tree is not served over NFS any more");
    }
}

/// A tree that is served over NFS.
pub struct NfsServer {
    port: u16,
    secret: String,
    gate: Arc<Gate>,
    vfs: Arc<Vfs>,
    serving: AbortHandle,
}

impl NfsServer {
    /// Where it listens, for the NFS and the MOUNT protocol; there is no portmapper.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// What to mount. A secret, although the table of mounts shows it: [`NfsServer::shut`] makes it worthless.
    #[must_use]
    pub fn export(&self) -> String {
        format!("/{}", self.secret)
    }

    /// What to give to macOS's `mount_nfs` to see the tree at `dir`.
    ///
    /// No locks, since there is nothing to lock; soft, so that programs get an error and not an endless wait if this node dies.
    ///
    /// Source: mount_nfs(8) of macOS.
    #[must_use]
    pub fn mount_arguments(&self, dir: &Path) -> Vec<OsString> {
        let port = self.port;
        let options = format!(
            "vers=3,tcp,port={port},mountport={port},noresvport,rdonly,nosuid,nodev,nolocks,soft,intr,\
             timeo=50,retrans=3,acregmin=1,acregmax=1,acdirmin=1,acdirmax=1,rsize=1048576,dsize=65536"
        );
        let what = format!("127.0.0.1:{}", self.export());
        vec!["-o".into(), options.into(), what.into(), dir.into()]
    }

    /// Lets nobody else in: the secret path counts no more. Whoever has mounted it stays.
    pub fn shut(&self) {
        self.gate.shut();
    }
}

impl Drop for NfsServer {
    fn drop(&mut self) {
        // Connections outlive the listener; what they ask for is refused.
        self.vfs.end();
        self.serving.abort();
    }
}

impl fmt::Debug for NfsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NfsServer").field("port", &self.port).finish_non_exhaustive()
    }
}
