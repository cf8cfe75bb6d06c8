use gridwell_model::{
    Capabilities, Chunking, Fence, Leaning, Needs, Preference, Reserve, Sharpness, Strategy, TaskSpan, Weight,
};
use proptest::prelude::*;

use super::*;
use crate::{Against, JobView, LimitView, LookWish, Placement, StepView, Term};

#[test]
fn a_peer_that_meets_a_wish_is_drawn_as_often_as_its_pull_says() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(1.0));
    grid.add_peer(2, |view| {
        view.lends = cores(1.0);
        view.capabilities.attribute("attr.label.tier", "gpu");
    });
    let job = grid.add_job(1, |job| job.steps[0].prefers = vec!["tier:gpu * 1".parse::<Preference>().unwrap()]);
    // Both pulls differ by the wish alone: e^(1 · k) to 1 with k = 0.5.
    grid.input(tuned(Strategy::Horizontal, Sharpness::try_from(0.5).unwrap()));
    let expected = 0.5_f64.exp() / (0.5_f64.exp() + 1.0);
    let draws = 10_000;
    let hits = (0..draws)
        .filter(|_| {
            grid.ready(job, 0, 0..1, &[]);
            let placed = grid.place_all();
            assert_eq!(placed.len(), 1);
            let share = if placed[0].peer == peer(2) { expected } else { 1.0 - expected };
            assert!((placed[0].terms.probability - share).abs() < 1e-9, "the placement carries its odds");
            grid.end_all();
            placed[0].peer == peer(2)
        })
        .count() as f64;
    let sigma = (f64::from(draws) * expected * (1.0 - expected)).sqrt();
    assert!((hits - f64::from(draws) * expected).abs() < 3.0 * sigma, "{hits} of {draws}, expected {expected}");
}

fn tuned(strategy: Strategy, sharpness: Sharpness) -> Input {
    Input::Tuned { strategy, sharpness }
}

/// Loads 3/2/1 of 4 cores, and which peer the strategy takes with these weights.
fn taken_with(strategy: Strategy, loads: [f32; 3], weights: [f64; 3]) -> Option<u8> {
    let mut grid = TestGrid::new(|config| Config { strategy, sharpness: Sharpness::BEST, ..config });
    for (at, (load, weight)) in loads.into_iter().zip(weights).enumerate() {
        let id = at as u8 + 1;
        grid.add_peer(id, |view| (view.foreign_cpu, view.weight) = (load, Weight::try_from(weight).unwrap()));
    }
    let job = grid.add_job(1, |_| {});
    grid.ready(job, 0, 0..1, &[]);
    grid.place_all().first().map(|placed| placed.peer.0[0])
}

#[test]
fn horizontal_takes_the_least_used_and_vertical_the_most_used() {
    assert_eq!(taken_with(Strategy::Horizontal, [3.0, 2.0, 1.0], [1.0; 3]), Some(3));
    assert_eq!(taken_with(Strategy::Vertical, [3.0, 2.0, 1.0], [1.0; 3]), Some(1));
    assert_eq!(taken_with(Strategy::Direct, [3.0, 2.0, 1.0], [1.0; 3]), Some(1), "this peer is the first");
}

#[test]
fn a_weight_repels_attracts_or_flips_one_peer() {
    let (even, idle) = ([2.0; 3], [0.0; 3]);
    for loads in [even, idle] {
        // Above 1: horizontal avoids it, vertical takes it.
        assert_ne!(taken_with(Strategy::Horizontal, loads, [2.0, 1.0, 1.0]), Some(1));
        assert_eq!(taken_with(Strategy::Vertical, loads, [1.0, 2.0, 1.0]), Some(2));
        // Between 0 and 1: the other way round.
        assert_eq!(taken_with(Strategy::Horizontal, loads, [1.0, 1.0, 0.5]), Some(3));
        assert_ne!(taken_with(Strategy::Vertical, loads, [0.5, 1.0, 1.0]), Some(1));
    }
    // Negative: ahead of all positive ones, the most used of them first; last when vertical.
    assert_eq!(taken_with(Strategy::Horizontal, [0.0, 2.0, 3.0], [1.0, -1.0, -1.0]), Some(3));
    assert_eq!(taken_with(Strategy::Vertical, [0.0, 2.0, 3.0], [1.0, -1.0, -1.0]), Some(1));
}

#[test]
fn an_owner_prefers_one_peer_and_keeps_work_off_another() {
    let mut grid = TestGrid::new(|config| Config { sharpness: Sharpness::BEST, ..config });
    (1..=3).for_each(|id| grid.add_peer(id, |view| view.foreign_cpu = f32::from(id) - 1.0));
    let job = grid.add_job(9, |_| {});
    let mut next = 0;
    let mut taken = |grid: &mut TestGrid, leanings: &[(u8, Leaning)]| {
        let leanings = leanings.iter().map(|(id, leaning)| (peer(*id), *leaning)).collect();
        grid.input(Input::Leaned { leanings });
        next += 1;
        grid.ready(job, 0, next..next + 1, &[]);
        let placed = grid.place_all().first().map(|placed| placed.peer.0[0]);
        grid.end_all();
        placed
    };
    assert_eq!(taken(&mut grid, &[]), Some(1), "it is used least");
    assert_eq!(taken(&mut grid, &[(3, Leaning::Prefer)]), Some(3));
    let explained = grid.scheduler.explain(job, 0).unwrap();
    assert_eq!(explained.placed(peer(3)).unwrap().prefers, 1.0);
    assert_eq!(taken(&mut grid, &[(1, Leaning::KeepOff)]), Some(2));
    let all = [1, 2, 3].map(|id| (id, Leaning::KeepOff));
    assert_eq!(taken(&mut grid, &all), None);
    let explained = grid.scheduler.explain(job, 0).unwrap();
    assert!(explained.machines.iter().all(|machine| machine.against == [Against::KeptOff]), "{explained:?}");
    assert_eq!(taken(&mut grid, &[]), Some(1));
}

#[test]
fn a_job_that_failed_wherever_it_may_go_does_not_wait_for_peers_that_are_kept_off() {
    for direct in [false, true] {
        let mut grid = TestGrid::new(|config| config);
        (1..=2).for_each(|id| grid.add_peer(id, |_| {}));
        grid.input(match direct {
            true => tuned(Strategy::Direct, Sharpness::BEST),
            false => Input::Leaned { leanings: [(peer(2), Leaning::KeepOff)].into() },
        });
        let job = grid.add_job(9, |_| {});
        grid.input(Input::PeerBlocked { job, peer: peer(1) });
        grid.ready(job, 0, 0..1, &[]);
        assert_eq!(grid.poll(), Some(Effect::Stranded { job }), "direct: {direct}");
    }
}

