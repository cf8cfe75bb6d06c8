//! What happens in the made-up grid.

use std::{future, time::Duration};

use gridwell_api::{EventBody, TasksChanged};
use gridwell_model::{TaskSpan, TaskState};

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

/// Lets single tasks of the large job change, `per_second` of them.
pub(crate) async fn storm(node: &Synthetic, per_second: u32) {
    if per_second == 0 {
        return future::pending().await;
    }
    let mut ticks = tokio::time::interval(GUST);
    let each = (f64::from(per_second) * GUST.as_secs_f64()).ceil() as u32;
    let mut next = 0_u32;
    loop {
        ticks.tick().await;
        node.tell(|world| (0..each).map(|step| change(world, next.wrapping_add(step))).collect());
        next = next.wrapping_add(each);
    }
}

/// A task somewhere in the large job begins or ends.
fn change(world: &mut World, number: u32) -> EventBody {
    let index = number.wrapping_mul(7) % world.tasks.len() as u32;
    let state = if number.is_multiple_of(2) { TaskState::Running } else { TaskState::Done };
    world.tasks[index as usize] = state;
    EventBody::TasksChanged(TasksChanged {
        job: job_id(0),
        step: 0,
        span: TaskSpan::new(index, index + 1),
        state,
        machine: Some(world.machine_of(index).id),
        exit_code: None,
        reason: String::new(),
    })
}
