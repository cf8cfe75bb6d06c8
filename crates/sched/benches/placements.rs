//! Placements each second: a full grid of peers where every lease that ends makes room for the next.

#![expect(missing_docs, reason = "criterion's macros make public items")]

use std::{collections::VecDeque, hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gridwell_model::{Capabilities, Fence, JobId, LeaseId, Needs, PeerId, Reserve, TaskSpans, Time};
use gridwell_sched::{Config, Effect, Input, JobView, PeerView, Scheduler, StepView};

const PLACEMENTS: u64 = 10_000;
const SLOTS: f32 = 8.0;

fn peer(at: usize) -> PeerId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&(at as u64 + 1).to_be_bytes());
    PeerId(id)
}

fn a_grid(peers: usize) -> Scheduler {
    let mut scheduler = Scheduler::new(Config::new(peer(0)), 1);
    for at in 0..peers {
        let lends = Reserve { cpus: SLOTS, memory_mib: 16_384, gpus: 0, disk_mib: 0 };
        let mut capabilities = Capabilities::default();
        capabilities.amount("amount.worker.memory", 16_384.0);
        let view = PeerView {
            name: format!("peer-{at}"),
            capabilities,
            score: 4.0 + (at % 7) as f64,
            cpu_count: 8,
            lends,
            free: lends,
            accepts: true,
            round_trip: Duration::from_millis((at % 5) as u64),
            ..PeerView::default()
        };
        scheduler.handle(Input::PeerChanged { peer: peer(at), view }, Time::ZERO);
    }
    let needs: Needs = "ram >= 1 GB".parse().expect("a requirement");
    let step = StepView {
        program: "true".into(),
        look: None,
        reserve: StepView::reserve_of(&needs),
        needs,
        prefers: vec!["cores >= 8".parse().expect("a wish")],
        chunking: None,
        task_count: 5_000_000,
        work_secs: None,
    };
    let view = JobView {
        job: JobId([1; 10]),
        priority: 0,
        submitter: peer(0),
        recipe: "command".into(),
        input_bytes: 1_000_000,
        may_repeat: true,
        steps: vec![step],
    };
    scheduler.handle(Input::JobAdded(view), Time::ZERO);
    let tasks = TaskSpans::first(5_000_000);
    scheduler.handle(Input::TasksReady { job: JobId([1; 10]), step: 0, tasks, avoid: Vec::new() }, Time::ZERO);
    scheduler
}

/// Places, grants, times and ends leases, oldest first, `PLACEMENTS` times.
fn churn(scheduler: &mut Scheduler) {
    let mut held: VecDeque<(LeaseId, PeerId)> = VecDeque::new();
    let mut placed = 0_u64;
    let mut now = Time::ZERO;
    while placed < PLACEMENTS {
        while let Some(Effect::Place(placement)) = scheduler.poll_effect() {
            placed += 1;
            let lease = LeaseId { job: placement.job, fence: Fence { epoch: 1, attempt: placed as u32 } };
            held.push_back((lease, placement.peer));
            scheduler.handle(Input::Granted { placement: placement.id, lease }, now);
        }
        let Some((lease, peer)) = held.pop_front() else {
            return;
        };
        now = now + Duration::from_millis(1);
        let run = Duration::from_secs(2);
        scheduler.handle(Input::TaskTimed { job: lease.job, step: 0, peer, tasks: 1, run }, now);
        scheduler.handle(Input::LeaseEnded { lease }, now);
    }
}

fn placements(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("placements");
    group.throughput(Throughput::Elements(PLACEMENTS)).sample_size(20);
    for peers in [5, 50, 500] {
        group.bench_with_input(BenchmarkId::from_parameter(peers), &peers, |bencher, peers| {
            bencher.iter_batched_ref(
                || a_grid(*peers),
                |scheduler| churn(black_box(scheduler)),
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, placements);
criterion_main!(benches);
