//! Clocks of machines that jump while files are read: rights are for some minutes of their owner's clock, and what was read stays right.

use std::{fs, io::Read as _, path::PathBuf};

use crate::{
    losses::noise,
    mounts::Tree,
    routes::part,
    shares::{shared, until_shown},
    support::{Grid, Peer, Place, now_millis},
};

const MIB: usize = 1 << 20;
/// Seconds, as far as a clock is put from the system's: longer than any right to a file lasts, and shorter.
const JUMPS: [i64; 4] = [7_200, -7_200, 180, 0];
/// What a slow computer takes to answer.
const ABOUT_SECS: i64 = 60;

/// The clock of one machine, which a test may put forward and back.
struct Clock(PathBuf);

impl Clock {
    /// A machine that has it.
    fn place(&self) -> Place {
        let library = library();
        let settings = [
            format!("LD_PRELOAD={}", library.display()),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.0.display()),
            // Read at every look at the clock, and only where people's time is asked for, not how much of it passed.
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
            "NO_FAKE_STAT=1".to_owned(),
        ];
        let launcher = std::iter::once("env".to_owned()).chain(settings).collect();
        Place { launcher, ..Place::default() }
    }

    /// Puts it so far from the system's.
    fn jump(&self, seconds: i64) {
        // Renamed, so that nobody reads half of it.
        let new = self.0.with_extension("new");
        fs::write(&new, format!("{seconds:+}")).and_then(|()| fs::rename(&new, &self.0)).expect("a clock");
    }
}

/// What shows a program another time.
fn library() -> PathBuf {
    let dirs = fs::read_dir("/usr/lib").expect("libraries").flatten().map(|dir| dir.path());
    dirs.map(|dir| dir.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file())
        .expect("libfaketime is installed by `cargo xtask setup`")
}

/// How far a machine's clock is from the system's.
fn off_by_secs(peer: &Peer) -> i64 {
    let job = peer.start_job(["exec", "--detach", "--", "true"]);
    let submitted = peer.json(["job", &job])["submitted"].as_i64().expect("when it was submitted");
    (submitted - i64::try_from(now_millis()).expect("not that late")) / 1_000
}

#[test]
fn files_are_read_whatever_clock_jumps_on_their_way() {
    let mut grid = Grid::empty();
    let clocks = ["mill", "smithy", "quarry"].map(|name| Clock(grid.path(&format!("{name}.clock"))));
    for (clock, name) in clocks.iter().zip(["mill", "smithy", "quarry"]) {
        clock.jump(0);
        grid.add_at(name, &[], clock.place());
    }
    part(&grid);
    let folder = shared(&grid, 0);
    until_shown(&grid.peers[2], "/mill/projects");
    let tree = Tree::of(&grid, &grid.peers[2], &[]);
    let at = |name: &str| tree.at("mill/projects").join(name);
    let write = |name: &str, seed: u64| {
        let bytes = noise(seed, 3 * MIB + 7);
        fs::write(folder.join(name), &bytes).expect("a file");
        bytes
    };
    for (seed, (who, jump)) in (0..).zip((0..clocks.len()).flat_map(|who| JUMPS.map(|jump| (who, jump)))) {
        let (begun, later) = (format!("begun-{seed}"), format!("later-{seed}"));
        let content = write(&begun, 2 * seed);
        let mut file = fs::File::open(at(&begun)).expect("it is there");
        let mut read = vec![0; MIB];
        file.read_exact(&mut read).expect("its beginning");

        clocks[who].jump(jump);
        let off = off_by_secs(&grid.peers[who]);
        assert!((off - jump).abs() < ABOUT_SECS, "{who} is {off} s off in place of {jump}");
        file.read_to_end(&mut read).unwrap_or_else(|error| panic!("{jump} s at {who}: {error}"));
        assert!(read == content, "{jump} s at {who}: other bytes");
        let content = write(&later, 2 * seed + 1);
        let read = fs::read(at(&later)).unwrap_or_else(|error| panic!("{jump} s at {who}: {error}"));
        assert!(read == content, "{jump} s at {who}: other bytes");
    }
}
