use std::{
    collections::BTreeSet,
    ffi::OsString,
    future::pending,
    path::PathBuf,
    process::ExitStatus,
    sync::{Arc, Mutex},
};

use gridwell_model::{ActionEnd, ActionPlan, SessionPlan};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{ChildStdin, ChildStdout},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use crate::{
    clean,
    event::{ExecEvent, SessionEvent},
    exec::{ExecConfig, MAX_QUEUED, lock},
    frame::{self, FrameError, Frames},
    protocol::ToRunner,
    spare::{Runner, Spare},
};

/// Tasks per frame: keeps a frame of ordinary tasks far below its limit.
const RUN_CHUNK: usize = 256;

/// Read at once from a runner.
const READ_BYTES: usize = 64 * 1024;

/// Tasks of a session that have no answer yet.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    queued: BTreeSet<u64>,
    running: Option<u64>,
}

impl Tags {
    pub(crate) fn len(&self) -> usize {
        self.queued.len()
    }

    pub(crate) fn queue(&mut self, tags: &[u64]) {
        self.queued.extend(tags);
    }

    fn note(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Started { tag, .. } => {
                self.queued.remove(tag);
                self.running = Some(*tag);
            }
            SessionEvent::Ended { tag, .. } | SessionEvent::NotRun { tag } => {
                self.queued.remove(tag);
                self.running = self.running.filter(|running| running != tag);
            }
            _ => {}
        }
    }

    /// Answers for tasks that no runner will answer for.
    fn not_run(&mut self) -> impl Iterator<Item = SessionEvent> {
        std::mem::take(&mut self.queued).into_iter().map(|tag| SessionEvent::NotRun { tag })
    }
}

/// One session's way from its runner's start to its last event.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) number: u64,
    pub(crate) plan: SessionPlan,
    pub(crate) config: ExecConfig,
    pub(crate) spare: Arc<Spare>,
    pub(crate) commands: mpsc::Receiver<ToRunner>,
    pub(crate) tags: Arc<Mutex<Tags>>,
    pub(crate) events: mpsc::Sender<ExecEvent>,
    pub(crate) stop: CancellationToken,
}

/// Why a session's runner is no longer listened to.
enum Finish {
    /// It said its last event.
    Closed(SessionEvent),
    /// It fell silent or talked nonsense.
    Broken(Option<FrameError>),
    /// This node shuts down.
    Stopped,
}

/// Runs a session; calls `forget` once no further command may reach it, before its last event.
pub(crate) async fn run(mut session: Session, forget: impl FnOnce() + Send) {
    let (mut process, stdin, stdout) = match start(&session) {
        Ok(runner) => runner.apart(),
        Err(reason) => {
            forget();
            return session.lose(reason).await;
        }
    };
    let finish = session.serve(stdin, stdout).await;
    forget();
    match finish {
        Finish::Closed(last) => {
            // Before the node hears of it: it may open the next one at once.
            if let Some(spare) = session.spare() {
                spare.renew(&session.config.runner, session.plan.folder.parent().unwrap_or(&session.plan.folder));
            }
            let events: Vec<_> = lock(&session.tags).not_run().chain([last]).collect();
            session.tell(events).await;
            process.end().await;
        }
        Finish::Broken(error) => {
            let status = process.end().await;
            session.sweep().await;
            session.lose(broken_reason(error.as_ref(), status)).await;
        }
        Finish::Stopped => {
            process.end().await;
            session.sweep().await;
        }
    }
    if let Some(cgroup) = session.cgroup() {
        clean::remove_cgroup(&cgroup);
    }
}

impl Session {
    /// Carries commands and events until the session finishes. The pipe to the runner is closed afterwards.
    async fn serve(&mut self, stdin: ChildStdin, stdout: ChildStdout) -> Finish {
        let open = ToRunner::Open {
            plan: Box::new(self.plan.clone()),
            self_program: self.config.self_program.clone(),
            cgroup: self.cgroup(),
        };
        let listen = listen(self.number, &self.tags, &self.events, stdout);
        let feed = feed(self.number, open, &mut self.commands, &self.tags, &self.events, stdin);
        tokio::select! {
            finish = listen => finish,
            () = feed => Finish::Broken(None),
            () = self.stop.cancelled() => Finish::Stopped,
        }
    }

