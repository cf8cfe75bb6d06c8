//! `kill -9` at random moments on real processes: no acknowledged job is lost, no task is counted twice, every job ends.
//!
//! The moments come from a seed: `CHAOS_SEED` repeats a run that failed, `CHAOS_ROUNDS` makes it longer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use gridwell_tests::sim::Random;
use serde_json::Value;

use crate::support::{Grid, Peer, Place, lines, names, skip, until};

/// Rounds of the run that everybody makes.
const FEW_ROUNDS: u64 = 6;
/// Rounds of `cargo xtask chaos`, unless somebody says how many.
const MANY_ROUNDS: u64 = 50;
/// Of the many, each of these has an origin that stays away until somebody else goes on with its job.
const LONG_EVERY: u64 = 10;
/// Tasks of each job: enough for every machine, few enough to end soon.
const TASKS: u64 = 6;

#[test]
fn acknowledged_jobs_end_once_whatever_is_killed() {
    let mut storm = Storm::new("few");
    for round in 0..FEW_ROUNDS {
        storm.round(round);
    }
    storm.calm();
}

#[test]
#[ignore = "takes minutes: cargo xtask chaos"]
fn acknowledged_jobs_end_once_whatever_is_killed_for_long() {
    let mut storm = Storm::new("many");
    for round in 0..number("CHAOS_ROUNDS").unwrap_or(MANY_ROUNDS) {
        if round % LONG_EVERY == LONG_EVERY - 1 {
            storm.long_round(round);
        } else {
            storm.round(round);
        }
    }
    storm.calm();
}

/// Row 29 of the seeds.
#[test]
#[ignore = "eight machines: cargo xtask chaos"]
fn every_machine_sees_the_same_again_after_three_of_eight_were_killed_again_and_again() {
    let seed = seed();
    let mut random = Random::new(seed);
    let mut grid = Grid::steady(&["ash", "beech", "cedar", "elm", "fir", "hazel", "larch", "oak"]);
    for _ in 0..3 {
        let mut victims = BTreeSet::new();
        while victims.len() < 3 {
            victims.insert(random.below(8) as usize);
        }
        victims.iter().for_each(|at| grid.peers[*at].kill());
        victims.iter().for_each(|at| grid.peers[*at].boot());
    }
    grid.meet();
    for peer in &grid.peers {
        peer.until(&format!("the whole map (CHAOS_SEED={seed})"), &["links", "--all"], |links| {
            let up = links.as_array()?.iter().filter(|link| link["state"] == "up");
            let pairs: BTreeSet<_> = up.map(|link| (link["from"].to_string(), link["peer"].to_string())).collect();
            let both = pairs.iter().all(|(from, to)| pairs.contains(&(to.clone(), from.clone())));
            let told = pairs.iter().map(|(from, _)| from).collect::<BTreeSet<_>>();
            (both && told.len() == 8).then_some(())
        });
    }
}

/// Row 23 of the seeds.
#[test]
fn a_task_goes_on_when_its_connection_breaks_just_after_it_came() {
    let mut grid = Grid::empty();
    let (here, there) = (Place::steady(), Place::steady());
    let ports = [&here, &there].map(|place| place.listen.rsplit(':').next().expect("a port").to_owned());
    grid.add_at("mill", &[], here);
    grid.add_at("quarry", &[], there);
    grid.meet();
    if !ports.iter().any(|port| cut(port)) {
        return skip("sockets of others cannot be closed here: it takes root and `ss -K`");
    }
    grid.meet();
    let (runs, gate) = (grid.path("runs"), grid.path("gate"));
    let script = format!("echo {{}} >> '{}'; while [ ! -e '{}' ]; do sleep 0.01; done", runs.display(), gate.display());
    let begin = ["exec", "--detach", "--on", "quarry", "--array", "2", "--", "sh", "-c", &script];
    let job = grid.peers[0].start_job(begin);
    until("a task", || lines(&runs).first().cloned());

    std::thread::sleep(Duration::from_millis(4));
    assert!(ports.iter().any(|port| cut(port)), "the connection was there");

    fs::write(&gate, "").expect("the gate opens");
    assert_eq!(grid.peers[0].done(&job)["counts"]["done"], 2);
    // Whoever waited for the end of a lease would have run them again.
    assert_eq!(lines(&runs).len(), 2);
}

/// Closes every established connection of a port as the network would; false if there was none, or nobody may.
fn cut(port: &str) -> bool {
    let said = std::process::Command::new("ss")
        .args(["-HtnK", "state", "established", &format!("( sport = :{port} or dport = :{port} )")])
        .output();
    said.is_ok_and(|said| !said.stdout.is_empty())
}

/// A job that was acknowledged, or may have been accepted unheard.
struct Asked {
    home: PathBuf,
    runs: PathBuf,
    /// Its id, once somebody was told.
    id: Option<String>,
    origin: usize,
}

/// Four machines, small jobs, and a hand that kills.
struct Storm {
    seed: u64,
    random: Random,
    grid: Grid,
    asked: Vec<Asked>,
}

impl Storm {
    fn new(which: &str) -> Self {
        let seed = seed();
        let grid = Grid::steady(&["mill", "quarry", "smithy", "attic"]);
        fs::create_dir_all(grid.path("runs")).expect("a folder for what ran");
        told(&format!("storm of {which} rounds: CHAOS_SEED={seed}"));
        Self { seed, random: Random::new(seed), grid, asked: Vec::new() }
    }

