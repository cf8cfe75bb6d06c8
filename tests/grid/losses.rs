//! Files that are read while machines die, a disk fills up, files change and rights go: a reader gets the bytes of one version or an
//! error, never others, and everything works again once the cause is gone.

use std::{
    fs, io,
    os::unix::fs::FileExt as _,
    path::Path,
    process::Command,
    thread,
    time::{Duration, SystemTime},
};

use gridwell_tests::sim::Random;

use crate::{
    chaos::{number, seed, told},
    mounts::{Tree, is_mounted},
    refusals::Mount,
    routes::part,
    shares::{GROUP_BYTES, received, shared, until_shown},
    support::{Grid, skip, until},
};

const MIB: usize = 1 << 20;

/// Rounds of the run that everybody makes.
const FEW_ROUNDS: u64 = 4;
/// `cargo xtask chaos` asks for so many rounds for each of its own: reading is shorter than a job.
const ROUNDS_FOR_ONE: u64 = 4;
const MANY_ROUNDS: u64 = 200;

/// Errors that programs may see while a machine is away or its mount is not there: EIO, ENOENT, ENODEV, ENOTCONN, ECONNABORTED,
/// ETIMEDOUT, EHOSTUNREACH, ESTALE.
const FAIR: [i32; 8] = [5, 2, 19, 107, 103, 110, 113, 116];

#[test]
fn readers_get_the_right_bytes_or_an_error_whoever_is_killed() {
    let mut storm = Storm::new("few");
    (0..FEW_ROUNDS).for_each(|round| storm.round(round));
    storm.calm(FEW_ROUNDS);
}

#[test]
#[ignore = "takes minutes: cargo xtask chaos"]
fn readers_get_the_right_bytes_or_an_error_whoever_is_killed_for_long() {
    let rounds = number("CHAOS_ROUNDS").map_or(MANY_ROUNDS, |rounds| rounds * ROUNDS_FOR_ONE);
    let mut storm = Storm::new("many");
    (0..rounds).for_each(|round| storm.round(round));
    storm.calm(rounds);
}

/// An owner, a machine between, a reader with a mount, and a hand that kills.
struct Storm {
    seed: u64,
    random: Random,
    tree: Tree,
    whole: u64,
    grid: Grid,
}

impl Storm {
    fn new(which: &str) -> Self {
        let seed = seed();
        told(&format!("files in a storm of {which} rounds: CHAOS_SEED={seed}"));
        let grid = Grid::steady(&["mill", "smithy", "quarry"]);
        part(&grid);
        shared(&grid, 0);
        until_shown(&grid.peers[2], "/mill/projects");
        let tree = Tree::of(&grid, &grid.peers[2], &[]);
        Self { seed, random: Random::new(seed), tree, whole: 0, grid }
    }

    /// Somebody dies at any moment of the reading of a new file, and is back soon.
    fn round(&mut self, round: u64) {
        let bytes = noise(round, 3 * MIB + 7);
        fs::write(self.grid.path("projects").join(round.to_string()), &bytes).expect("a file");
        let path = self.tree.at("mill/projects").join(round.to_string());
        let reader = thread::spawn(move || fs::read(path));
        let victim = self.random.below(3) as usize;
        self.wait_any(150);
        self.grid.peers[victim].kill();
        self.wait_any(100);
        self.grid.peers[victim].boot();
        match reader.join().expect("a reader does not panic") {
            Ok(read) => {
                assert!(read == bytes, "wrong bytes in round {round} (CHAOS_SEED={})", self.seed);
                self.whole += 1;
            }
            Err(error) => {
                let fair = error.raw_os_error().is_some_and(|code| FAIR.contains(&code));
                assert!(fair, "{error:?} in round {round} (CHAOS_SEED={})", self.seed);
            }
        }
        until(&format!("the mount (CHAOS_SEED={})", self.seed), || is_mounted(&self.tree.0).then_some(()));
        until_shown(&self.grid.peers[2], "/mill/projects");
    }

