//! What programs write: on its way to stewards, into the store, and to readers.

use std::collections::BTreeMap;

use gridwell_api::{ApiError, ErrorCode, LogPage, LogPageRequest, LogsRequest, Response};
use gridwell_model::{Fence, JobId, LeaseId, PeerId, TaskKey};
use gridwell_net::SendError;
use gridwell_store::{LogPart, LogPartQuery, Store};
use gridwell_wire::{LogChunk, Message};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Core, Fact, door::storage, facts::Reply};
use crate::{
    clock,
    handle::LogStream,
    logs::{READER_PIECES, Reading},
};

impl Core {
    pub(super) fn read_logs(&mut self, request: &LogsRequest, reply: oneshot::Sender<Result<LogStream, ApiError>>) {
        let _gone = reply.send(self.open_log(request));
    }

    fn open_log(&mut self, request: &LogsRequest) -> Result<LogStream, ApiError> {
        let (job, task) = self.find(&request.target)?;
        let ended = match task {
            Some(key) => self.ledger.tasks(job, key, 1, |_| true).first().is_some_and(|task| task.state.is_ended()),
            None => self.ledger.summary(job, clock::now()).is_some_and(|summary| summary.state.is_ended()),
        };
        self.flush_logs();
        let (written, ended) = self.logs.watch(job, task, ended || !request.follow);
        let (out, stream) = mpsc::channel(READER_PIECES);
        let plan = self.homes[&job].plan.clone();
        let machines = self.task_machines(job, task);
        let reading = Reading {
            store: self.store.clone(),
            job,
            task,
            skip_bytes: request.after,
            tail_bytes: request.tail,
            written,
            ended,
            out,
            label: Box::new(move |task| plan.task_label(task.step, task.index)),
            machine: Box::new(move |task, fence| {
                machines.get(&task).filter(|(last, _)| *last == fence).map(|(_, name)| name.clone()).unwrap_or_default()
            }),
        };
        self.beside.spawn(reading.run());
        Ok(stream)
    }

    /// Last attempts of tasks with the names of their machines; for one task, or the first thousand of a job.
    fn task_machines(&self, job: JobId, task: Option<TaskKey>) -> BTreeMap<TaskKey, (Fence, String)> {
        let (from, limit) = task.map_or((TaskKey { step: 0, index: 0 }, 1_000), |task| (task, 1));
        let tasks = self.ledger.tasks(job, from, limit, |_| true);
        tasks.into_iter().filter_map(|task| Some((task.key, (task.fence, self.machines.name(task.peer?))))).collect()
    }

    /// Answers with a part of one task's log, read beside the loop once everything gathered so far is written.
    pub(super) fn log_page(&mut self, request: &LogPageRequest, reply: Reply) {
        let found = self.find(&request.target).and_then(|(job, task)| {
            let steps = &self.homes[&job].spec.steps;
            let only = TaskKey { step: 0, index: 0 };
            let is_single = steps.len() == 1 && steps[0].task_count == 1;
            let task = task.or(is_single.then_some(only)).ok_or_else(|| {
                let message = format!("job {job} has many tasks, and each has a log of its own");
                ApiError::new(ErrorCode::BadReference, message).help("name a task: JOB.INDEX")
            })?;
            Ok((job, task))
        });
        let (job, task) = match found {
            Ok(found) => found,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let view = self.ledger.tasks(job, task, 1, |_| true).into_iter().find(|view| view.key == task);
        let query = LogPartQuery {
            job,
            task,
            fence: view.map(|view| view.fence).unwrap_or_default(),
            attempt: request.attempt,
            from: request.from,
            limit_bytes: u64::from(match request.limit {
                0 => LogPageRequest::MAX_BYTES,
                asked => asked.min(LogPageRequest::MAX_BYTES),
            }),
        };
        self.flush_logs();
        let (written, last) = self.logs.watch(job, Some(task), true);
        let store = self.store.clone();
        self.beside.spawn(async move {
            let page = read_page(&store, query, written, last).await;
            let _gone = reply.send(page.map(Response::Log));
        });
    }

    /// Writes what was gathered, and tries again what stewards could not take.
    pub(crate) fn flush_logs(&mut self) {
        let lines = self.logs.take();
        for steward in self.outgoing.waiting() {
            self.send_logs(steward);
        }
        if let Some((number, lines)) = lines {
            let store = self.store.clone();
            self.spawn(async move {
                if let Err(error) = store.append_logs(lines).await {
                    tracing::warn!(%error, "output of programs was not kept");
                }
                Fact::LogsWritten(number)
            });
        }
    }

    /// Sends what a task of a guest wrote to its steward.
    pub(super) fn send_log(&mut self, steward: PeerId, lease: LeaseId, task: TaskKey, bytes: Vec<u8>) {
        let chunk = self.outgoing.number(steward, (lease, task), bytes);
        if steward == self.me {
            return self.on_log(chunk);
        }
        let crowded = self.outgoing.waits_for(steward);
        self.outgoing.keep(steward, chunk);
        if !crowded {
            self.send_logs(steward);
        }
    }

    /// Sends what waits for a steward. Without a way it waits until the steward, or whoever follows it, can be reached.
    pub(super) fn send_logs(&mut self, steward: PeerId) {
        let mut outgoing = std::mem::take(&mut self.outgoing);
        outgoing.send(steward, |chunk| {
            if steward == self.me {
                self.on_log(chunk);
                return true;
            }
            match self.send(steward, &Message::Log(chunk)) {
                Ok(()) => true,
                Err(error) => {
                    if matches!(error, SendError::Crowded { .. }) {
                        self.logs.flush_soon();
                    }
                    false
                }
            }
        });
        self.outgoing = outgoing;
    }

    pub(crate) fn on_log(&mut self, chunk: LogChunk) {
        let ours = self.homes.get(&chunk.job).is_some_and(|home| {
            home.spec.steps.get(chunk.task.step as usize).is_some_and(|step| chunk.task.index < step.task_count)
        });
        if ours && self.logs.gather(chunk) {
            self.flush_logs();
        }
    }
}

/// Reads a part of a log once it is written up to its `last` flush.
async fn read_page(
    store: &Store,
    query: LogPartQuery,
    mut written: watch::Receiver<u64>,
    last: watch::Receiver<Option<u64>>,
) -> Result<LogPage, ApiError> {
    let last = last.borrow().unwrap_or(0);
    // The node stops: what is written by now is all there will be.
    drop(written.wait_for(|written| *written >= last).await);
    let part = store.read_log_part(query).await.map_err(|error| storage(&error))?;
    let LogPart { task, attempt, attempts, from, total_bytes, bytes } = part.ok_or_else(|| {
        let which = query.attempt.map(|attempt| format!(", attempt {attempt},")).unwrap_or_default();
        let message = format!("there is no log of task {}{which} of job {}", query.task, query.job);
        ApiError::new(ErrorCode::NoLogs, message)
            .help("it has not run yet, it wrote nothing, or its log made room for others")
    })?;
    let next = from + bytes.len() as u64;
    Ok(LogPage { task, attempt, attempts, from, total_bytes, bytes, next })
}
