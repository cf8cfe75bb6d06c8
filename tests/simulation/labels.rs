//! The fifty label scenarios a01–e10, a hundred times each: one controller that lends nothing, agents linked only to it, one
//! burst of jobs of one task each. Every job must have run exactly once before two seconds are over, where the system they come
//! from took up to forty.
//!
//! And the rules beside them: who may run what, and that nobody fitting is said, not suffered in silence.

use std::{collections::BTreeMap, time::Duration};

use gridwell_ledger::Input;
use gridwell_model::{Hardware, JobId, JobState, Stamp, TaskKey, TaskState, Time};
use gridwell_sched::Against;
use gridwell_tests::sim::{JobSetup, PeerAt, PeerSetup, Simulation, labels};

const REPEATS: u64 = 100;
const LIMIT: Duration = Duration::from_secs(2);

/// Jobs, workers of each agent, and the label all of them carry, as `key:value`.
type Scenario = (&'static str, u32, &'static [u32], &'static str);

const SCENARIOS: [Scenario; 50] = [
    ("a01", 1, &[2], ""),
    ("a02", 3, &[3], ""),
    ("a03", 1, &[2], "platform:linux"),
    ("a04", 5, &[2], ""),
    ("a05", 1, &[2], "tier:gpu"),
    ("a06", 8, &[4], ""),
    ("a07", 3, &[5], "platform:linux"),
    ("a08", 1, &[2], "env:test"),
    ("a09", 10, &[3], ""),
    ("a10", 5, &[2], "platform:linux"),
    ("b01", 1, &[2, 2], ""),
    ("b02", 2, &[2, 2], ""),
    ("b03", 4, &[2, 2], ""),
    ("b04", 6, &[3, 2], ""),
    ("b05", 1, &[2, 2], "platform:linux"),
    ("b06", 4, &[3, 3], "platform:linux"),
    ("b07", 8, &[3, 3], ""),
    ("b08", 2, &[2, 2], "env:test"),
    ("b09", 5, &[4, 2], ""),
    ("b10", 3, &[3, 3], "tier:compute"),
    ("c01", 1, &[2, 2, 2], ""),
    ("c02", 3, &[2, 2, 2], ""),
    ("c03", 6, &[2, 2, 2], ""),
    ("c04", 1, &[2, 2, 2], "platform:linux"),
    ("c05", 4, &[3, 3, 3], "platform:linux"),
    ("c06", 9, &[3, 3, 3], ""),
    ("c07", 2, &[2, 2, 2], "env:prod"),
    ("c08", 6, &[2, 3, 2], ""),
    ("c09", 4, &[2, 2, 2], "tier:gpu"),
    ("c10", 12, &[4, 4, 4], ""),
    ("d01", 1, &[2, 2, 2, 2], ""),
    ("d02", 4, &[2, 2, 2, 2], ""),
    ("d03", 8, &[2, 2, 2, 2], ""),
    ("d04", 12, &[3, 3, 3, 3], ""),
    ("d05", 1, &[2, 2, 2, 2], "platform:linux"),
    ("d06", 4, &[2, 2, 2, 2], "platform:linux"),
    ("d07", 16, &[4, 4, 4, 4], ""),
    ("d08", 6, &[3, 3, 3, 3], "env:test"),
    ("d09", 2, &[2, 2, 2, 2], "tier:compute"),
    ("d10", 20, &[2, 2, 3, 3], ""),
    ("e01", 1, &[10], ""),
    ("e02", 5, &[10], ""),
    ("e03", 1, &[8], ""),
    ("e04", 3, &[8], "platform:linux"),
    ("e05", 4, &[8, 6], ""),
    ("e06", 6, &[10, 8], ""),
    ("e07", 3, &[6, 8, 10], ""),
    ("e08", 9, &[9], "platform:linux"),
    ("e09", 8, &[7, 7], ""),
    ("e10", 10, &[10, 10], "platform:linux"),
];

/// The controller: the first peer of every grid here.
const CONTROLLER: PeerAt = 0;

fn a_peer(name: &str, lends: u32, labels: BTreeMap<String, String>) -> PeerSetup {
    PeerSetup { labels, ..PeerSetup::new(name, lends) }
}

/// A controller that lends nothing, and agents linked only to it.
fn a_star(seed: u64, agents: &[u32], agent_labels: &[(&str, &str)]) -> Simulation {
    let mut grid = Simulation::new(seed);
    grid.add_peer(a_peer("controller", 0, labels(agent_labels)));
    for (number, workers) in agents.iter().enumerate() {
        let agent = grid.add_peer(a_peer(&format!("agent{number}"), *workers, labels(agent_labels)));
        grid.link(CONTROLLER, agent, Duration::from_micros(200 + 50 * seed % 1_000));
    }
    grid
}

fn submit(grid: &mut Simulation, number: u32, job: impl FnOnce(JobSetup) -> JobSetup) -> JobId {
    let job = job(JobSetup::new(number, grid.id_of(CONTROLLER), 1, Duration::from_millis(10)));
    let id = job.spec.id;
    grid.submit(CONTROLLER, job, Duration::ZERO, 0);
    id
}

/// Lets links come up, and time pass until `after` from then.
fn state(grid: &Simulation, job: JobId) -> JobState {
    let summary = grid.ledger(CONTROLLER).and_then(|ledger| ledger.summary(job, grid.now()));
    summary.expect("the controller knows the job").state
}

fn run_scenario((name, jobs, agents, label): Scenario, seed: u64) {
    let label = label.split_once(':');
    let mut grid = a_star(seed, agents, label.as_slice());
    grid.pass(Duration::from_millis(100));
    let ids: Vec<JobId> = (0..jobs)
        .map(|number| {
            submit(&mut grid, number, |job| match label {
                Some((key, value)) => job.needs_label(key, value),
                None => job,
            })
        })
        .collect();
    let start = grid.now();
    grid.run_until(start + LIMIT, Simulation::all_ended).unwrap_or_else(|failure| panic!("{name}: {failure}"));
    for id in ids {
        assert_eq!(state(&grid, id), JobState::Done, "{name} with seed {seed}: job {id}");
        assert_eq!(grid.runs_of(id, 0, 0), 1, "{name} with seed {seed}: job {id} runs exactly once");
    }
}

fn run_column(letter: char) {
    for scenario in SCENARIOS.into_iter().filter(|scenario| scenario.0.starts_with(letter)) {
        for seed in 0..REPEATS {
            run_scenario(scenario, seed);
        }
    }
}

#[test]
fn one_agent_runs_every_job_once() {
    run_column('a');
}

#[test]
fn two_agents_run_every_job_once() {
    run_column('b');
}

#[test]
fn three_agents_run_every_job_once() {
    run_column('c');
}

#[test]
fn four_agents_run_every_job_once() {
    run_column('d');
}

#[test]
fn large_agents_run_every_job_once() {
    run_column('e');
}

#[test]
fn a_job_without_requirement_runs_on_a_labelled_machine() {
    let mut grid = a_star(1, &[2], &[("tier", "gpu")]);
    let job = submit(&mut grid, 1, |job| job);
    grid.pass(LIMIT);
    assert_eq!(state(&grid, job), JobState::Done);
}

#[test]
fn a_label_that_nobody_has_is_a_reason_and_not_silence() {
    let mut grid = a_star(1, &[2, 2], &[("tier", "gpu")]);
    let job = submit(&mut grid, 1, |job| job.needs_label("tier", "compute"));
    grid.pass(Duration::from_secs(60));
    assert_eq!((state(&grid, job), grid.runs_of(job, 0, 0)), (JobState::Waiting, 0));
    let explanation = grid.sched(CONTROLLER).unwrap().explain(job, 0).unwrap();
    assert_eq!(explanation.machines.len(), 3);
    for machine in explanation.machines {
        assert!(machine.against.iter().any(|against| matches!(against, Against::Unmet(_))), "{machine:?}");
    }
}

#[test]
fn a_machine_that_only_relays_holds_jobs_and_never_runs_them() {
    let mut grid = a_star(1, &[], &[]);
    let job = submit(&mut grid, 1, |job| job);
    grid.pass(Duration::from_secs(60));
    let task = grid.ledger(CONTROLLER).unwrap().tasks(job, TaskKey { step: 0, index: 0 }, 1, |_| true).remove(0);
    assert_eq!((task.state, task.peer), (TaskState::Ready, None));
    assert!(!grid.sched(CONTROLLER).unwrap().explain(job, 0).unwrap().machines[0].against.is_empty());

    let agent = grid.add_peer(a_peer("late", 1, BTreeMap::new()));
    grid.link(CONTROLLER, agent, Duration::from_millis(1));
    grid.pass(LIMIT);
    assert_eq!(state(&grid, job), JobState::Done);
}

#[test]
fn a_job_that_names_a_host_runs_there_only() {
    let host = |raw: &str| Hardware::host_label(raw).unwrap();
    let mut grid = Simulation::new(1);
    grid.add_peer(a_peer("controller", 0, BTreeMap::new()));
    for (number, raw) in ["Mac-Studio.local", "mill.example.ts.net"].into_iter().enumerate() {
        let agent = grid.add_peer(a_peer(&format!("agent{number}"), 2, labels(&[("hostname", &host(raw))])));
        grid.link(CONTROLLER, agent, Duration::from_millis(1));
    }
    let here = submit(&mut grid, 1, |job| job.needs_label("hostname", &host("  MAC-STUDIO  ")));
    let nowhere = submit(&mut grid, 2, |job| job.needs_label("hostname", "elsewhere"));
    grid.pass(LIMIT);
    let task = grid.ledger(CONTROLLER).unwrap().tasks(here, TaskKey { step: 0, index: 0 }, 1, |_| true).remove(0);
    assert_eq!((task.state, task.peer), (TaskState::Done, Some(grid.id_of(1))));
    assert_eq!((state(&grid, nowhere), grid.runs_of(nowhere, 0, 0)), (JobState::Waiting, 0));
}

#[test]
fn a_label_reaches_all_slots_of_its_machine() {
    let mut grid = a_star(1, &[4], &[("env", "prod")]);
    let ids: Vec<JobId> =
        (0..4).map(|number| submit(&mut grid, number, |job| slow(job).needs_label("env", "prod"))).collect();
    grid.pass(Duration::from_secs(2));
    let ledger = grid.ledger(CONTROLLER).unwrap();
    assert!(ids.iter().all(|id| ledger.summary(*id, grid.now()).unwrap().counts.leased() == 1), "all four run at once");
    grid.run_until(Time::from_secs(60), Simulation::all_ended).unwrap();
    assert!(ids.iter().all(|id| state(&grid, *id) == JobState::Done));
}

#[test]
fn an_ended_job_is_removed_while_others_run() {
    let mut grid = a_star(1, &[2], &[]);
    let quick = submit(&mut grid, 1, |job| job);
    let long = submit(&mut grid, 2, slow);
    grid.pass(LIMIT);
    grid.command(CONTROLLER, Input::RemoveJob { job: quick }, Duration::ZERO);
    grid.pass(Duration::from_secs(1));
    assert!(grid.ledger(CONTROLLER).unwrap().spec(quick).is_none());
    assert_eq!(state(&grid, long), JobState::Running);
    grid.pass(Duration::from_secs(20));
    assert_eq!(state(&grid, long), JobState::Done);
}

#[test]
fn what_runs_is_gone_within_two_seconds_of_a_cancel() {
    let mut grid = a_star(1, &[2, 2], &[]);
    let job = submit(&mut grid, 1, slow);
    grid.pass(Duration::from_secs(1));
    assert_eq!(state(&grid, job), JobState::Running);
    grid.command(CONTROLLER, Input::Cancel { job, tasks: None, stamp: Stamp(0) }, Duration::ZERO);
    grid.pass(LIMIT);
    assert_eq!((state(&grid, job), grid.runs_of(job, 0, 0)), (JobState::Cancelled, 0));
}

fn slow(mut job: JobSetup) -> JobSetup {
    job.usual = Duration::from_secs(8);
    job
}