    /// What waits for sessions like this one. In namespaces of its own each has another command line.
    fn spare(&self) -> Option<&Spare> {
        let is_alone = self.plan.access.as_ref().is_some_and(|access| access.alone);
        (!is_alone).then_some(&*self.spare)
    }

    /// Where the session's control group is, if it ever needs one.
    fn cgroup(&self) -> Option<PathBuf> {
        Some(self.config.cgroup.as_ref()?.join(format!("session-{}", self.number)))
    }

    /// Kills what a runner left behind and removes the session's folder.
    async fn sweep(&self) {
        let folder = self.plan.folder.clone();
        let swept = tokio::task::spawn_blocking(move || clean::end_session(&folder)).await;
        if let Err(error) = swept {
            tracing::error!(session = self.number, %error, "a lost session could not be cleaned up");
        }
    }

    async fn lose(&self, reason: String) {
        tracing::warn!(session = self.number, reason, "session lost");
        let events = {
            let mut tags = lock(&self.tags);
            let running = tags.running.take();
            tags.not_run().chain([SessionEvent::Lost { reason, running }]).collect()
        };
        self.tell(events).await;
    }

    async fn tell(&self, events: Vec<SessionEvent>) {
        tell(self.number, &self.events, &self.stop, events).await;
    }
}

/// Sends unless nobody listens any more.
async fn tell(session: u64, to: &mpsc::Sender<ExecEvent>, stop: &CancellationToken, events: Vec<SessionEvent>) {
    tokio::select! {
        sent = to.send(ExecEvent { session, events }) => if sent.is_err() {
            tracing::debug!(session, "nobody takes events any more");
        },
        () = stop.cancelled() => {}
    }
}

/// Passes events on until the last one, which it returns.
async fn listen(session: u64, tags: &Mutex<Tags>, events: &mpsc::Sender<ExecEvent>, mut stdout: ChildStdout) -> Finish {
    let mut frames = Frames::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let got = match stdout.read(&mut buffer).await {
            Ok(0) | Err(_) => return Finish::Broken(None),
            Ok(got) => got,
        };
        frames.push(&buffer[..got]);
        loop {
            let mut batch: Vec<SessionEvent> = match frames.next() {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) => return Finish::Broken(Some(error)),
            };
            {
                let mut tags = lock(tags);
                batch.iter().for_each(|event| tags.note(event));
            }
            let last = batch.pop_if(|event| event.is_last());
            if !batch.is_empty() && events.send(ExecEvent { session, events: batch }).await.is_err() {
                tracing::debug!(session, "nobody takes events any more");
            }
            if let Some(last) = last {
                return Finish::Closed(last);
            }
        }
    }
}

/// Passes commands on; ends only if `open` itself cannot be sent.
async fn feed(
    session: u64,
    open: ToRunner,
    commands: &mut mpsc::Receiver<ToRunner>,
    tags: &Mutex<Tags>,
    events: &mpsc::Sender<ExecEvent>,
    mut stdin: ChildStdin,
) {
    let Ok(frame) = encode(&open) else { return };
    let mut broken = stdin.write_all(&frame).await.is_err();
    while !broken {
        let Some(command) = commands.recv().await else { break };
        let (bytes, refused) = encode_command(command);
        if !refused.is_empty() {
            let mut tags = lock(tags);
            refused.iter().for_each(|event| tags.note(event));
        }
        if !refused.is_empty() && events.send(ExecEvent { session, events: refused }).await.is_err() {
            tracing::debug!(session, "nobody takes events any more");
        }
        broken = stdin.write_all(&bytes).await.is_err();
    }
    // Whatever broke the pipe ends the runner's own output as well, and `listen` says how. Keep `stdin` until then.
    pending::<()>().await;
}

fn encode(message: &ToRunner) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::new();
    frame::encode(message, &mut bytes)?;
    Ok(bytes)
}