    /// Somebody starts a job, somebody dies at any moment of it and is back soon.
    fn round(&mut self, round: u64) {
        let origin = self.random.below(4) as usize;
        // Half of the time the one that was just asked.
        let victim = if self.random.chance(500) { origin } else { self.random.below(4) as usize };
        let submit = self.ask(round, origin);
        self.wait_any(300);
        self.grid.peers[victim].kill();
        self.acknowledge(submit);
        self.wait_any(200);
        self.grid.peers[victim].boot();
    }

    /// The origin of an acknowledged job dies, and is back only when somebody else goes on with it.
    fn long_round(&mut self, round: u64) {
        self.grid.meet();
        let origin = self.random.below(4) as usize;
        let submit = self.ask(round, origin);
        self.acknowledge(submit);
        let asked = self.asked.last().expect("just asked");
        let id = asked.id.clone().expect("nobody died while it was asked for");
        let home = asked.home.clone();
        self.wait_any(300);
        self.grid.peers[origin].kill();
        if names(&home).len() as u64 != TASKS {
            let others: Vec<&Peer> = self.others(origin).collect();
            until("another steward", || others.iter().any(|peer| view(peer, &id).is_some()).then_some(()));
        }
        self.wait_any(2_000);
        self.grid.peers[origin].boot();
    }

    /// Everybody is back: every job ends at home, once.
    fn calm(self) {
        self.grid.meet();
        for asked in &self.asked {
            let Some(id) = &asked.id else { continue };
            let home = &self.grid.peers[asked.origin];
            let what = format!("the end of {id} (CHAOS_SEED={})", self.seed);
            let job = home.until(&what, &["jobs"], |_| view(home, id).filter(|view| view["state"] == "done"));
            assert_eq!(job["counts"]["done"], TASKS, "{job:#} CHAOS_SEED={}", self.seed);
            let made = job["made_by"].as_array().into_iter().flatten().filter_map(|made| made["done"].as_u64());
            assert_eq!(made.sum::<u64>(), TASKS, "counted once: {job:#} CHAOS_SEED={}", self.seed);
            until(&format!("the results of {id} (CHAOS_SEED={})", self.seed), || {
                (names(&asked.home).len() as u64 == TASKS).then_some(())
            });
            self.whole(asked);
        }
        let heard = self.asked.iter().filter(|asked| asked.id.is_some()).count();
        told(&format!("{heard} of {} jobs were acknowledged and ended once", self.asked.len()));
    }

    /// Every result is that of its task, every task ran at least once.
    fn whole(&self, asked: &Asked) {
        let ran: BTreeMap<String, usize> = lines(&asked.runs).into_iter().fold(BTreeMap::new(), |mut ran, task| {
            *ran.entry(task).or_default() += 1;
            ran
        });
        for task in 0..TASKS {
            let made = fs::read_to_string(asked.home.join(format!("{task}.out"))).unwrap_or_default();
            assert_eq!(made.trim(), task.to_string(), "CHAOS_SEED={}", self.seed);
            assert!(ran.contains_key(&task.to_string()), "{ran:?} CHAOS_SEED={}", self.seed);
        }
    }

    fn ask(&mut self, round: u64, origin: usize) -> Child {
        let home = self.grid.path(&format!("home-{round}"));
        let runs = self.grid.path(&format!("runs/{round}"));
        let pause = self.random.below(400);
        let script = format!("echo {{}} >> '{}'; sleep 0.{pause:03}; echo {{}} > {{}}.out", runs.display());
        let submit = submission(&self.grid.peers[origin], &home, &script);
        self.asked.push(Asked { home, runs, id: None, origin });
        submit
    }

    /// Hears whether the last job was acknowledged.
    fn acknowledge(&mut self, submit: Child) {
        let said = submit.wait_with_output().expect("the submission ends");
        if said.status.success()
            && let Some(asked) = self.asked.last_mut()
        {
            asked.id = Some(String::from_utf8_lossy(&said.stdout).trim().to_owned());
        }
    }

    fn others(&self, than: usize) -> impl Iterator<Item = &Peer> {
        self.grid.peers.iter().enumerate().filter(move |(at, _)| *at != than).map(|(_, peer)| peer)
    }

    /// Lets a random time pass: it decides the moment of the next death, and waits for nothing.
    fn wait_any(&mut self, millis: u64) {
        std::thread::sleep(Duration::from_millis(self.random.below(millis)));
    }
}

/// Starts to ask a machine for a job.
fn submission(peer: &Peer, home: &Path, script: &str) -> Child {
    let tasks = TASKS.to_string();
    let to = home.to_str().expect("text");
    let words = ["exec", "--detach", "--array", &tasks, "--outputs", "*.out", "--output", to, "--", "sh", "-c", script];
    let mut command = peer.command();
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("gridwell runs")
}

/// A job as a machine lists it as its own.
fn view(peer: &Peer, job: &str) -> Option<Value> {
    let own = |view: &&Value| view["id"] == job && view["steward_name"] == peer.name.as_str();
    peer.json(["jobs"]).as_array()?.iter().find(own).cloned()
}

pub(crate) fn seed() -> u64 {
    number("CHAOS_SEED").unwrap_or_else(crate::support::now_millis)
}

pub(crate) fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[expect(clippy::print_stderr, reason = "whoever sees it fail needs the seed")]
pub(crate) fn told(text: &str) {
    eprintln!("{text}");
}
