//! How busy the machine is, looked at again and again: often while that matters to somebody.

use std::{path::PathBuf, time::Duration};

use gridwell_probe::Sampler;
use tokio::{
    sync::{mpsc::WeakSender, watch},
    task::spawn_blocking,
    time::sleep,
};

use crate::core::Fact;

/// While work runs here or may come, or people look on.
pub(crate) const OFTEN: Duration = Duration::from_secs(5);
/// While it is its owner's alone.
pub(crate) const SELDOM: Duration = Duration::from_secs(30);

/// Samples the load, each time after `pace`, until the loop ends. A new pace counts at once.
pub(crate) fn start(data: PathBuf, facts: WeakSender<Fact>, mut pace: watch::Receiver<Duration>) {
    // Not one of the tasks that are awaited at the end: it ends when the loop's channel is gone.
    tokio::spawn(async move {
        let mut sampler = Sampler::new(&data);
        let own = [std::process::id()];
        loop {
            let sampled = spawn_blocking(move || {
                let load = sampler.sample(&own);
                (sampler, load)
            });
            let Ok((back, load)) = sampled.await else { return };
            sampler = back;
            let Some(loops) = facts.upgrade() else { return };
            if loops.send(Fact::Sampled(load)).await.is_err() {
                return;
            }
            drop(loops);
            let wait = *pace.borrow_and_update();
            tokio::select! {
                () = sleep(wait) => {}
                changed = pace.changed() => if changed.is_err() { return },
            }
        }
    });
}