/// Returns the command's frames, and an answer for every task that is too large for one.
fn encode_command(command: ToRunner) -> (Vec<u8>, Vec<SessionEvent>) {
    let (mut bytes, mut refused) = (Vec::new(), Vec::new());
    let ToRunner::Run(mut batch) = command else {
        // A stop names at most every queued task: a few hundred KiB, far below a frame.
        const { assert!(MAX_QUEUED * 10 < frame::FRAME_BYTES) };
        return (encode(&command).unwrap_or_default(), refused);
    };
    while !batch.is_empty() {
        let rest = batch.split_off(batch.len().min(RUN_CHUNK));
        encode_tasks(batch, &mut bytes, &mut refused);
        batch = rest;
    }
    (bytes, refused)
}

/// Halves a batch until its parts fit frames.
fn encode_tasks(mut batch: Vec<(u64, ActionPlan)>, bytes: &mut Vec<u8>, refused: &mut Vec<SessionEvent>) {
    let run = ToRunner::Run(batch);
    let encoded = encode(&run);
    let ToRunner::Run(mut whole) = run else { return };
    match encoded {
        Ok(frame) => bytes.extend_from_slice(&frame),
        Err(_) if whole.len() > 1 => {
            batch = whole.split_off(whole.len() / 2);
            encode_tasks(whole, bytes, refused);
            encode_tasks(batch, bytes, refused);
        }
        Err(error) => refused.extend(whole.iter().map(|(tag, action)| SessionEvent::Ended {
            tag: *tag,
            end: ActionEnd::NotStarted {
                reason: format!("the command line and files of {} are too large: {error}", action.program),
                missing: false,
            },
            run_micros: 0,
        })),
    }
}

/// Starts the session's runner, unless one waits for it.
fn start(session: &Session) -> Result<Runner, String> {
    if cfg!(not(target_os = "linux")) {
        return Err("programs cannot be run on this system yet".to_owned());
    }
    if let Some(runner) = session.spare().and_then(Spare::take) {
        return Ok(runner);
    }
    let (program, args) = command_line(session)?;
    Runner::start(&program, &args, &session.plan.folder)
}

/// What starts the runner: itself, or what puts it into namespaces of its own.
///
/// That ends with the thread that started it: one of the runtime's, which lives as long as this node.
fn command_line(session: &Session) -> Result<(PathBuf, Vec<OsString>), String> {
    let Some((program, args)) = session.config.runner.split_first() else {
        return Err("no runner is configured for sessions".to_owned());
    };
    #[cfg(target_os = "linux")]
    if let Some(access) = session.plan.access.as_ref().filter(|access| access.alone) {
        if let Some(above) = session.plan.folder.parent() {
            let made = std::fs::create_dir_all(above);
            made.map_err(|error| format!("the folder {} could not be made: {error}", above.display()))?;
        }
        return crate::namespaces::command_line(&session.plan, access, &session.config);
    }
    Ok((program.into(), args.to_vec()))
}

fn broken_reason(error: Option<&FrameError>, status: Option<ExitStatus>) -> String {
    match (error, status) {
        (Some(error), _) => format!("the session's runner was not understood: {error}"),
        (None, Some(status)) => format!("the session's runner died ({status})"),
        (None, None) => "the session's runner fell silent".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_too_large_for_a_frame_is_refused_alone() {
        let small = ActionPlan { program: "true".into(), ..ActionPlan::default() };
        let large = ActionPlan { args: vec!["x".repeat(frame::FRAME_BYTES)], ..small.clone() };
        let (bytes, refused) = encode_command(ToRunner::Run(vec![(1, small.clone()), (2, large), (3, small)]));
        assert!(matches!(refused[..], [SessionEvent::Ended { tag: 2, .. }]), "{refused:?}");
        let mut frames = Frames::default();
        frames.push(&bytes);
        let mut tags = Vec::new();
        while let Some(ToRunner::Run(batch)) = frames.next().unwrap() {
            tags.extend(batch.into_iter().map(|(tag, _)| tag));
        }
        assert_eq!(tags, [1, 3]);
    }
}
