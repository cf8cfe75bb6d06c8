//! Shared files beside what people use today: sshfs, rclone's mount, and a bare stream over TLS, all on loopback.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use super::{
    Bench, median,
    node::peak_memory_mb,
    others::{Mounted, Server, bare_fuse, tls_stream},
    page::Row,
    reads::{fill, list, names, noise, read, read_all, read_at},
    seconds,
};
use crate::{
    grid::Grid,
    shell::{self, Failure},
};

const GIB: u64 = 1 << 30;

/// Small files of a round, and bytes of each.
const SMALL: usize = 10_000;
const SMALL_BYTES: usize = 4_096;

/// Entries of a large folder, and of the one that is listed once.
const ENTRIES: usize = 100_000;
const MANY_ENTRIES: usize = 1_000_000;

/// Reads of 4 KiB at places of their own.
const RANDOM_READS: u64 = 1_000;

/// Machines: the first shares, the second reads.
const READER: usize = 1;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let shared = bench.folder.join("shared");
    fs::create_dir_all(&shared).map_err(|error| Failure::file(&shared, error))?;
    let server = Server::start(&bench.folder)?;
    let grid = Grid::start(&bench.program, &bench.folder.join("grid"), &["mill", "quarry"])?;
    shell::run(grid.command().args(["share", "add"]).arg(&shared).stdout(Stdio::null()))?;
    let tree = Tree(bench.folder.join("tree"));
    tree.mount(&grid)?;
    let mut files = Files { bench, shared, server, grid, tree, rows: Vec::new() };
    files.sequential()?;
    files.first_byte()?;
    files.random()?;
    files.small()?;
    files.listing()?;
    files.many()?;
    files.memory();
    let rows = std::mem::take(&mut files.rows);
    drop(files);
    // Gigabytes that nobody wants any more.
    bench.clear()?;
    Ok(rows)
}

struct Files<'a> {
    bench: &'a Bench,
    shared: PathBuf,
    server: Server,
    grid: Grid,
    tree: Tree,
    rows: Vec<Row>,
}

/// Seconds that one thing took in each round with each of the three.
#[derive(Default)]
struct Times {
    ours: Vec<f64>,
    sshfs: Vec<f64>,
    rclone: Vec<f64>,
}

impl Times {
    /// How many times as long as ours another one took, each in the round of its own.
    fn ratio(&self, other: &[f64]) -> f64 {
        let pairs: Vec<f64> = self.ours.iter().zip(other).map(|(ours, other)| other / ours).collect();
        median(&pairs)
    }
}