#[test]
fn a_weight_and_a_strategy_act_at_run_time() {
    let mut grid = TestGrid::new(|config| Config { sharpness: Sharpness::BEST, ..config });
    grid.add_peer(1, |view| view.foreign_cpu = 1.0);
    grid.add_peer(2, |view| view.foreign_cpu = 2.0);
    let job = grid.add_job(9, |_| {});
    let mut next = 0;
    let mut taken = |grid: &mut TestGrid| {
        next += 1;
        grid.ready(job, 0, next..next + 1, &[]);
        let placed = grid.place_all()[0].peer.0[0];
        grid.end_all();
        placed
    };
    assert_eq!(taken(&mut grid), 1);
    grid.input(tuned(Strategy::Vertical, Sharpness::BEST));
    assert_eq!(taken(&mut grid), 2);
    grid.add_peer(2, |view| (view.foreign_cpu, view.weight) = (2.0, Weight::try_from(-1.0).unwrap()));
    assert_eq!(taken(&mut grid), 1);
}

#[test]
fn a_weight_changed_at_run_time_alters_the_distribution_of_the_next_window() {
    let mut grid = TestGrid::new(|config| Config { sharpness: Sharpness::try_from(1.0).unwrap(), ..config });
    grid.add_peer(1, |_| {});
    grid.add_peer(2, |_| {});
    let job = grid.add_job(1, |_| {});
    // One of 10,000 draws after the other on two idle machines, whose pull differs by the weight of an idle machine's use alone.
    let window = |grid: &mut TestGrid, weight: f64| {
        grid.add_peer(2, |view| view.weight = Weight::try_from(weight).unwrap());
        let expected = 1.0 / (1.0 + ((weight - 1.0) * 0.1).exp());
        let draws = 10_000;
        let hits = (0..draws).filter(|_| {
            grid.ready(job, 0, 0..1, &[]);
            let placed = grid.place_all();
            grid.end_all();
            placed[0].peer == peer(2)
        });
        let hits = hits.count() as f64;
        let sigma = (f64::from(draws) * expected * (1.0 - expected)).sqrt();
        assert!((hits - f64::from(draws) * expected).abs() < 3.0 * sigma, "{hits} of {draws}, expected {expected}");
        hits
    };
    let (usual, heavy, negative) = (window(&mut grid, 1.0), window(&mut grid, 20.0), window(&mut grid, -20.0));
    assert!(heavy < usual / 2.0 && negative > usual * 1.5, "{usual}, {heavy}, {negative}");
}

#[test]
fn loads_of_three_two_and_one_give_the_first_the_third_this_one_an_error_or_none() {
    let loads = [3.0, 2.0, 1.0];
    let strategy = |word: &str| word.parse::<Strategy>();
    let taken = |word: &str, loads| strategy(word).map(|strategy| taken_with(strategy, loads, [1.0; 3]));
    assert_eq!(taken("vertical", loads), Ok(Some(1)));
    assert_eq!(taken("horizontal", loads), Ok(Some(3)));
    assert_eq!(taken("direct", [1.0, 2.0, 0.0]), Ok(Some(1)), "this machine, whatever it has to do");
    assert!(taken("diagonal", loads).is_err());
    let mut full = TestGrid::new(|config| config);
    (1..4).for_each(|id| full.add_peer(id, |view| view.free = cores(0.0)));
    let job = full.add_job(1, |_| {});
    full.ready(job, 0, 0..1, &[]);
    assert_eq!(full.place_all(), [], "full machines take none");
}

#[test]
fn an_unknown_strategy_is_an_error_and_full_machines_take_none() {
    assert!("diagonal".parse::<Strategy>().is_err());
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(2.0));
    let job = grid.add_job(9, |_| {});
    grid.ready(job, 0, 0..9, &[]);
    assert_eq!(grid.place_all().len(), 2);
    assert_eq!(grid.against(job, 1), [Against::NoFreeSlot]);
}

#[test]
fn leases_grow_with_measured_tasks_and_short_ones_queue_ahead() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(2.0));
    let job = grid.add_job(100_000, |_| {});
    grid.ready(job, 0, 0..100_000, &[]);
    let first = grid.place_all();
    assert_eq!(first.iter().map(|placed| placed.span.len()).collect::<Vec<_>>(), [1, 1]);
    grid.timed(job, 1, 1, Duration::from_millis(1));
    grid.end_all();
    let sizes: Vec<_> = grid.place_all().iter().map(|placed| (placed.span.len(), placed.ahead)).collect();
    assert_eq!(sizes, [(8, false), (8, false), (8, true), (8, true)]);
    grid.timed(job, 1, 99, Duration::from_millis(99));
    grid.end_all();
    let sizes: Vec<u32> = grid.place_all().iter().map(|placed| placed.span.len()).collect();
    assert_eq!(sizes, [200, 200, 200, 200], "two running and two ahead, 200 ms each");
}

#[test]
fn long_tasks_go_one_by_one_and_never_queue() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(2.0));
    let job = grid.add_job(100, |_| {});
    grid.ready(job, 0, 0..100, &[]);
    grid.place_all();
    grid.timed(job, 1, 2, Duration::from_secs(60));
    assert_eq!(grid.place_all(), []);
    grid.end_all();
    assert_eq!(grid.place_all().iter().map(|placed| placed.span.len()).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn chunks_never_cross_a_row_and_adapt_to_their_target_time() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(4.0));
    let chunking = Chunking { default_count: 4, target_secs: 10, row: 10 };
    let job = grid.add_job(100, |job| job.steps[0].chunking = Some(chunking));
    grid.ready(job, 0, 7..100, &[]);
    let spans: Vec<_> = grid.place_all().iter().map(|placed| (placed.span, placed.chunk)).collect();
    assert_eq!(
        spans,
        [(TaskSpan::new(7, 10), 4), (TaskSpan::new(10, 14), 4), (TaskSpan::new(14, 18), 4), (TaskSpan::new(18, 20), 4)]
    );
    grid.timed(job, 1, 4, Duration::from_secs(8));
    grid.end_all();
    let spans: Vec<_> = grid.place_all().iter().map(|placed| (placed.span, placed.chunk)).collect();
    assert_eq!(spans[0], (TaskSpan::new(20, 25), 5), "2 s a task: five make 10 s");
}

/// A grid of two machines of four cores, and a job of nine tasks that take a licence each.
fn a_licensed_grid() -> (TestGrid, JobId) {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |_| {});
    grid.add_peer(2, |_| {});
    let job = grid.add_job(9, |job| job.steps[0].needs = "limit:nuke".parse().unwrap());
    grid.ready(job, 0, 0..9, &[]);
    (grid, job)
}

fn nuke(cap: u32, others: u32) -> Input {
    let limit = LimitView { cap, others, settling: false };
    Input::LimitsChanged { limits: BTreeMap::from([("nuke".to_owned(), limit)]) }
}

