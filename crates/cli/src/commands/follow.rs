use std::time::Duration;

use gridwell_api::{ApiError, ErrorCode, ErrorKind, JobView, LogPiece, LogsRequest};
use gridwell_serve::{ByteStream, Client, LogFormat};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};

use super::End;
use crate::{
    screen::Screen,
    text,
    watch::{Teller, Watch},
};

/// How long a restarting node is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often it is looked for meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long a task's last output may arrive after its job has ended.
const LAST_OUTPUT: Duration = Duration::from_secs(3);
/// Reasons of failure of which one task's last lines are shown, and how much of each.
const FAILED_SHOWN: usize = 3;
const FAILED_TAIL_BYTES: u64 = 1_500;
const FAILED_LINES: usize = 10;

/// Whose jobs are followed, for what is said at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Following {
    /// This command started them.
    Started,
    /// They were there before.
    Known,
}

/// Follows jobs to their end, shows how far they are, and says what came of them.
pub(super) async fn follow(
    jobs: Vec<JobView>,
    following: Following,
    client: &Client,
    screen: Screen,
) -> Result<End, ApiError> {
    let mut interrupt = on_interrupt()?;
    if following == Following::Started {
        for job in &jobs {
            screen.note(&format!("{} is job {}", text::clean(&job.name), job.id));
        }
    }
    let mut watch = Watch::new(jobs);
    let mut display = Display::new(screen);
    let interrupted = watch_to_the_end(&mut watch, &mut display, &mut interrupt, client).await;
    display.finish();
    if interrupted? {
        return Ok(say_it_goes_on(&watch, screen));
    }
    let jobs: Vec<&JobView> = watch.jobs().collect();
    screen.show(&jobs, |jobs| jobs.iter().map(|job| text::outcome(job)).collect::<Vec<_>>().join("\n\n"));
    if watch.all_done() {
        return Ok(End::Done);
    }
    if !screen.json() {
        for job in jobs {
            show_failures(job, client, screen).await;
        }
    }
    Ok(End::Failed)
}

/// Follows a job of one task as if it ran here: its output is this program's output.
pub(super) async fn follow_one(job: JobView, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let mut interrupt = on_interrupt()?;
    let target = format!("{}.0.0", job.id);
    let mut watch = Watch::new(vec![job]);
    let mut display = Display::silent();
    let output = tokio::spawn(copy_output(target, client.clone(), screen));
    let interrupted = watch_to_the_end(&mut watch, &mut display, &mut interrupt, client).await;
    let interrupted = match interrupted {
        Ok(interrupted) => interrupted,
        Err(error) => {
            output.abort();
            return Err(error);
        }
    };
    if interrupted {
        output.abort();
        return Ok(say_it_goes_on(&watch, screen));
    }
    if tokio::time::timeout(LAST_OUTPUT, output).await.is_err() {
        screen.note("gridwell: the end of the output did not arrive; 'gridwell logs' has all that is kept");
    }
    if watch.all_done() {
        return Ok(End::Done);
    }
    for job in watch.jobs() {
        screen.note(&text::outcome(job));
    }
    Ok(End::Failed)
}

/// From here on Ctrl-C ends the following, not the program.
pub(super) fn on_interrupt() -> Result<Signal, ApiError> {
    signal(SignalKind::interrupt()).map_err(|error| ApiError::bug(format!("cannot listen for Ctrl-C: {error}")))
}

/// Shows a task's output as it comes, byte for byte: JSON would make text of it.
async fn copy_output(target: String, client: Client, screen: Screen) {
    let request = LogsRequest { target, follow: true, after: 0, tail: 0 };
    let Ok(mut stream) = client.logs(&request, LogFormat::Text).await else { return };
    while let Ok(Some(bytes)) = stream.next().await {
        screen.print(&bytes);
    }
}

/// Pieces of output, out of a stream of lines of JSON.
struct Pieces {
    stream: ByteStream,
    unread: Vec<u8>,
}

impl Pieces {
    const fn new(stream: ByteStream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// The next piece; nothing more once the stream has ended or broken.
    async fn next(&mut self) -> Option<LogPiece> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return serde_json::from_slice(&line).ok();
            }
            let bytes = self.stream.next().await.ok()??;
            self.unread.extend_from_slice(&bytes);
        }
    }
}

