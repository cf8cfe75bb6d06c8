//! What happens in the made-up grid.

use std::{future, time::Duration};

use gridwell_api::{EventBody, TasksChanged};
use gridwell_model::{TaskSpan, TaskState};
use tokio::sync::watch;

use crate::{made::job_id, node::Synthetic, world::World};

/// A storm comes in gusts of this distance.
const GUST: Duration = Duration::from_millis(10);

/// Lets a tenth of the machines change, `per_second` times a second.
pub(crate) async fn stir(node: &Synthetic, per_second: u32) {
    let Some(every) = Duration::from_secs(1).checked_div(per_second) else { return future::pending().await };
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        node.tell(|world| {
            let changed = world.stir();
            changed.into_iter().map(|at| EventBody::MachineActivity(world.machines[at].activity())).collect()
        });
    }
}

/// Lets single tasks of the large job change, so many a second as `pace` says; says how many did when it comes to rest.
pub(crate) async fn storm(node: &Synthetic, mut pace: watch::Receiver<u32>) {
    let mut gusts = tokio::time::interval(GUST);
    let mut next = 0_u32;
    loop {
        let per_second = *pace.borrow_and_update();
        if per_second == 0 {
            if next > 0 {
                println!("{next}");
            }
            if pace.changed().await.is_err() {
                return future::pending().await;
            }
            gusts.reset();
            continue;
        }
        gusts.tick().await;
        let each = (f64::from(per_second) * GUST.as_secs_f64()).ceil() as u32;
        node.tell(|world| gust(world, (0..each).map(|step| next.wrapping_add(step))));
        next = next.wrapping_add(each);
    }
}

/// Tasks change one by one, and with them what their job counts.
fn gust(world: &mut World, numbers: impl Iterator<Item = u32>) -> Vec<EventBody> {
    let mut told: Vec<_> = numbers.map(|number| change(world, number)).collect();
    told.push(EventBody::JobChanged(Box::new(world.jobs[0].clone())));
    told
}

/// A task somewhere in the large job begins or ends; all others do before it is its turn again.
fn change(world: &mut World, number: u32) -> EventBody {
    let tasks = world.tasks.len() as u32;
    let (round, index) = (number / tasks, (number % tasks).wrapping_mul(7) % tasks);
    let state = if (number % tasks + round).is_multiple_of(2) { TaskState::Running } else { TaskState::Done };
    world.change(index, state);
    EventBody::TasksChanged(TasksChanged {
        job: job_id(0),
        step: 0,
        span: TaskSpan::new(index, index + 1),
        state,
        machine: Some(world.machine_of(index).id),
        exit_code: None,
        reason: String::new(),
        saved_at: None,
    })
}