#[test]
fn leases_take_no_more_licences_than_are_free_and_give_them_back() {
    let (mut grid, job) = a_licensed_grid();
    assert_eq!(grid.place_all(), [], "nobody keeps such a limit");
    let lacking = grid.scheduler.explain(job, 0).unwrap().lacking;
    assert_eq!(lacking.iter().map(|need| (need.name.as_str(), need.count)).collect::<Vec<_>>(), [("nuke", 1)]);
    grid.input(nuke(3, 1));
    assert_eq!(grid.place_all().len(), 2);
    grid.input(nuke(3, 0));
    assert_eq!(grid.place_all().len(), 1);
    grid.timed(job, 1, 1, Duration::from_millis(5));
    assert_eq!(grid.place_all(), [], "nothing queues ahead");
    let first = *grid.leases.keys().next().unwrap();
    grid.leases.remove(&first);
    grid.input(Input::LeaseEnded { lease: first });
    assert_eq!(grid.place_all().len(), 1);
    let other = grid.add_job(4, |_| {});
    grid.ready(other, 0, 0..4, &[]);
    assert_eq!(grid.place_all().len(), 4, "who takes no licence does not wait for one");
}

#[test]
fn a_machine_that_found_no_licence_is_believed_until_there_is_news() {
    let (mut grid, _) = a_licensed_grid();
    grid.input(nuke(1, 0));
    for wait_ms in [100, 200, 400] {
        assert_eq!(grid.place_all().len(), 1);
        let lease = *grid.leases.keys().next().unwrap();
        grid.leases.clear();
        grid.input(Input::Declined { lease, why: Decline::Licence("nuke".into()) });
        grid.ready(lease.job, 0, 0..9, &[]);
        assert_eq!(grid.place_all(), []);
        grid.now = grid.now + Duration::from_millis(wait_ms);
        grid.scheduler.handle_deadline(grid.now);
    }
    grid.now = grid.now + Duration::from_millis(1);
    grid.place_all();
    let lease = *grid.leases.keys().next().unwrap();
    grid.leases.clear();
    grid.input(Input::Declined { lease, why: Decline::Licence("nuke".into()) });
    grid.ready(lease.job, 0, 0..9, &[]);
    assert_eq!(grid.place_all(), []);
    grid.input(nuke(2, 1));
    assert_eq!(grid.place_all().len(), 1);
}

/// Two machines of one core that take ten seconds a task, and the last task of a job with one of them.
fn a_last_task(change: impl FnOnce(&mut JobView)) -> (TestGrid, JobId, Placement, LeaseId) {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(1.0));
    grid.add_peer(2, |view| view.lends = cores(1.0));
    let job = grid.add_job(9, change);
    grid.ready(job, 0, 0..2, &[]);
    grid.place_all();
    grid.timed(job, 1, 2, Duration::from_secs(20));
    grid.timed(job, 2, 2, Duration::from_secs(20));
    grid.end_all();
    grid.ready(job, 0, 2..3, &[]);
    let placed = grid.place_all().remove(0);
    let lease = *grid.leases.keys().next().unwrap();
    grid.run_seen(lease, &placed, None);
    (grid, job, placed, lease)
}

#[test]
fn a_run_that_takes_three_times_as_long_as_its_like_gets_a_second_attempt_elsewhere() {
    let (mut grid, _, placed, lease) = a_last_task(|_| {});
    assert_eq!(grid.after_secs(29), [], "it may still be like the others");
    let seconds = grid.after_secs(2);
    let [second] = &seconds[..] else { panic!("one second attempt: {seconds:?}") };
    assert_eq!((second.second_of, second.span, second.chunk), (Some(lease), placed.span, 1));
    assert_ne!(second.peer, placed.peer);
    assert_eq!(grid.after_secs(60), [], "no third one");
    // It was declined or lost: one more is tried, and that is all.
    for left in [1, 0] {
        let second = *grid.leases.keys().next_back().unwrap();
        grid.leases.remove(&second);
        grid.input(Input::LeaseEnded { lease: second });
        assert_eq!(grid.after_secs(2).len(), left);
    }
    let counts = grid.scheduler.counts();
    assert_eq!(counts.entered, counts.placed + counts.withdrawn + counts.ready, "they are no new tasks");
}

#[test]
fn no_second_attempt_for_what_is_nearly_done_is_tried_once_only_or_waits_behind_others() {
    let (mut grid, _, placed, lease) = a_last_task(|_| {});
    grid.run_seen(lease, &placed, Some(80.0));
    assert_eq!(grid.after_secs(31), [], "by what its program says it ends before another one would");
    grid.run_seen(lease, &placed, Some(50.0));
    assert_eq!(grid.after_secs(2).len(), 1);

    let (mut grid, ..) = a_last_task(|job| job.may_repeat = false);
    assert_eq!(grid.after_secs(60), []);

    let (mut grid, job, placed, lease) = a_last_task(|_| {});
    grid.input(Input::RunOver { lease });
    assert_eq!(grid.after_secs(60), [], "its results are on their way");
    grid.run_seen(lease, &placed, None);
    grid.ready(job, 0, 3..5, &[]);
    grid.place_all();
    assert_eq!(grid.after_secs(60), [], "the other machine has something else to do");
}

#[test]
fn a_higher_priority_goes_first_also_when_changed() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(1.0));
    let low = grid.add_job(10, |_| {});
    let high = grid.add_job(10, |job| job.priority = 5);
    grid.ready(low, 0, 0..10, &[]);
    grid.ready(high, 0, 0..10, &[]);
    assert_eq!(grid.place_all()[0].job, high);
    grid.input(Input::PriorityChanged { job: low, priority: 9 });
    grid.end_all();
    assert_eq!(grid.place_all()[0].job, low);
}

#[test]
fn submitters_share_the_slots_and_one_submitters_jobs_go_in_order() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(4.0));
    let first = grid.add_job(10, |_| {});
    let second = grid.add_job(10, |_| {});
    let other = grid.add_job(10, |job| job.submitter = peer(7));
    for job in [first, second, other] {
        grid.ready(job, 0, 0..10, &[]);
    }
    let placed = grid.place_all();
    let of = |job: JobId| placed.iter().filter(|placed| placed.job == job).count();
    assert_eq!((of(first), of(second), of(other)), (2, 0, 2));
}

#[test]
fn a_starved_job_gets_its_turn_by_age() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(1.0));
    let low = grid.add_job(1, |_| {});
    let high = grid.add_job(1_000, |job| job.priority = 1);
    grid.ready(low, 0, 0..1, &[]);
    grid.ready(high, 0, 0..1_000, &[]);
    grid.place_all();
    for _ in 0..13 {
        grid.now = grid.now + Duration::from_mins(5);
        grid.end_all();
        grid.place_all();
    }
    assert!(grid.placed.iter().any(|placed| placed.job == low));
}

#[test]
fn a_task_that_must_avoid_the_fastest_peer_does_not_wait_for_it() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(1.0));
    grid.add_peer(2, |view| view.lends = cores(1.0));
    let job = grid.add_job(2, |_| {});
    grid.timed(job, 1, 1, Duration::from_secs(1));
    grid.timed(job, 2, 1, Duration::from_secs(100));
    grid.ready(job, 0, 0..1, &[1]);
    assert_eq!(grid.place_all().iter().map(|placed| placed.peer).collect::<Vec<_>>(), [peer(2)]);
}

