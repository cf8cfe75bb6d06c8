//! Mounts a file of 1 GiB that lies in memory, to measure what the mount costs.
//!
//! `cargo run --release -p gridwell-mount --example memory DIR [strict]`, then in another terminal
//! `dd if=DIR/1GiB of=/dev/null bs=1M`. Enter unmounts.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "shows what goes wrong, and where to look")]

#[path = "../tests/mount/memory.rs"]
mod memory;

#[cfg(target_os = "linux")]
fn main() {
    use std::{env, io, path::Path, sync::Arc};

    use gridwell_mount::MountOptions;

    let dir = env::args_os().nth(1).unwrap();
    let strict = env::args().nth(2).as_deref() == Some("strict");
    let tree = memory::MemoryTree::new().file("1GiB", vec![7; 1 << 30]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = MountOptions { strict, ..MountOptions::default() };
    let mounted = gridwell_mount::mount(Arc::new(tree), Path::new(&dir), &options, runtime.handle()).unwrap();
    println!("mounted at {}", mounted.dir().display());
    io::stdin().read_line(&mut String::new()).unwrap();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