    /// Everybody is back: every file is read as it is, and the node lost nothing of the cache that it believes in.
    fn calm(self, rounds: u64) {
        for round in 0..rounds {
            let path = self.tree.at("mill/projects").join(round.to_string());
            let read = until(&format!("the file of round {round} (CHAOS_SEED={})", self.seed), || fs::read(&path).ok());
            assert!(read == noise(round, 3 * MIB + 7), "wrong bytes of round {round} (CHAOS_SEED={})", self.seed);
        }
        told(&format!("{} of {rounds} files were read whole while somebody died", self.whole));
    }

    /// Lets a random time pass: it decides the moment of the next death, and waits for nothing.
    fn wait_any(&mut self, millis: u64) {
        thread::sleep(Duration::from_millis(self.random.below(millis)));
    }
}

#[test]
fn fifty_readers_of_a_file_bring_it_once() {
    let grid = Grid::of(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    let bytes = noise(1, 8 * MIB + 7);
    fs::write(folder.join("film"), &bytes).expect("a file");
    until_shown(&grid.peers[1], "/mill/projects");
    let tree = Tree::of(&grid, &grid.peers[1], &[]);
    let path = tree.at("mill/projects/film");
    let before = received(&grid.peers[1]);

    thread::scope(|scope| {
        let readers: Vec<_> = (0..50).map(|_| scope.spawn(|| fs::read(&path).expect("bytes") == bytes)).collect();
        assert!(readers.into_iter().all(|reader| reader.join().expect("a reader does not panic")));
    });

    let came = received(&grid.peers[1]) - before;
    assert!(came < (bytes.len() + MIB) as u64, "{came} bytes came for a file of {}", bytes.len());
}

#[test]
fn a_file_that_is_replaced_or_written_while_it_is_read_is_never_mixed() {
    let grid = Grid::of(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    let (first, second) = (noise(1, 6 * MIB), noise(2, 6 * MIB));
    until_shown(&grid.peers[1], "/mill/projects");
    let tree = Tree::of(&grid, &grid.peers[1], &["--strict"]);
    let replace = |path: &Path| {
        fs::write(folder.join("new"), &second).expect("a file");
        fs::rename(folder.join("new"), path).expect("it replaces the old one");
    };
    let overwrite = |path: &Path| fs::write(path, &second).expect("it is written");
    let cut = |path: &Path| fs::File::options().write(true).open(path).expect("a file").set_len(5).expect("it is cut");
    for (name, change) in [("replaced", &replace as &dyn Fn(&Path)), ("written", &overwrite), ("cut", &cut)] {
        fs::write(folder.join(name), &first).expect("a file");
        let there = tree.at("mill/projects").join(name);
        let open = until("the file", || fs::File::open(&there).ok());
        let mut half = vec![0; 3 * MIB];
        open.read_exact_at(&mut half, 0).expect("bytes");
        assert!(half == first[..3 * MIB]);

        change(&folder.join(name));

        match open.read_exact_at(&mut half, 3 * MIB as u64) {
            Ok(()) => assert!(half == first[3 * MIB..], "{name}: bytes of another version"),
            Err(error) => assert_eq!(error.raw_os_error(), Some(116), "{name}: {error:?}"),
        }
        let now = fs::read(folder.join(name)).expect("a file");
        assert!(fs::read(&there).expect("it opens anew") == now, "{name}: not what it is now");
    }
}

#[test]
fn a_right_that_goes_ends_what_is_read_and_comes_back_with_it() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let folder = shared(&grid, 0);
    fs::write(folder.join("film"), noise(1, 4 * MIB)).expect("a file");
    until_shown(quarry, "/mill/projects");
    let tree = Tree::of(&grid, quarry, &["--strict"]);
    let open = fs::File::open(tree.at("mill/projects/film")).expect("it opens");
    let mut group = vec![0; GROUP_BYTES];
    open.read_exact_at(&mut group, 0).expect("bytes");

    mill.ok(["role", "quarry", "--take", "files"]);

    let error = open.read_exact_at(&mut group, 2 * MIB as u64).expect_err("it may not any more");
    assert!([io::ErrorKind::PermissionDenied, io::ErrorKind::NotFound].contains(&error.kind()), "{error:?}");
    mill.ok(["role", "quarry", "--give", "files"]);
    until_shown(quarry, "/mill/projects");
    until("the bytes", || open.read_exact_at(&mut group, 2 * MIB as u64).ok());
    assert!(group == noise(1, 4 * MIB)[2 * MIB..][..GROUP_BYTES]);
}

/// What a clock that jumps leaves in a folder.
#[test]
fn times_of_files_may_jump_anywhere() {
    let grid = Grid::of(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    let file = folder.join("film");
    until_shown(&grid.peers[1], "/mill/projects");
    let tree = Tree::of(&grid, &grid.peers[1], &[]);
    let years = |years: u64| Duration::from_secs(years * 365 * 24 * 3_600);
    let moments = [years(600), years(30), years(0)].map(|since| SystemTime::UNIX_EPOCH + since);
    for (round, moment) in moments.into_iter().chain([SystemTime::UNIX_EPOCH - years(20)]).enumerate() {
        // Of the same size each time: what tells the versions apart are the times.
        let bytes = noise(round as u64, 2 * MIB);
        fs::write(&file, &bytes).expect("a file");
        fs::File::options().write(true).open(&file).expect("a file").set_modified(moment).expect("it takes any time");
        let read = fs::read(tree.at("mill/projects/film")).expect("bytes");
        assert!(read == bytes, "round {round}: the bytes of another one");
    }
}

#[test]
fn a_disk_without_room_for_a_file_gives_an_error_and_everything_else_is_read() {
    let mut grid = Grid::of(&["mill"]);
    // The last 256 MiB of a disk are left alone: there is room for 24 MiB.
    let Some(small) = Mount::new(grid.path("quarry"), "size=280m,mode=700") else {
        return skip("only root may mount a small file system");
    };
    grid.add("quarry", &[]);
    let folder = shared(&grid, 0);
    let (film, picture) = (noise(1, 64 * MIB), noise(2, MIB));
    fs::write(folder.join("film"), &film).expect("a file");
    fs::write(folder.join("picture"), &picture).expect("a file");
    let quarry = &grid.peers[1];
    until_shown(quarry, "/mill/projects");
    let get = |name: &str| quarry.output(["files", "get", &format!("/mill/projects/{name}"), "-"]);

    let cut = get("film");
    assert!(
        !cut.status.success() && film.starts_with(&cut.stdout),
        "what came is right, and it says that some is missing"
    );
    assert!(get("picture").stdout == picture, "what was kept of the film makes room");

    // Somebody else takes all that is left, so that nothing can be written at all.
    let filled = small.0.join("filled");
    let full = fs::write(&filled, vec![1; 280 * MIB]).expect_err("no room for that");
    assert_eq!(full.raw_os_error(), Some(28), "{full:?}");
    fs::write(folder.join("another"), noise(3, MIB)).expect("a file");
    let said = get("another");
    assert!(said.stdout == noise(3, MIB) || !said.status.success(), "{:?}", said.status);
    fs::remove_file(&filled).expect("room again");
    let grown = Command::new("mount").args(["-o", "remount,size=600m"]).arg(&small.0).status();
    assert!(grown.is_ok_and(|status| status.success()));
    assert!(get("another").stdout == noise(3, MIB) && get("film").stdout == film);
    // Before the disk that it lies on.
    grid.peers[1].kill();
}

/// Bytes that no other seed gives. Source: Marsaglia, "Xorshift RNGs", 2003.
pub(crate) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = (0..size.div_ceil(8)).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(size).collect()
}