#[test]
fn tasks_avoid_where_they_failed_unless_nobody_else_fits() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.score = 400.0);
    grid.add_peer(2, |view| view.lends = cores(1.0));
    let job = grid.add_job(10, |_| {});
    grid.ready(job, 0, 0..3, &[1]);
    let placed = grid.place_all();
    assert_eq!(placed.iter().map(|placed| placed.peer).collect::<Vec<_>>(), [peer(2)], "the others wait for peer 2");
    assert_eq!(grid.against(job, 1), [Against::Avoided { tasks: 2 }]);
    grid.input(Input::PeerLeft { peer: peer(2) });
    assert_eq!(grid.place_all().iter().map(|placed| placed.peer).collect::<Vec<_>>(), [peer(1), peer(1)]);
}

#[test]
fn tasks_that_must_look_the_same_go_where_most_can_be_done_alike() {
    let mut grid = TestGrid::new(|config| config);
    for (id, version) in [(1, "3.4.1"), (2, "3.4.1"), (3, "4.0.2")] {
        grid.add_peer(id, |view| {
            view.lends = cores(1.0);
            view.looks = [("blender".to_owned(), version.to_owned())].into();
        });
    }
    let wish = |look: Option<&str>| Some(LookWish { tool: "blender".into(), look: look.map(ToOwned::to_owned) });
    let job = grid.add_job(10, |job| job.steps[0].look = wish(None));
    grid.ready(job, 0, 0..3, &[]);
    let peers: Vec<_> = grid.place_all().iter().map(|placed| placed.peer).collect();
    assert!(peers.len() == 2 && !peers.contains(&peer(3)), "{peers:?}");
    assert_eq!(grid.against(job, 3)[0].to_string(), "blender 4.0.2 there, the job began with 3.4.1");
    grid.input(Input::PeerLeft { peer: peer(1) });
    grid.input(Input::PeerLeft { peer: peer(2) });
    assert_eq!(grid.place_all(), [], "what was begun is not changed");

    let job = grid.add_job(10, |job| job.steps[0].look = wish(Some("4.0.2")));
    grid.ready(job, 0, 0..1, &[]);
    assert_eq!(grid.place_all().iter().map(|placed| placed.peer).collect::<Vec<_>>(), [peer(3)]);
}

#[test]
fn a_sick_peer_gets_nothing_of_that_program_while_another_fits_and_is_tried_again() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.score = 400.0);
    grid.add_peer(2, |view| view.lends = cores(1.0));
    let (job, other) = (grid.add_job(10, |_| {}), grid.add_job(10, |job| job.steps[0].program = "false".into()));
    (0..3).for_each(|_| grid.input(Input::Outdone { job, step: 0, peer: peer(1), by: peer(2), tasks: 1 }));
    grid.ready(job, 0, 0..2, &[]);
    let peers = |placed: Vec<Placement>| placed.iter().map(|placed| placed.peer).collect::<Vec<_>>();
    assert_eq!(peers(grid.place_all()), [peer(2)], "the other one waits for peer 2");
    let reasons = grid.against(job, 1);
    let [Against::Sick { program, failed: 3, of: 3, succeeded_on, .. }] = &reasons[..] else { panic!("{reasons:?}") };
    assert_eq!((program.as_str(), succeeded_on.as_str()), ("true", "peer-2"));
    grid.ready(other, 0, 0..1, &[]);
    assert_eq!(peers(grid.place_all()), [peer(1)], "another program is not affected");
    grid.now = grid.now + Duration::from_mins(12);
    grid.scheduler.handle_deadline(grid.now);
    assert_eq!(peers(grid.place_all()), [peer(1)]);
}

#[test]
fn a_sick_peer_is_used_when_nobody_else_fits_and_when_a_person_forgives_it() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(1.0));
    grid.add_peer(2, |view| view.lends = cores(1.0));
    let job = grid.add_job(10, |_| {});
    (0..3).for_each(|_| grid.input(Input::Outdone { job, step: 0, peer: peer(1), by: peer(2), tasks: 1 }));
    grid.ready(job, 0, 0..2, &[]);
    assert_eq!(grid.place_all().len(), 1);
    assert!(grid.scheduler.forgive(peer(1), Some("true"), grid.now));
    assert_eq!(grid.place_all().len(), 1);
    assert!(!grid.scheduler.forgive(peer(1), None, grid.now));
    (0..3).for_each(|_| grid.input(Input::Outdone { job, step: 0, peer: peer(1), by: peer(2), tasks: 1 }));
    grid.end_all();
    grid.input(Input::PeerLeft { peer: peer(2) });
    grid.ready(job, 0, 2..3, &[]);
    assert_eq!(grid.place_all().len(), 1);
}

#[test]
fn a_blocked_peer_gets_nothing_and_a_job_blocked_everywhere_is_stranded_once() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |_| {});
    let job = grid.add_job(10, |_| {});
    grid.input(Input::PeerBlocked { job, peer: peer(1) });
    grid.ready(job, 0, 0..10, &[]);
    assert_eq!(grid.poll(), Some(Effect::Stranded { job }));
    assert_eq!(grid.poll(), None);
    assert_eq!(grid.against(job, 1), [Against::Blocked]);
    grid.input(Input::PeerUnblocked { job, peer: peer(1) });
    assert_eq!(grid.place_all().len(), 4);
}

#[test]
fn a_peer_that_declines_is_left_alone_for_a_while() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(1.0));
    let job = grid.add_job(10, |_| {});
    grid.ready(job, 0, 0..1, &[]);
    grid.place_all();
    let (lease, placed) = grid.leases.pop_first().unwrap();
    grid.input(Input::Declined { lease, why: Decline::Busy });
    grid.ready(job, 0, placed.span.indices(), &[]);
    assert_eq!(grid.place_all(), []);
    assert!(matches!(grid.against(job, 1)[..], [Against::Declined(_)]));
    grid.now = grid.scheduler.poll_deadline().unwrap();
    grid.scheduler.handle_deadline(grid.now);
    assert_eq!(grid.place_all().len(), 1);
}

#[test]
fn nobody_fits_and_the_closest_machine_is_named() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.capabilities.amount("amount.worker.memory", 8_192.0));
    grid.add_peer(2, |view| view.capabilities.amount("amount.worker.memory", 30_000.0));
    let job = grid.add_job(1, |job| job.steps[0].needs = "ram >= 64 GiB".parse().unwrap());
    grid.ready(job, 0, 0..1, &[]);
    assert_eq!(grid.place_all(), []);
    let explanation = grid.scheduler.explain(job, 0).unwrap();
    assert_eq!(explanation.closest, Some(peer(2)));
    assert!(explanation.machines.iter().all(|machine| matches!(machine.against[..], [Against::Unmet(_)])));
}

