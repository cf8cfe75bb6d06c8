//! What programs write: on its way to stewards, into the store, and to readers.

use std::collections::BTreeMap;

use gridwell_api::{ApiError, LogsRequest};
use gridwell_model::{Fence, JobId, PeerId, TaskKey};
use gridwell_net::SendError;
use gridwell_wire::{LogChunk, Message};
use tokio::sync::{mpsc, oneshot};

use super::{Core, Fact};
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

    /// Writes what was gathered, and tries again what stewards could not take.
    pub(crate) fn flush_logs(&mut self) {
        for (steward, chunks) in self.logs.take_backlog() {
            for chunk in chunks {
                self.send_log(steward, chunk);
            }
        }
        if let Some((number, lines)) = self.logs.take() {
            let store = self.store.clone();
            self.spawn(async move {
                if let Err(error) = store.append_logs(lines).await {
                    tracing::warn!(%error, "output of programs was not kept");
                }
                Fact::LogsWritten(number)
            });
        }
    }

    pub(crate) fn send_log(&mut self, steward: PeerId, chunk: LogChunk) {
        if steward == self.me {
            self.on_log(chunk);
        } else if self.logs.has_backlog(steward) {
            self.logs.keep(steward, chunk);
        } else {
            let message = Message::Log(chunk);
            if let Err(SendError::Crowded { .. }) = self.net.send(steward, &message)
                && let Message::Log(chunk) = message
            {
                self.logs.keep(steward, chunk);
            }
        }
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
