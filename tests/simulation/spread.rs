//! Where work goes, and that none of it gets lost on the way, in grids of made-up time.

use std::{collections::BTreeSet, time::Duration};

use gridwell_model::{JobId, JobState, TaskState, Time};
use gridwell_tests::sim::{JobSetup, PeerAt, PeerSetup, Random, Simulation, labels};

const SEEDS: u64 = 10;

/// Peers that are all linked.
fn a_mesh(seed: u64, setups: Vec<PeerSetup>) -> Simulation {
    let mut grid = Simulation::new(seed);
    for (number, setup) in setups.into_iter().enumerate() {
        grid.add_peer(setup);
        for other in 0..number {
            grid.link(other, number, Duration::from_micros(300 + 200 * seed));
        }
    }
    grid.pass(Duration::from_secs(5));
    grid
}

fn peers(count: usize, lends: u32) -> Vec<PeerSetup> {
    (0..count).map(|number| PeerSetup::new(format!("peer{number}"), lends)).collect()
}

fn submit(grid: &mut Simulation, at: PeerAt, number: u32, tasks: u32, usual: Duration) -> JobId {
    let job = JobSetup::new(number, grid.id_of(at), tasks, usual);
    let id = job.spec.id;
    grid.submit(at, job, Duration::ZERO, 0);
    id
}

#[test]
fn a_second_machine_does_its_share_of_what_is_dropped_on_the_first() {
    for seed in 0..SEEDS {
        let mut grid = a_mesh(seed, peers(2, 2));
        let job = submit(&mut grid, 0, 1, 100, Duration::from_secs(1));
        grid.finish();
        let done = grid.done_by(job);
        assert!(done[1] >= 40 && done[0] + done[1] == 100, "seed {seed}: {done:?}");
        assert!((0..100).all(|task| grid.runs_of(job, 0, task) == 1), "seed {seed}: each runs once");
    }
}

/// Work for four fifths of its cores comes in all the time: neither the queue nor the number of running programs grows.
#[test]
fn a_lonely_machine_keeps_pace_for_an_hour() {
    const EVERY: Duration = Duration::from_millis(3_300);
    let mut grid = a_mesh(1, peers(1, 4));
    for number in 0..1_080 {
        let job = JobSetup::new(number, grid.id_of(0), 1, Duration::from_secs(10));
        grid.submit(0, job, EVERY * number, 0);
    }
    let mut queued = Vec::new();
    let mut busy = Vec::new();
    for _ in 0..59 {
        grid.pass(Duration::from_mins(1));
        let ledger = grid.ledger(0).expect("it runs");
        let counts: Vec<_> = ledger.jobs().filter_map(|job| Some(ledger.summary(job, grid.now())?.counts)).collect();
        queued.push(counts.iter().map(|counts| counts.of(TaskState::Ready)).sum::<u32>());
        busy.push(counts.iter().map(|counts| counts.leased()).sum::<u32>());
    }
    assert!(queued.iter().all(|queued| *queued <= 4), "{queued:?}");
    assert!(busy[2..].iter().all(|busy| (1..=6).contains(busy)), "{busy:?}");
    let half = |busy: &[u32]| busy.iter().sum::<u32>();
    let (first, second) = (half(&busy[1..30]), half(&busy[30..]));
    assert!(first.abs_diff(second) * 5 < first, "{first} in the first half hour, {second} in the second: {busy:?}");
    grid.finish();
}