#[test]
fn what_a_machine_has_but_does_not_lend_is_a_reason_in_numbers() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(2.0));
    let job = grid.add_job(1, |job| job.steps[0].reserve = cores(4.0));
    grid.ready(job, 0, 0..1, &[]);
    assert_eq!(grid.place_all(), []);
    assert_eq!(grid.against(job, 1)[0].to_string(), "needs cores ≥ 4, has 2");
}

#[test]
fn the_explanation_shows_the_numbers_that_decide() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.score = 8.0);
    grid.add_peer(2, |view| view.round_trip = Duration::from_millis(200));
    let job = grid.add_job(9, |job| job.input_bytes = 60_000_000);
    grid.ready(job, 0, 0..1, &[]);
    let before = grid.scheduler.explain(job, 0).unwrap();
    let placed = grid.place_all().remove(0);
    let shown = before.machines.iter().find(|machine| machine.peer == placed.peer).unwrap();
    assert_eq!(shown.terms, Some(placed.terms));
    assert_eq!(grid.scheduler.explain(job, 0).unwrap().placed(placed.peer), Some(placed.terms));
    assert_eq!(before.decisive, Some(Term::Fetch), "60 MB at 60 MB/s outweigh the rest");
    let total: f64 = before.machines.iter().filter_map(|machine| machine.terms).map(|terms| terms.probability).sum();
    assert!((total - 1.0).abs() < 1e-9);
}

#[test]
fn peers_that_hold_the_inputs_pull() {
    let mut grid = TestGrid::new(|config| Config { sharpness: Sharpness::BEST, ..config });
    grid.add_peer(2, |_| {});
    grid.add_peer(3, |_| {});
    let job = grid.add_job(9, |job| job.input_bytes = 1_000_000_000);
    grid.input(Input::HoldingsChanged { peer: peer(3), job, held_bytes: 900_000_000 });
    grid.input(Input::PathMeasured { peer: peer(3), bytes_per_sec: 50e6 });
    grid.ready(job, 0, 0..1, &[]);
    let placed = grid.place_all().remove(0);
    assert_eq!(placed.peer, peer(3));
    assert!((placed.terms.fetch_secs - 2.0).abs() < 1e-9);
    let explanation = grid.scheduler.explain(job, 0).unwrap();
    assert_eq!(explanation.counterfactual(peer(3)), Some((peer(2), Term::Fetch)));
    assert_eq!(explanation.counterfactual(peer(2)), None, "the other one pulls more as it is");
}

#[test]
fn the_last_task_waits_for_a_much_faster_peer() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| (view.lends, view.score) = (cores(1.0), 40.0));
    grid.add_peer(2, |view| (view.lends, view.score) = (cores(1.0), 4.0));
    let job = grid.add_job(3, |_| {});
    grid.ready(job, 0, 0..1, &[]);
    // The draw decides freely while nothing was timed; make it the fast one.
    grid.scheduler.world.config.sharpness = Sharpness::BEST;
    assert_eq!(grid.place_all()[0].peer, peer(1));
    grid.timed(job, 1, 1, Duration::from_secs(10));
    grid.end_all();
    grid.ready(job, 0, 1..3, &[]);
    let placed = grid.place_all();
    assert_eq!(placed.iter().map(|placed| placed.peer).collect::<Vec<_>>(), [peer(1)], "10 s + 10 s beats 100 s");
    assert!(grid.against(job, 2).contains(&Against::SlowerThanWaiting));
}

#[test]
fn unequal_machines_end_close_to_the_bound() {
    // 4 fast slots and 4 slots of a third of their speed, 200 tasks of 3 s on the fast ones.
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.score = 12.0);
    grid.add_peer(2, |view| view.score = 4.0);
    let job = grid.add_job(200, |_| {});
    grid.ready(job, 0, 0..200, &[]);
    let speed = |id: PeerId| if id == peer(1) { 3.0 } else { 9.0 };
    let makespan = grid.run_to_the_end(job, speed);
    let bound = 200.0 / (4.0 / 3.0 + 4.0 / 9.0);
    assert!(makespan <= 1.10 * bound, "{makespan} s, bound {bound} s");
}

#[test]
fn machines_of_four_speeds_end_close_to_the_bound_though_no_two_runs_take_as_long() {
    // Two slots each of machines 1, 2, 4 and 8 times as fast, 120 tasks; the best list takes 16 s.
    for jitter in [0.0, 0.05, 0.15] {
        let mut grid = TestGrid::new(|config| config);
        for id in 1..5 {
            grid.add_peer(id, |view| (view.lends, view.cpu_count, view.score) = (cores(2.0), 2, 2.0));
        }
        grid.jitter = jitter;
        let job = grid.add_job(120, |_| {});
        grid.ready(job, 0, 0..120, &[]);
        let makespan = grid.run_to_the_end(job, |id| 4.0 / f64::from(1 << (id.0[0] - 1)));
        assert!(makespan <= 1.10 * 16.0, "{makespan} s with runs that differ by {jitter}, the bound is 16 s");
    }
}

#[test]
fn short_tasks_end_evenly_too() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.score = 12.0);
    grid.add_peer(2, |view| view.score = 4.0);
    let job = grid.add_job(20_000, |_| {});
    grid.ready(job, 0, 0..20_000, &[]);
    let speed = |id: PeerId| if id == peer(1) { 0.003 } else { 0.009 };
    let makespan = grid.run_to_the_end(job, speed);
    let bound = 20_000.0 / (4.0 / 0.003 + 4.0 / 0.009);
    assert!(makespan <= 1.10 * bound, "{makespan} s, bound {bound} s");
}

#[test]
fn chunks_of_equal_machines_grow_once_and_end_together() {
    let mut grid = TestGrid::new(|config| config);
    (1..4).for_each(|id| grid.add_peer(id, |_| {}));
    let job = grid.add_job(24, |job| takes_all_cores(job, 24));
    grid.ready(job, 0, 0..24, &[]);
    let makespan = grid.run_to_the_end(job, |_| 4.0);
    let sizes: Vec<u32> = grid.placed.iter().map(|placed| placed.span.len()).collect();
    assert_eq!((sizes, makespan), (vec![1, 1, 1, 7, 7, 7], 32.0));
}

