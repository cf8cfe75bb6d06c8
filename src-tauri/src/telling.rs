//! What tray and notifications need to know, followed from the node's events.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gridwell_api::{Event, EventBody, EventCursor, JobView, MachineState, MachineView, Notice, PairingView};
use gridwell_model::{Incarnation, JobId};
use tauri::{AppHandle, Manager as _};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    house::House,
    notices::{About, Gathered, Message, Teller, is_wanted},
    own::chosen,
    tray, window,
};

/// How often events are heard: what is told may wait so long.
const HEAR_EVERY: Duration = Duration::from_millis(250);
/// The tray follows at most so often: within a second of everything else (ui-spec §15).
const TRAY_EVERY: Duration = Duration::from_millis(500);
/// How often a countdown in the menu follows: it shows minutes.
const COUNT_EVERY: Duration = Duration::from_secs(30);
/// First and longest wait before the node is looked for again.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What is known of the grid, as far as a tray shows it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    cursor: Option<(Incarnation, u64)>,
    pub(crate) this: Option<MachineView>,
    pub(crate) jobs: BTreeMap<JobId, JobView>,
    /// True while a node tells.
    pub(crate) live: bool,
}

impl Seen {
    /// Takes in an event; returns a notice that it carried.
    pub(crate) fn take(&mut self, event: Event) -> Option<Notice> {
        if let Some((_, seq)) = &mut self.cursor {
            *seq = event.seq;
        }
        match event.body {
            EventBody::Snapshot(snapshot) => {
                self.cursor = Some((snapshot.stream, event.seq));
                self.this = snapshot.machines.into_iter().find(|machine| machine.this);
                self.jobs = snapshot.jobs.into_iter().map(|job| (job.id, job)).collect();
            }
            EventBody::JobChanged(job) => {
                self.jobs.insert(job.id, *job);
            }
            EventBody::JobRemoved(job) => {
                self.jobs.remove(&job);
            }
            EventBody::MachineChanged(machine) if machine.this => self.this = Some(*machine),
            EventBody::MachineActivity(activity) => {
                if let Some(this) = self.this.as_mut().filter(|this| this.id == activity.id) {
                    this.apply(&activity);
                }
            }
            EventBody::Notice(notice) => return Some(notice),
            _ => {}
        }
        None
    }

    /// What this machine does; offline without a node.
    pub(crate) fn state(&self) -> MachineState {
        self.this.as_ref().filter(|_| self.live).map_or(MachineState::Offline, |this| this.state)
    }

    /// The running job that is furthest.
    pub(crate) fn top_job(&self) -> Option<&JobView> {
        let running = self.jobs.values().filter(|job| !job.state.is_ended() && job.counts.total() > 0);
        running.max_by(|left, right| left.progress.total_cmp(&right.progress))
    }

    /// The job that ended last and left results.
    pub(crate) fn last_result(&self) -> Option<&JobView> {
        let ended = self.jobs.values().filter(|job| job.ended.is_some() && !job.output_folders.is_empty());
        ended.max_by_key(|job| job.ended)
    }

    /// The folder into which results of a job land.
    fn results_of(&self, job: JobId) -> Option<String> {
        self.jobs.get(&job)?.output_folders.first().cloned()
    }

    fn since(&self) -> Option<EventCursor> {
        self.cursor.map(|(stream, seq)| EventCursor { stream, seq })
    }
}

/// Follows the node until `stop`, for tray and notifications.
pub(crate) async fn follow(app: AppHandle, stop: CancellationToken) {
    let seen = Arc::new(tokio::sync::Mutex::new(Seen::default()));
    let news = Arc::new(Notify::new());
    let tray = tauri::async_runtime::spawn(show(app.clone(), Arc::clone(&seen), Arc::clone(&news), stop.clone()));
    let teller = Teller::start(app.clone());
    let mut gathered = Gathered::default();
    let mut wait = FIRST_WAIT;
    let house = app.state::<House>();
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            heard = hear(&app, &seen, &news, &teller, &mut gathered) => {
                seen.lock().await.live = false;
                news.notify_one();
                wait = if heard { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = house.opened() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    let _ended = tray.await;
}

/// Hears one connection to its end. True if it was let in.
async fn hear(
    app: &AppHandle,
    seen: &tokio::sync::Mutex<Seen>,
    news: &Notify,
    teller: &Teller,
    gathered: &mut Gathered,
) -> bool {
    let since = seen.lock().await.since();
    let Ok(mut events) = app.state::<House>().client().events(since, HEAR_EVERY).await else { return false };
    seen.lock().await.live = true;
    news.notify_one();
    loop {
        let batch = tokio::select! {
            batch = events.next() => batch,
            () = until(gathered.due()) => {
                tell(app, teller, gathered);
                continue;
            }
        };
        let Ok(Some(batch)) = batch else { return true };
        let mut seen = seen.lock().await;
        for event in batch {
            if let EventBody::PairingChanged(pairing) = &event.body {
                tell_of_pairing(app, teller, pairing);
            }
            if let Some(notice) = seen.take(event) {
                gather(app, &seen, gathered, notice);
            }
        }
        news.notify_one();
    }
}

/// Brings the tray up to date when something changed, and its countdown while there is one.
async fn show(app: AppHandle, seen: Arc<tokio::sync::Mutex<Seen>>, news: Arc<Notify>, stop: CancellationToken) {
    loop {
        let look = tray::Look::of(&*seen.lock().await, tray::now());
        tray::show(&app, &look);
        tokio::time::sleep(TRAY_EVERY).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = news.notified() => {}
            () = tokio::time::sleep(COUNT_EVERY), if look.counts_down => {}
        }
    }
}

/// Tells the desktop what is due.
fn tell(app: &AppHandle, teller: &Teller, gathered: &mut Gathered) {
    let focused = is_focused(app);
    for message in gathered.take(Instant::now()) {
        teller.tell(app, message, focused);
    }
}

/// Tells at once of a machine that waits to be let in: its time is short. Whoever looks at the window is asked there.
fn tell_of_pairing(app: &AppHandle, teller: &Teller, pairing: &PairingView) {
    if let Some(message) = Message::of_pairing(pairing)
        && chosen(app).notify_problem
        && !is_focused(app)
    {
        teller.tell(app, message, false);
    }
}

fn is_focused(app: &AppHandle) -> bool {
    app.get_webview_window(window::MAIN).is_some_and(|window| window.is_focused().unwrap_or(false))
}

/// Gathers a notice that the desktop is to hear of.
fn gather(app: &AppHandle, seen: &Seen, gathered: &mut Gathered, notice: Notice) {
    let Some(about) = About::of(&notice, seen.this.as_ref().map(|this| this.id)) else { return };
    if is_wanted(&notice, about, &chosen(app)) {
        let folder = notice.job.and_then(|job| seen.results_of(job));
        gathered.add(about, notice, folder, Instant::now());
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
