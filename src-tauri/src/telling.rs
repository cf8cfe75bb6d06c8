//! What tray and notifications need to know, followed from the node's events.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gridwell_api::{Event, EventBody, EventCursor, JobView, MachineState, MachineView, Notice, NoticeKind};
use gridwell_model::{Incarnation, JobId};
use tauri::{AppHandle, Manager as _};
use tauri_plugin_notification::NotificationExt as _;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{house::House, own::chosen, tray, window};

/// The tray follows at most so often: it is glanced at.
const TRAY_EVERY: Duration = Duration::from_secs(1);
/// How often a countdown in the menu follows: it shows minutes.
const COUNT_EVERY: Duration = Duration::from_secs(30);
/// Jobs that end within this time of each other are told of together (ui-spec §9).
const GATHER: Duration = Duration::from_secs(30);
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

    fn since(&self) -> Option<EventCursor> {
        self.cursor.map(|(stream, seq)| EventCursor { stream, seq })
    }
}

/// Follows the node until `stop`, for tray and notifications.
pub(crate) async fn follow(app: AppHandle, stop: CancellationToken) {
    let seen = Arc::new(tokio::sync::Mutex::new(Seen::default()));
    let news = Arc::new(Notify::new());
    let tray = tauri::async_runtime::spawn(show(app.clone(), Arc::clone(&seen), Arc::clone(&news), stop.clone()));
    let mut gathered = Gathered::default();
    let mut wait = FIRST_WAIT;
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            heard = hear(&app, &seen, &news, &mut gathered) => {
                seen.lock().await.live = false;
                news.notify_one();
                wait = if heard { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
    let _ended = tray.await;
}

/// Hears one connection to its end. True if it was let in.
async fn hear(app: &AppHandle, seen: &tokio::sync::Mutex<Seen>, news: &Notify, gathered: &mut Gathered) -> bool {
    let since = seen.lock().await.since();
    let Ok(mut events) = app.state::<House>().client().events(since).await else { return false };
    seen.lock().await.live = true;
    news.notify_one();
    loop {
        let batch = tokio::select! {
            batch = events.next() => batch,
            () = gathered.due() => {
                gathered.tell(app);
                continue;
            }
        };
        let Ok(Some(batch)) = batch else { return true };
        let mut seen = seen.lock().await;
        for event in batch {
            if let Some(notice) = seen.take(event) {
                gathered.add(notice);
            }
        }
        news.notify_one();
    }
}

/// Brings the tray up to date when something changed, once a second at most; while a countdown runs, each minute.
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

/// Notices on their way to the desktop, gathered so that many jobs give one message.
#[derive(Debug, Default)]
struct Gathered {
    notices: Vec<Notice>,
    due: Option<Instant>,
    told: Option<Instant>,
}

impl Gathered {
    fn add(&mut self, notice: Notice) {
        let wanted = matches!(
            notice.kind,
            NoticeKind::JobDone | NoticeKind::JobFailed | NoticeKind::Results | NoticeKind::Lending
        );
        if !wanted {
            return;
        }
        if self.notices.is_empty() {
            let now = Instant::now();
            // The first is told at once; what follows it closely, together.
            let earliest = self.told.map_or(now, |told| told + GATHER);
            self.due = Some(earliest.max(now + FIRST_WAIT));
        }
        self.notices.push(notice);
    }

    async fn due(&self) {
        match self.due {
            Some(due) if !self.notices.is_empty() => tokio::time::sleep_until(due).await,
            _ => std::future::pending().await,
        }
    }

    fn tell(&mut self, app: &AppHandle) {
        let settings = chosen(app);
        let focused = app.get_webview_window(window::MAIN).is_some_and(|window| window.is_focused().unwrap_or(false));
        let notices = std::mem::take(&mut self.notices);
        self.told = Some(Instant::now());
        let wanted = notices.into_iter().filter(|notice| match notice.kind {
            NoticeKind::JobDone => settings.notify_done,
            NoticeKind::Lending => settings.notify_lending,
            _ => settings.notify_problem,
        });
        let sentences: Vec<String> = wanted.map(|notice| plain(&notice.sentence)).collect();
        let (title, body) = match sentences.as_slice() {
            [] => return,
            [one] => (one.clone(), String::new()),
            many => (format!("{} jobs have ended", many.len()), many.join("\n")),
        };
        if focused {
            return;
        }
        if let Err(error) = app.notification().builder().title(title).body(body).show() {
            tracing::debug!(%error, "the desktop took no notification");
        }
    }
}

/// A sentence with names from anywhere as one harmless line: no markup, no control characters, not too long.
fn plain(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect::<String>();
    line.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_on_the_desktop() {
        assert_eq!(plain("<b>kitchen</b>\nis & done"), "&lt;b>kitchen&lt;/b> is &amp; done");
    }
}