#[test]
fn a_rest_a_little_above_the_target_is_shared_out_at_once() {
    let sizes = |secs: f64| {
        let mut grid = TestGrid::new(|config| config);
        (1..4).for_each(|id| grid.add_peer(id, |_| {}));
        let job = grid.add_job(24, |job| takes_all_cores(job, 24));
        grid.ready(job, 0, 0..24, &[]);
        grid.run_to_the_end(job, |_| secs);
        grid.placed.iter().map(|placed| placed.span.len()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(12.0), [1, 1, 1, 7, 7, 7], "84 s once are nearer to a minute than 42 s twice");
    assert_eq!(sizes(14.0), [1, 1, 1, 4, 4, 4, 3, 3, 3], "98 s are not");
}

#[test]
fn chunks_of_nearly_equal_machines_leave_little_for_the_end() {
    let mut grid = TestGrid::new(|config| config);
    (1..4).for_each(|id| grid.add_peer(id, |_| {}));
    let job = grid.add_job(24, |job| takes_all_cores(job, 24));
    grid.ready(job, 0, 0..24, &[]);
    let makespan = grid.run_to_the_end(job, |id| 3.8 + 0.2 * f64::from(id.0[0]));
    assert!(grid.placed.len() <= 7, "{} runs", grid.placed.len());
    assert!(makespan <= 1.10 * 24.0 / (1.0 / 4.0 + 1.0 / 4.2 + 1.0 / 4.4), "{makespan} s");
}

#[test]
fn chunks_of_unequal_machines_end_together() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.score = 12.0);
    grid.add_peer(2, |_| {});
    let job = grid.add_job(100, |job| takes_all_cores(job, 100));
    grid.ready(job, 0, 0..100, &[]);
    let makespan = grid.run_to_the_end(job, |id| if id == peer(1) { 3.0 } else { 9.0 });
    let bound = 100.0 / (1.0 / 3.0 + 1.0 / 9.0);
    assert!(makespan <= 1.10 * bound, "{makespan} s, bound {bound} s");
    assert!(grid.placed.len() <= 12, "{} runs", grid.placed.len());
}

#[test]
fn a_task_that_takes_all_cores_shares_its_machine_with_nobody() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| (view.lends, view.cpu_count) = (cores(2.5), 8));
    grid.add_peer(2, |_| {});
    let all = grid.add_job(9, |job| takes_all_cores(job, 9));
    let one = grid.add_job(9, |_| {});
    grid.ready(all, 0, 0..9, &[]);
    let reserves: BTreeMap<_, _> = grid.place_all().iter().map(|placed| (placed.peer, placed.reserve)).collect();
    assert_eq!(reserves, [(peer(1), cores(2.5)), (peer(2), cores(4.0))].into());
    grid.ready(one, 0, 0..1, &[]);
    assert_eq!(grid.place_all(), []);
    assert_eq!(grid.against(one, 2), [Against::NoFreeSlot]);

    grid.input(Input::TasksWithdrawn { job: all, step: 0, tasks: (0..9).collect() });
    grid.end_all();
    let shared = grid.place_all()[0].peer;
    grid.ready(all, 0, 0..9, &[]);
    assert_eq!(grid.place_all().iter().filter(|placed| placed.peer == shared).count(), 0);
    assert_eq!(grid.against(all, shared.0[0]), [Against::NotAllFree]);
}

/// Two machines full of long small tasks, and a job that takes whole machines and goes first.
fn a_full_grid() -> (TestGrid, JobId, JobId) {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |_| {});
    grid.add_peer(2, |_| {});
    let small = grid.add_job(1_000, |_| {});
    grid.ready(small, 0, 0..1_000, &[]);
    assert_eq!(grid.place_all().len(), 8);
    grid.timed(small, 1, 8, Duration::from_mins(8));
    let whole = grid.add_job(9, |job| (job.priority, job.steps[0].needs.all_cores) = (1, true));
    grid.ready(whole, 0, 0..1, &[]);
    (grid, small, whole)
}

#[test]
fn a_task_that_takes_a_whole_machine_is_not_starved_by_small_ones() {
    let (mut grid, small, whole) = a_full_grid();
    assert_eq!(grid.place_all(), []);
    let mut ended = 0;
    while !grid.leases.values().any(|placed| placed.job == whole) {
        // The oldest lease of each machine in turn.
        let on = peer(1 + ended % 2);
        let lease = grid.leases.iter().find(|(_, placed)| placed.peer == on).map(|(lease, _)| *lease).unwrap();
        grid.leases.remove(&lease);
        grid.input(Input::LeaseEnded { lease });
        ended += 1;
        assert!(ended <= 8, "one machine runs dry after four ends there");
        grid.place_all();
    }
    let on = grid.leases.values().find(|placed| placed.job == whole).map(|placed| placed.peer).unwrap();
    let others = grid.leases.values().filter(|placed| placed.peer != on && placed.job == small).count();
    assert_eq!(others, 4, "the other machine stays in use");
}

#[test]
fn a_machine_is_kept_as_long_as_somebody_waits_for_it() {
    let (mut grid, small, whole) = a_full_grid();
    grid.place_all();
    let lease = grid.leases.iter().find(|(_, placed)| placed.peer == peer(1)).map(|(lease, _)| *lease).unwrap();
    grid.leases.remove(&lease);
    grid.input(Input::LeaseEnded { lease });
    // One of them failed there: kept and avoided at once.
    grid.ready(small, 0, 999..1_000, &[1]);
    assert_eq!(grid.place_all(), []);
    assert_eq!(grid.against(small, 1), [Against::KeptForAnother]);
    grid.input(Input::TasksWithdrawn { job: whole, step: 0, tasks: (0..1).collect() });
    assert_eq!(grid.place_all().iter().map(|placed| placed.job).collect::<Vec<_>>(), [small]);
}

#[test]
fn a_lower_bound_holds_beside_all_cores() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(2.0));
    let job = grid.add_job(1, |job| {
        takes_all_cores(job, 1);
        job.steps[0].reserve = cores(3.0);
    });
    grid.ready(job, 0, 0..1, &[]);
    assert_eq!(grid.place_all(), []);
    assert_eq!(grid.against(job, 1)[0].to_string(), "needs cores ≥ 3, has 2");
    grid.add_peer(1, |view| view.lends = cores(3.5));
    assert_eq!(grid.place_all()[0].reserve, cores(3.5), "what is lent now counts");
}

#[test]
fn leases_kept_over_a_restart_hold_their_room() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.lends = cores(1.0));
    let job = grid.add_job(9, |_| {});
    let lease = LeaseId { job, fence: Fence { epoch: 1, attempt: 4 } };
    grid.input(Input::LeaseKept { lease, peer: peer(1), step: 0 });
    grid.ready(job, 0, 0..1, &[]);
    assert_eq!(grid.place_all(), []);
    grid.input(Input::LeaseEnded { lease });
    assert_eq!(grid.place_all().len(), 1);
}

#[test]
fn other_stewards_reservations_are_respected() {
    let mut grid = TestGrid::new(|config| config);
    grid.add_peer(1, |view| view.free = cores(1.0));
    let job = grid.add_job(9, |_| {});
    grid.ready(job, 0, 0..9, &[]);
    assert_eq!(grid.place_all().len(), 1);
    // What it announces next counts our own lease as well: that is not taken off twice.
    grid.add_peer(1, |view| view.free = cores(1.0));
    assert_eq!(grid.place_all().len(), 1, "two of four are ours now, so another steward holds two");
}