impl Files<'_> {
    /// A gibibyte that nobody has read, then once more from the reader's own disk.
    fn sequential(&mut self) -> Result<(), Failure> {
        let (mut cold, mut warm, mut bare, mut tls) = (Times::default(), Vec::new(), Vec::new(), Vec::new());
        for round in 1..=self.bench.rounds {
            println!("a gibibyte, round {round}");
            let name = format!("gibibyte-{round}");
            noise(&self.shared.join(&name), GIB, round as u64)?;
            self.each(&mut cold, |folder| read(&folder.join(&name)).map(|()| 1))?;
            tls.push(tls_stream(&self.bench.folder, &self.shared.join(&name))?);
            self.bring_whole(&name)?;
            // Without what the kernel kept: the node reads it from its disk and passes it on.
            self.tree.renew(&self.grid)?;
            warm.push(seconds(|| read(&self.tree.share().join(&name)))?);
            bare.push(bare_fuse(&self.bench.folder, read)?);
            remove(&self.shared.join(&name))?;
        }
        let rate = |times: &[f64]| format!("{:.0} MB/s", GIB as f64 / 1e6 / median(times));
        let of_bare: Vec<f64> = bare.iter().zip(&warm).map(|(bare, warm)| bare / warm).collect();
        self.rows.extend([
            Row::new("1 GiB in order, never read before, sshfs", rate(&cold.sshfs), ""),
            Row::new("the same, rclone mount", rate(&cold.rclone), ""),
            Row::new("the same, openssl over TLS, not as files", rate(&tls), ""),
            Row::new(
                "the same, gridwell",
                rate(&cold.ours),
                format!(
                    "{:.2} × sshfs (bar: 2), {:.2} × rclone (bar: 3), {:.2} × TLS",
                    cold.ratio(&cold.sshfs),
                    cold.ratio(&cold.rclone),
                    cold.ratio(&tls)
                ),
            ),
            Row::new("1 GiB of memory through a bare FUSE mount", rate(&bare), ""),
            Row::new(
                "1 GiB that was read before, gridwell",
                rate(&warm),
                format!("{:.2} of the bare mount (bar: 0.8)", median(&of_bare)),
            ),
        ]);
        Ok(())
    }

    /// Reads a file until all of it is kept: what came before its hash was known is not.
    fn bring_whole(&mut self, name: &str) -> Result<(), Failure> {
        let path = format!("/mill/shared/{name}");
        let tree = &self.tree;
        self.grid.wait_until("all of a file", |grid| {
            tree.renew(grid)?;
            read(&tree.share().join(name))?;
            let file = grid.ask_of(READER, &["files", "stat", &path])?;
            Ok(file["here_bytes"].as_u64() == file["size_bytes"].as_u64())
        })
    }

    fn first_byte(&mut self) -> Result<(), Failure> {
        let mut times = Times::default();
        for round in 1..=self.bench.rounds {
            let name = format!("ten-{round}");
            let path = self.shared.join(&name);
            File::create(&path).and_then(|file| file.set_len(10 * GIB)).map_err(|error| Failure::file(&path, error))?;
            self.each(&mut times, |folder| read_at(&folder.join(&name), [5 * GIB], 1))?;
            // Else it is hashed while something else is measured.
            remove(&path)?;
        }
        self.compare(&times, "first byte read of a file of 10 GiB", |seconds| format!("{:.1} ms", seconds * 1e3));
        Ok(())
    }

    fn random(&mut self) -> Result<(), Failure> {
        let mut times = Times::default();
        for round in 1..=self.bench.rounds {
            let name = format!("random-{round}");
            noise(&self.shared.join(&name), GIB, 1_000 + round as u64)?;
            // A stride that is prime to the number of pages, so that no page comes twice.
            let places = (0..RANDOM_READS).map(|number| number * 104_729 % (GIB / 4_096) * 4_096);
            self.each(&mut times, |folder| read_at(&folder.join(&name), places.clone(), 4_096))?;
            remove(&self.shared.join(&name))?;
        }
        let what = format!("{RANDOM_READS} reads of 4 KiB anywhere in 1 GiB");
        self.compare(&times, &what, |seconds| format!("{:.0} a second", 1.0 / seconds));
        Ok(())
    }

    fn small(&mut self) -> Result<(), Failure> {
        let mut times = Times::default();
        for round in 1..=self.bench.rounds {
            println!("small files, round {round}");
            let name = format!("small-{round}");
            fill(&self.shared.join(&name), SMALL, SMALL_BYTES, round as u64)?;
            self.each(&mut times, |folder| read_all(&folder.join(&name)))?;
        }
        let what = format!("{SMALL} files of 4 KiB in a folder, read one after the other");
        self.compare(&times, &what, |seconds| format!("{:.0} files a second", 1.0 / seconds));
        Ok(())
    }

    fn listing(&mut self) -> Result<(), Failure> {
        let mut times = Times::default();
        fill(&self.shared.join("entries"), ENTRIES, 0, 0)?;
        for round in 1..=self.bench.rounds {
            println!("a large folder, round {round}");
            self.each(&mut times, |folder| list(&folder.join("entries")).map(|_| 1))?;
        }
        let what = format!("folder of {ENTRIES} files, listed with their sizes");
        self.compare(&times, &what, |seconds| format!("{seconds:.2} s"));
        Ok(())
    }

    /// A share of a million files, page by page, once.
    fn many(&mut self) -> Result<(), Failure> {
        println!("a million files");
        let share = self.bench.folder.join("million");
        fill(&share, MANY_ENTRIES, 0, 0)?;
        shell::run(self.grid.command().args(["share", "add"]).arg(&share).stdout(Stdio::null()))?;
        let folder = self.tree.0.join("mill/million");
        self.grid.wait_until("the share of a million files", |_| Ok(folder.is_dir()))?;
        let mut found = 0;
        let took = seconds(|| {
            found = names(&folder)?;
            Ok(())
        })?;
        self.rows.push(Row::new(
            format!("share of {MANY_ENTRIES} files, its names, once"),
            format!("{took:.1} s"),
            format!("{found} names, in pages of at most 4,096"),
        ));
        Ok(())
    }

    fn memory(&mut self) {
        for (at, what) in [(0, "the machine that shares"), (READER, "the machine that reads, mount included")] {
            let peak = format!("{:.0} MB", peak_memory_mb(self.grid.pid(at)));
            self.rows.push(Row::new(format!("memory of {what}, at most, in all this"), peak, ""));
        }
    }

    /// Times a work, which returns how many things it did, with each of the three in turn, where none has kept anything.
    fn each(&mut self, times: &mut Times, work: impl Fn(&Path) -> Result<u32, Failure>) -> Result<(), Failure> {
        let one = |folder: &Path| {
            let started = Instant::now();
            let count = work(folder)?;
            Ok::<f64, Failure>(started.elapsed().as_secs_f64() / f64::from(count))
        };
        self.tree.renew(&self.grid)?;
        times.ours.push(one(&self.tree.share())?);
        let sshfs = Mounted::sshfs(&self.server, &self.shared)?;
        times.sshfs.push(one(&sshfs.dir)?);
        drop(sshfs);
        let rclone = Mounted::rclone(&self.server, &self.shared)?;
        times.rclone.push(one(&rclone.dir)?);
        Ok(())
    }

    fn compare(&mut self, times: &Times, what: &str, value: impl Fn(f64) -> String) {
        let compares =
            format!("{:.2} × as fast as sshfs, {:.2} × rclone", times.ratio(&times.sshfs), times.ratio(&times.rclone));
        self.rows.extend([
            Row::new(format!("{what}, sshfs"), value(median(&times.sshfs)), ""),
            Row::new("the same, rclone mount", value(median(&times.rclone)), ""),
            Row::new("the same, gridwell", value(median(&times.ours)), compares),
        ]);
    }
}

/// The tree of the reader as a folder.
struct Tree(PathBuf);

impl Tree {
    fn mount(&self, grid: &Grid) -> Result<(), Failure> {
        shell::run(grid.command_of(READER).arg("mount").arg(&self.0).stdout(Stdio::null()))?;
        while !self.share().is_dir() {
            shell::pause()?;
        }
        Ok(())
    }

    /// Mounts it anew: what the kernel kept of it is gone.
    fn renew(&self, grid: &Grid) -> Result<(), Failure> {
        shell::run(grid.command_of(READER).arg("unmount").stdout(Stdio::null()))?;
        self.mount(grid)
    }

    fn share(&self) -> PathBuf {
        self.0.join("mill/shared")
    }
}

fn remove(path: &Path) -> Result<(), Failure> {
    fs::remove_file(path).map_err(|error| Failure::file(path, error))
}