/// That no program runs where its needs are not met is looked at whenever one starts (`sim/rules.rs`).
#[test]
fn a_thousand_jobs_with_hard_needs_run_where_they_fit_or_say_why_not() {
    let mut setups = peers(6, 2);
    for (setup, memory_gib) in setups.iter_mut().zip([8, 8, 16, 32, 64, 64]) {
        setup.memory_gib = memory_gib;
    }
    setups[1].labels = labels(&[("tier", "gpu")]);
    setups[4].labels = labels(&[("tier", "gpu")]);
    let mut grid = a_mesh(3, setups);
    let mut random = Random::new(3);
    let (mut fitting, mut hopeless) = (Vec::new(), Vec::new());
    for number in 0..1_000 {
        let job = JobSetup::new(number, grid.id_of(0), 1, Duration::from_millis(100));
        let (memory_gib, gpu) = ([1, 6, 12, 24, 48, 100][random.below(6) as usize], random.chance(300));
        let job = job.needs_amount("amount.worker.memory", f64::from(memory_gib) * 1_024.0);
        let job = if gpu { job.needs_label("tier", "gpu") } else { job };
        let alike = if memory_gib > 64 { &mut hopeless } else { &mut fitting };
        alike.push(job.spec.id);
        grid.submit(0, job, Duration::from_millis(50) * number, 0);
    }
    grid.pass(Duration::from_mins(3));
    for job in fitting {
        assert_eq!(grid.summary(job).map(|summary| summary.state), Some(JobState::Done), "{job}");
        assert_eq!(grid.runs_of(job, 0, 0), 1, "{job} runs once");
    }
    assert!(hopeless.len() > 100);
    for job in hopeless {
        assert_eq!(grid.summary(job).map(|summary| summary.state), Some(JobState::Waiting), "{job}");
        let explanation = grid.sched(0).expect("it runs").explain(job, 0).expect("it waits");
        assert_eq!(explanation.machines.len(), 6);
        assert!(explanation.machines.iter().all(|machine| !machine.against.is_empty()), "{explanation:?}");
        assert!(explanation.closest.is_some());
    }
}

/// Queued, leased and ended tasks are those that were submitted, at every moment (`sim/rules.rs`, and here from outside).
#[test]
fn ten_machines_that_come_and_go_lose_no_task() {
    for seed in 0..2 {
        let mut random = Random::new(seed);
        let mut grid = a_mesh(seed, peers(9, 2));
        let jobs: Vec<_> = (0..4).map(|at| submit(&mut grid, at, at as u32, 100, Duration::from_secs(2))).collect();
        // The tenth comes when there is work already.
        let late = grid.add_peer(PeerSetup::new("late", 2));
        (0..late).for_each(|other| grid.link(other, late, Duration::from_millis(1)));
        let mut seen = 0;
        for _ in 0..15 {
            let gone = random.below(10) as PeerAt;
            grid.kill(gone);
            for _ in 0..20 {
                grid.pass(Duration::from_millis(200));
                let counts = jobs.iter().filter_map(|job| Some(grid.summary(*job)?.counts));
                seen += counts.inspect(|counts| assert_eq!(counts.total(), 100, "seed {seed}: {counts:?}")).count();
            }
            grid.bring_back(gone);
        }
        assert!(seen > 1_000, "seed {seed}: {seen} looks");
        grid.finish();
        assert!(grid.done_by(jobs[0])[late] > 0, "seed {seed}: the late one works, too");
        for job in jobs {
            assert_eq!(grid.summary(job).map(|summary| summary.state), Some(JobState::Done), "seed {seed}");
        }
    }
}

#[test]
fn a_link_that_breaks_just_after_a_task_came_leaves_it_in_no_limbo() {
    for seed in 0..SEEDS {
        let mut grid = a_mesh(seed, vec![PeerSetup::new("here", 0), PeerSetup::new("there", 1)]);
        let job = submit(&mut grid, 0, 1, 1, Duration::from_secs(1));
        grid.run_until(Time::from_secs(60), |grid| grid.offers_to(1) > 0).unwrap_or_else(|failure| panic!("{failure}"));
        grid.pass(Duration::from_millis(4));
        grid.break_link(0, 1);
        grid.pass(Duration::from_secs(10));
        assert_eq!(grid.summary(job).map(|summary| summary.state), Some(JobState::Done), "seed {seed}");
    }
}

#[test]
fn machines_that_die_and_come_back_again_and_again_are_seen_alike_by_all() {
    for seed in 0..SEEDS / 2 {
        let mut random = Random::new(seed);
        let mut grid = a_mesh(seed, peers(8, 1));
        assert!(grid.views_agree(), "seed {seed}: at first");
        for round in 0..6 {
            let mut gone = BTreeSet::new();
            while gone.len() < 3 {
                gone.insert(random.below(8) as PeerAt);
            }
            gone.iter().for_each(|at| grid.kill(*at));
            grid.pass(Duration::from_secs(30));
            assert!(grid.views_agree(), "seed {seed}, round {round}: {gone:?} are away");
            gone.iter().for_each(|at| grid.bring_back(*at));
            grid.pass(Duration::from_secs(30));
            assert!(grid.views_agree(), "seed {seed}, round {round}: {gone:?} are back");
        }
    }
}