#[derive(Debug, Clone)]
enum Step {
    Ready { job: u8, start: u32, len: u32, avoid: Option<u8> },
    Withdraw { job: u8, start: u32, len: u32 },
    End { which: usize },
    Decline { which: usize },
    Lend { peer: u8, cpus: u8, accepts: bool },
    Leave { peer: u8 },
    Block { job: u8, peer: u8 },
    Time { job: u8, peer: u8, millis: u64 },
    Pass { secs: u64 },
    Remove { job: u8 },
}

fn a_step() -> impl Strategy_<Value = Step> {
    prop_oneof![
        6 => (0_u8..3, 0_u32..60, 1_u32..30, prop::option::of(1_u8..4))
            .prop_map(|(job, start, len, avoid)| Step::Ready { job, start, len, avoid }),
        1 => (0_u8..3, 0_u32..60, 1_u32..30).prop_map(|(job, start, len)| Step::Withdraw { job, start, len }),
        8 => any::<usize>().prop_map(|which| Step::End { which }),
        2 => any::<usize>().prop_map(|which| Step::Decline { which }),
        2 => (1_u8..4, 0_u8..6, any::<bool>()).prop_map(|(peer, cpus, accepts)| Step::Lend { peer, cpus, accepts }),
        1 => (1_u8..4).prop_map(|peer| Step::Leave { peer }),
        1 => (0_u8..3, 1_u8..4).prop_map(|(job, peer)| Step::Block { job, peer }),
        4 => (0_u8..3, 1_u8..4, 1_u64..3_000).prop_map(|(job, peer, millis)| Step::Time { job, peer, millis }),
        2 => (1_u64..100).prop_map(|secs| Step::Pass { secs }),
        1 => (0_u8..3).prop_map(|job| Step::Remove { job }),
    ]
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_overcommitted_whatever_happens(
        steps in prop::collection::vec(a_step(), 1..120),
        seed in any::<u64>(),
    ) {
        let mut grid = TestGrid::new(|config| config);
        grid.scheduler.random = Random::new(seed);
        for id in 1..4 {
            grid.add_peer(id, |view| {
                view.lends = cores(f32::from(id));
                view.capabilities.amount("amount.worker.memory", f64::from(id) * 1_000.0);
            });
        }
        let jobs: Vec<JobId> = (0..3).map(|at| grid.add_job(90, |job| {
            job.steps[0].needs.merge(format!("ram_mb >= {}", 1_000 * at).parse().unwrap());
            job.steps[0].chunking = (at == 1).then_some(Chunking { default_count: 3, target_secs: 1, row: 7 });
            job.steps[0].reserve = cores(1.0 + f32::from(at as u8) * 0.5);
            job.steps[0].needs.all_cores = at == 2;
        })).collect();
        for step in steps {
            grid.apply(step, &jobs);
            let placed = grid.place_all();
            for placed in &placed {
                let at = jobs.iter().position(|job| *job == placed.job).unwrap();
                prop_assert!(usize::from(placed.peer.0[0]) >= at, "job {at} needs {at} GB");
            }
            let counts = grid.scheduler.counts();
            prop_assert_eq!(counts.entered, counts.placed + counts.withdrawn + counts.ready);
            let queued: u64 = grid.scheduler.jobs.turns.iter().map(|turn| turn.ready).sum();
            prop_assert_eq!(counts.ready, queued);
            grid.check_room()?;
        }
    }
}

// Helpers.

use proptest::strategy::Strategy as Strategy_;

fn peer(id: u8) -> PeerId {
    PeerId([id; 32])
}

/// Its tasks take whole machines, and neighbours in rows of `row` are put together for a minute.
fn takes_all_cores(job: &mut JobView, row: u32) {
    job.steps[0].needs.all_cores = true;
    job.steps[0].chunking = Some(Chunking { default_count: 1, target_secs: 60, row });
}

fn cores(cpus: f32) -> Reserve {
    Reserve { cpus, memory_mib: 0, gpus: 0, disk_mib: 0 }
}

/// A scheduler on peer 1 whose placements are all granted.
struct TestGrid {
    scheduler: Scheduler,
    now: Time,
    jobs: u8,
    attempts: u32,
    leases: BTreeMap<LeaseId, Placement>,
    placed: Vec<Placement>,
    lends: BTreeMap<PeerId, f32>,
    /// By what share runs take longer or shorter than they should, each by its own.
    jitter: f64,
}

impl TestGrid {
    fn new(config: impl FnOnce(Config) -> Config) -> Self {
        let scheduler = Scheduler::new(config(Config::new(peer(1))), 7);
        let (leases, placed, lends) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { scheduler, now: Time::ZERO, jobs: 0, attempts: 0, leases, placed, lends, jitter: 0.0 }
    }

    fn input(&mut self, input: Input) {
        self.scheduler.handle(input, self.now);
    }

    /// Four reference cores, all lent and free, next door; `change` says what is different.
    fn add_peer(&mut self, id: u8, change: impl FnOnce(&mut PeerView)) {
        let mut view = PeerView {
            name: format!("peer-{id}"),
            capabilities: Capabilities::default(),
            score: 4.0,
            cpu_count: 4,
            lends: cores(4.0),
            free: cores(f32::MAX),
            accepts: true,
            ..PeerView::default()
        };
        change(&mut view);
        if view.free.cpus == f32::MAX {
            view.free = view.lends;
        }
        self.lends.insert(peer(id), view.lends.cpus);
        self.input(Input::PeerChanged { peer: peer(id), view });
    }

    /// One step of `task_count` tasks of one core each; `change` says what is different.
    fn add_job(&mut self, task_count: u32, change: impl FnOnce(&mut JobView)) -> JobId {
        self.jobs += 1;
        let step = StepView {
            program: "true".into(),
            look: None,
            needs: Needs::default(),
            prefers: Vec::new(),
            chunking: None,
            reserve: StepView::reserve_of(&Needs::default()),
            task_count,
            work_secs: None,
        };
        let mut view = JobView {
            job: JobId([self.jobs; 10]),
            priority: 0,
            submitter: peer(1),
            recipe: "command".into(),
            input_bytes: 0,
            may_repeat: true,
            steps: vec![step],
        };
        change(&mut view);
        let job = view.job;
        self.input(Input::JobAdded(view));
        job
    }

    fn ready(&mut self, job: JobId, step: u32, tasks: std::ops::Range<u32>, avoid: &[u8]) {
        let avoid = avoid.iter().map(|id| peer(*id)).collect();
        self.input(Input::TasksReady { job, step, tasks: tasks.collect(), avoid });
    }

    fn timed(&mut self, job: JobId, id: u8, tasks: u32, run: Duration) {
        self.input(Input::TaskTimed { job, step: 0, peer: peer(id), tasks, run });
    }

    fn poll(&mut self) -> Option<Effect> {
        self.scheduler.poll_effect()
    }