/// Listens until all jobs have ended; true if a person pressed Ctrl-C before. A node that restarts is waited for.
async fn watch_to_the_end(
    watch: &mut Watch,
    display: &mut Display,
    interrupt: &mut Signal,
    client: &Client,
) -> Result<bool, ApiError> {
    let mut lost: Option<Instant> = None;
    display.show(watch);
    while !watch.ended() {
        let listening = tokio::select! {
            _ = interrupt.recv() => return Ok(true),
            ended = listen(watch, display, client, &mut lost) => ended,
        };
        match listening {
            Ok(()) => {}
            Err(error) if error.kind != ErrorKind::Machine => return Err(error),
            Err(error) => {
                let since = *lost.get_or_insert_with(Instant::now);
                if since.elapsed() > PATIENCE {
                    return Err(ApiError::new(ErrorCode::NoNode, error.message)
                        .help("The job goes on when the node runs again: start it with 'gridwell node'."));
                }
            }
        }
        if !watch.ended() {
            tokio::select! {
                _ = interrupt.recv() => return Ok(true),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
    Ok(false)
}

/// One connection's worth of events.
async fn listen(
    watch: &mut Watch,
    display: &mut Display,
    client: &Client,
    lost: &mut Option<Instant>,
) -> Result<(), ApiError> {
    let mut events = client.events(watch.cursor(), Duration::ZERO).await?;
    *lost = None;
    while !watch.ended() {
        match events.next().await? {
            Some(batch) => {
                if watch.hear(batch) {
                    display.show(watch);
                }
            }
            None => return Ok(()),
        }
    }
    Ok(())
}

fn say_it_goes_on(watch: &Watch, screen: Screen) -> End {
    let ids: Vec<String> = watch.jobs().filter(|job| !job.state.is_ended()).map(|job| job.id.to_string()).collect();
    let (ids, goes) = (ids.join(" "), if ids.len() == 1 { "The job goes on" } else { "The jobs go on" });
    screen.note(&format!("\n{goes}. Follow again: gridwell wait {ids}\nStop for good: gridwell cancel {ids}"));
    End::Interrupted
}

/// The last lines of some failed tasks, so that the cause is on the screen at once.
async fn show_failures(job: &JobView, client: &Client, screen: Screen) {
    for failure in job.failures.iter().take(FAILED_SHOWN) {
        let target = format!("{}.{}", job.id, failure.example);
        let request = LogsRequest { target, follow: false, after: 0, tail: FAILED_TAIL_BYTES };
        // Whose log is gone has failed all the same.
        let Ok(stream) = client.logs(&request, LogFormat::Lines).await else { continue };
        let lines = last_lines(Pieces::new(stream)).await;
        if !lines.is_empty() {
            screen.note(&format!("\nLast lines of {}:\n{}", text::clean(&failure.example_label), lines.join("\n")));
        }
    }
}

/// The end of the last attempt's output, made harmless and moved in.
async fn last_lines(mut pieces: Pieces) -> Vec<String> {
    let (mut tail, mut attempt) = (Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        if piece.attempt != attempt {
            attempt = piece.attempt;
            tail.clear();
        }
        tail.extend_from_slice(&piece.bytes);
    }
    let all = String::from_utf8_lossy(&tail);
    let lines: Vec<&str> = all.trim_end().lines().collect();
    let shown = &lines[lines.len().saturating_sub(FAILED_LINES)..];
    shown.iter().map(|line| format!("  {}", text::clean(line).trim_end())).collect()
}

/// How far it is: a bar where a person watches, lines where not.
enum Display {
    Live { bar: ProgressBar, began: Instant, first: Option<u64> },
    Plain { teller: Teller, screen: Screen },
    Silent,
}

impl Display {
    fn new(screen: Screen) -> Self {
        if !screen.is_live() {
            return Self::Plain { teller: Teller::default(), screen };
        }
        let bar = ProgressBar::with_draw_target(Some(1_000), ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {wide_msg}") {
            bar.set_style(style.progress_chars("━━─"));
        }
        Self::Live { bar, began: Instant::now(), first: None }
    }

    const fn silent() -> Self {
        Self::Silent
    }

    fn show(&mut self, watch: &Watch) {
        match self {
            Self::Live { bar, began, first } => {
                let done = watch.done();
                let since = done.saturating_sub(*first.get_or_insert(done));
                let rate = text::rate(since, began.elapsed());
                let running = watch.jobs().filter(|job| !job.state.is_ended());
                let lines: Vec<String> = running.map(|job| text::progress(job, &rate)).collect();
                bar.set_message(lines.join(" · "));
                bar.set_position((watch.fraction() * 1_000.0) as u64);
            }
            Self::Plain { teller, screen } => teller.lines(watch).iter().for_each(|line| screen.note(line)),
            Self::Silent => {}
        }
    }

    fn finish(&self) {
        if let Self::Live { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}