    fn place_all(&mut self) -> Vec<Placement> {
        let mut placed = Vec::new();
        while let Some(effect) = self.poll() {
            if let Effect::Place(placement) = effect {
                self.attempts += 1;
                let lease = LeaseId { job: placement.job, fence: Fence { epoch: 1, attempt: self.attempts } };
                self.input(Input::Granted { placement: placement.id, lease });
                self.leases.insert(lease, placement.clone());
                placed.push(placement);
            }
        }
        self.placed.extend(placed.iter().cloned());
        placed
    }

    fn end_all(&mut self) {
        for lease in std::mem::take(&mut self.leases).into_keys() {
            self.input(Input::LeaseEnded { lease });
        }
    }

    fn run_seen(&mut self, lease: LeaseId, placed: &Placement, progress: Option<f32>) {
        self.input(Input::RunSeen { lease, span: placed.span, progress });
    }

    /// What is placed after so many seconds, looked at each second.
    fn after_secs(&mut self, secs: u64) -> Vec<Placement> {
        let mut placed = Vec::new();
        for _ in 0..secs {
            self.now = self.now + Duration::from_secs(1);
            self.scheduler.handle_deadline(self.now);
            placed.extend(self.place_all());
        }
        placed
    }

    fn against(&mut self, job: JobId, id: u8) -> Vec<Against> {
        let explanation = self.scheduler.explain(job, 0).unwrap();
        explanation.machines.into_iter().find(|machine| machine.peer == peer(id)).unwrap().against
    }

    fn apply(&mut self, step: Step, jobs: &[JobId]) {
        let job = |at: u8| jobs[usize::from(at)];
        let nth = |grid: &Self, which: usize| grid.leases.keys().nth(which % grid.leases.len().max(1)).copied();
        match step {
            Step::Ready { job: at, start, len, avoid } => {
                // As the ledger does: what is leased is not ready.
                let leased: Vec<u32> = self
                    .leases
                    .iter()
                    .filter(|(lease, _)| lease.job == job(at))
                    .flat_map(|(_, placed)| placed.span.indices())
                    .collect();
                let tasks: TaskSpans = (start..start + len).filter(|index| !leased.contains(index)).collect();
                let avoid = avoid.map(peer).into_iter().collect();
                self.input(Input::TasksReady { job: job(at), step: 0, tasks, avoid });
            }
            Step::Withdraw { job: at, start, len } => {
                self.input(Input::TasksWithdrawn { job: job(at), step: 0, tasks: (start..start + len).collect() });
            }
            Step::End { which } => {
                if let Some(lease) = nth(self, which) {
                    self.leases.remove(&lease);
                    self.input(Input::LeaseEnded { lease });
                }
            }
            Step::Decline { which } => {
                if let Some(lease) = nth(self, which) {
                    self.leases.remove(&lease);
                    self.input(Input::Declined { lease, why: Decline::Busy });
                }
            }
            Step::Lend { peer: id, cpus, accepts } => {
                self.add_peer(id, |view| {
                    view.lends = cores(f32::from(cpus));
                    view.capabilities.amount("amount.worker.memory", f64::from(id) * 1_000.0);
                    view.accepts = accepts;
                });
            }
            Step::Leave { peer: id } => self.input(Input::PeerLeft { peer: peer(id) }),
            Step::Block { job: at, peer: id } => self.input(Input::PeerBlocked { job: job(at), peer: peer(id) }),
            Step::Time { job: at, peer: id, millis } => self.timed(job(at), id, 3, Duration::from_millis(millis)),
            Step::Pass { secs } => {
                self.now = self.now + Duration::from_secs(secs);
                self.scheduler.handle_deadline(self.now);
            }
            Step::Remove { job: at } => self.input(Input::JobRemoved { job: job(at) }),
        }
    }

    /// No peer holds more running leases of ours than it has ever lent since they were placed.
    fn check_room(&self) -> Result<(), TestCaseError> {
        for known in &self.scheduler.world.peers {
            let leases = self.scheduler.leases.values();
            let here = |lease: &&Lease| self.scheduler.world.peers[lease.peer].id == known.id;
            let (running, ahead): (Vec<_>, Vec<_>) =
                leases.filter(here).partition(|lease| matches!(lease.place, LeasePlace::Running(_)));
            let used: i64 = running.iter().map(|lease| lease.room.milli_cpus).sum();
            prop_assert!(used <= 5_000, "nobody ever lends more than 5 cores here");
            prop_assert_eq!(known.running.len(), running.len());
            prop_assert_eq!(known.ahead.len(), ahead.len());
        }
        Ok(())
    }

    /// Plays peers that run each task in `secs(peer)`; returns the seconds until the job has ended.
    fn run_to_the_end(&mut self, job: JobId, secs: impl Fn(PeerId) -> f64) -> f64 {
        let mut ends: BTreeSet<(Time, LeaseId)> = BTreeSet::new();
        let mut waiting: BTreeMap<PeerId, VecDeque<LeaseId>> = BTreeMap::new();
        loop {
            let known: BTreeSet<LeaseId> = self.leases.keys().copied().collect();
            self.place_all();
            let fresh: Vec<_> = self.leases.iter().filter(|(lease, _)| !known.contains(lease)).collect();
            for (lease, placed) in fresh {
                if placed.ahead {
                    waiting.entry(placed.peer).or_default().push_back(*lease);
                } else {
                    ends.insert((self.now + self.runs_for(placed, &secs), *lease));
                }
            }
            let next = match (ends.first(), self.scheduler.poll_deadline()) {
                (None, None) => break,
                (Some((end, _)), Some(wake)) => (*end).min(wake),
                (Some((end, _)), None) => *end,
                (None, Some(_)) if self.scheduler.counts().ready == 0 => break,
                (None, Some(wake)) => wake,
            };
            self.now = self.now.max(next);
            self.scheduler.handle_deadline(self.now);
            while ends.first().is_some_and(|(end, _)| *end <= self.now) {
                let (_, lease) = ends.pop_first().unwrap();
                let placed = self.leases.remove(&lease).unwrap();
                let run = self.runs_for(&placed, &secs);
                self.input(Input::TaskTimed { job, step: 0, peer: placed.peer, tasks: placed.span.len(), run });
                self.input(Input::LeaseEnded { lease });
                if let Some(next) = waiting.get_mut(&placed.peer).and_then(VecDeque::pop_front) {
                    ends.insert((self.now + self.runs_for(&self.leases[&next], &secs), next));
                }
            }
        }
        assert_eq!(self.scheduler.counts().ready, 0);
        self.now.since(Time::ZERO).as_secs_f64()
    }

    fn runs_for(&self, placed: &Placement, secs: &impl Fn(PeerId) -> f64) -> Duration {
        let luck = f64::from(placed.span.start.wrapping_mul(7_919) % 101) / 50.0 - 1.0;
        Duration::from_secs_f64(f64::from(placed.span.len()) * secs(placed.peer) * (1.0 + self.jitter * luck))
    }
}
