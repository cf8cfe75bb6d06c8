//! Answers at the door.

use std::collections::BTreeMap;

use gridwell_api::{
    ApiError, ChangeView, DoctorView, ErrorCode, Finding, LogsRequest, Request, Response, SetRequest, TargetRequest,
};
use gridwell_ledger::{Input as LedgerInput, Refusal};
use gridwell_model::{JobId, TaskKey, TaskRef, TaskSpan};
use tokio::sync::{mpsc, oneshot};

use super::{Core, facts::Reply, journal::Wish, steward::spans_of};
use crate::{
    clock,
    handle::{Ask, LogStream},
    logs::{READER_PIECES, Reading},
};

impl Core {
    pub(crate) fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Call(request, reply) => self.answer(*request, reply),
            Ask::Events(cursor, reply) => {
                let snapshot = self.snapshot();
                let _gone = reply.send(self.events.listen(cursor, || snapshot));
            }
            Ask::Logs(request, reply) => self.read_logs(&request, reply),
        }
    }

    fn answer(&mut self, request: Request, reply: Reply) {
        let answer = match request {
            Request::Inspect(request) => return self.inspect(request, reply),
            Request::Submit(request) => return self.submit(request, reply),
            Request::Cancel(target) => {
                let stamp = clock::stamp();
                return self.change(&target, reply, |job, tasks| LedgerInput::Cancel { job, tasks, stamp });
            }
            Request::Retry(target) => {
                return self.change(&target, reply, |job, tasks| LedgerInput::Retry { job, tasks });
            }
            Request::Hold(target) => {
                return self.change(&target, reply, |job, tasks| match tasks {
                    Some(tasks) => LedgerInput::HoldTasks { job, tasks },
                    None => LedgerInput::HoldJob { job },
                });
            }
            Request::Release(target) => {
                return self.change(&target, reply, |job, tasks| match tasks {
                    Some(tasks) => LedgerInput::ReleaseTasks { job, tasks },
                    None => LedgerInput::ReleaseJob { job },
                });
            }
            Request::Priority(request) => {
                if !(-100..=100).contains(&request.priority) {
                    let message = format!("priority {} is not between -100 and 100", request.priority);
                    let _gone = reply.send(Err(ApiError::new(ErrorCode::BadValue, message)));
                    return;
                }
                let target = TargetRequest { target: request.job };
                let priority = request.priority;
                return self.change(&target, reply, |job, _| LedgerInput::SetPriority { job, priority });
            }
            Request::Join(request) => return self.join(&request.link, reply),
            Request::Invite(request) => return self.invite(&request, reply),
            Request::Status => Ok(Response::Status(self.status())),
            Request::Jobs(request) => Ok(Response::Jobs(self.job_views(&request))),
            Request::Job(request) => self.find(&request.job).and_then(|(job, _)| {
                let detail = self.job_detail(job).ok_or_else(|| unknown_job(&request.job))?;
                Ok(Response::Job(Box::new(detail)))
            }),
            Request::Tasks(request) => {
                self.find(&request.target).map(|(job, task)| Response::Tasks(self.task_page(job, task, &request)))
            }
            Request::Why(target) => self.find(&target.target).and_then(|(job, task)| {
                let why = self.why(job, task).ok_or_else(|| unknown_job(&target.target))?;
                Ok(Response::Why(Box::new(why)))
            }),
            Request::Machines => Ok(Response::Machines(self.machine_views())),
            Request::Links => Ok(Response::Links(self.link_views())),
            Request::Doctor => Ok(Response::Doctor(self.doctor())),
            Request::Set(request) => self.set(request),
        };
        // The asker has gone: nobody waits for the answer.
        let _gone = reply.send(answer);
    }

    /// Carries out a command on a job or a task; the answer goes back once it is written down.
    fn change(
        &mut self,
        target: &TargetRequest,
        reply: Reply,
        command: impl FnOnce(JobId, Option<BTreeMap<u32, gridwell_model::TaskSpans>>) -> LedgerInput,
    ) {
        let changed = self.find(&target.target).and_then(|(job, task)| {
            let tasks =
                task.map(|task| BTreeMap::from([(task.step, spans_of(TaskSpan::new(task.index, task.index + 1)))]));
            self.ledger.handle(command(job, tasks), clock::now()).map_err(|refusal| refused(&refusal))?;
            Ok(job)
        });
        let job = match changed {
            Ok(job) => job,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let mut tasks = 0;
        while let Some(effect) = self.ledger.poll_effect() {
            if let gridwell_ledger::Effect::TasksChanged { span, .. } = &effect {
                tasks += u64::from(span.len());
            }
            self.journal.wish(effect);
        }
        self.journal.then(Wish::Answer(Box::new(move |core, written| {
            let answer = match (written, core.job_view(job)) {
                (Err(error), _) => {
                    Err(ApiError::new(ErrorCode::Storage, format!("the change could not be written down: {error}")))
                }
                (Ok(()), Some(view)) => Ok(Response::Changed(Box::new(ChangeView { job: view, tasks }))),
                (Ok(()), None) => Err(unknown_job(&job.to_string())),
            };
            let _gone = reply.send(answer);
        })));
    }

    /// The job (and task) that a person's text names.
    fn find(&self, text: &str) -> Result<(JobId, Option<TaskKey>), ApiError> {
        let named: TaskRef = text.parse()?;
        let mut found = self.homes.keys().filter(|job| job.to_string().starts_with(&named.job));
        let job = match (found.next(), found.next()) {
            (Some(job), None) => *job,
            (None, _) => return Err(unknown_job(&named.job)),
            (Some(_), Some(_)) => {
                let message = format!("several jobs start with '{}'", named.job);
                return Err(ApiError::new(ErrorCode::AmbiguousJob, message).help("give more letters of its id"));
            }
        };
        if let Some(task) = named.task {
            let steps = &self.homes[&job].spec.steps;
            if steps.get(task.step as usize).is_none_or(|step| task.index >= step.task_count) {
                let message = format!("job {} has no task {task}", named.job);
                return Err(ApiError::new(ErrorCode::UnknownTask, message).help("list them with: gridwell tasks JOB"));
            }
        }
        Ok((job, named.task))
    }

    fn set(&mut self, request: SetRequest) -> Result<Response, ApiError> {
        let bad = request.labels.iter().find(|(key, value)| {
            let word = |text: &str| !text.is_empty() && text.len() <= 100 && !text.contains(char::is_control);
            !word(key) || value.as_ref().is_some_and(|value| !word(value))
        });
        if let Some((key, _)) = bad {
            return Err(ApiError::new(ErrorCode::BadValue, format!("label '{key}' is empty, too long or unprintable")));
        }
        let settings = self.machines.settings_mut();
        if let Some(lend) = request.lend {
            settings.lend = lend;
        }
        for (key, value) in request.labels {
            match value {
                Some(value) => settings.labels.insert(key, value),
                None => settings.labels.remove(&key),
            };
        }
        self.lending_changed();
        self.machine_view(self.me)
            .map(|view| Response::Machine(Box::new(view)))
            .ok_or_else(|| ApiError::bug("this machine is unknown to itself"))
    }

    fn read_logs(&mut self, request: &LogsRequest, reply: oneshot::Sender<Result<LogStream, ApiError>>) {
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
            written,
            ended,
            out,
            label: Box::new(move |task| plan.task_label(task.step, task.index)),
            machine: Box::new(move |task, _| machines.get(&task).cloned().unwrap_or_default()),
        };
        self.beside.spawn(reading.run());
        Ok(stream)
    }

    /// Names of the machines that had the tasks last; for one task, or the first thousand of a job.
    fn task_machines(&self, job: JobId, task: Option<TaskKey>) -> BTreeMap<TaskKey, String> {
        let (from, limit) = task.map_or((TaskKey { step: 0, index: 0 }, 1_000), |task| (task, 1));
        let tasks = self.ledger.tasks(job, from, limit, |_| true);
        tasks.into_iter().filter_map(|task| Some((task.key, self.machines.name(task.peer?)))).collect()
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
                super::Fact::LogsWritten(number)
            });
        }
    }

    pub(crate) fn send_log(&mut self, steward: gridwell_model::PeerId, chunk: gridwell_wire::LogChunk) {
        if steward == self.me {
            self.on_log(chunk);
        } else if self.logs.has_backlog(steward) {
            self.logs.keep(steward, chunk);
        } else {
            let message = gridwell_wire::Message::Log(chunk);
            if let Err(gridwell_net::SendError::Crowded { .. }) = self.net.send(steward, &message)
                && let gridwell_wire::Message::Log(chunk) = message
            {
                self.logs.keep(steward, chunk);
            }
        }
    }

    pub(crate) fn on_log(&mut self, chunk: gridwell_wire::LogChunk) {
        let ours = self.homes.get(&chunk.job).is_some_and(|home| {
            home.spec.steps.get(chunk.task.step as usize).is_some_and(|step| chunk.task.index < step.task_count)
        });
        if ours && self.logs.gather(chunk) {
            self.flush_logs();
        }
    }

    fn doctor(&self) -> DoctorView {
        let mut findings = vec![self.socket_finding()];
        findings.push(self.address_finding());
        findings.extend(self.tool_findings());
        findings.push(self.disk_finding());
        findings.extend(self.peer_findings());
        DoctorView { findings }
    }

    fn socket_finding(&self) -> Finding {
        let sentence = format!("the node answers in {}", self.data.display());
        Finding { what: "node".into(), ok: true, sentence, next_step: String::new() }
    }

    fn address_finding(&self) -> Finding {
        let addresses = self.membership.addresses();
        let local = addresses.iter().all(|address| address.starts_with("127.") || address.starts_with("[::1]"));
        let (ok, sentence, next_step) = if addresses.is_empty() {
            (false, "it listens on no address".to_owned(), "start it with --listen 0.0.0.0:7766")
        } else if local {
            let sentence = format!("only programs on this machine reach it, on {}", addresses.join(", "));
            (true, sentence, "start it with --listen 0.0.0.0:7766 to let other machines in")
        } else {
            (true, format!("other machines reach it on {}", addresses.join(", ")), "")
        };
        Finding { what: "addresses".into(), ok, sentence, next_step: next_step.into() }
    }

    fn tool_findings(&self) -> Vec<Finding> {
        let tools = &self.machines.hardware().tools;
        ["blender", "ffmpeg", "povray", "python3"]
            .into_iter()
            .map(|name| match tools.iter().find(|tool| tool.name == name) {
                Some(tool) => Finding {
                    what: format!("tool {name}"),
                    ok: true,
                    sentence: format!("{name} {} in {}", tool.version, tool.path),
                    next_step: String::new(),
                },
                None => Finding {
                    what: format!("tool {name}"),
                    ok: false,
                    sentence: format!("{name} was not found: jobs that need it go to other machines"),
                    next_step: format!("install {name}, then restart the node"),
                },
            })
            .collect()
    }

    fn disk_finding(&self) -> Finding {
        let free = self.machines.load().disk_free_bytes;
        let ok = free > 1_000_000_000;
        Finding {
            what: "disk".into(),
            ok,
            sentence: format!("{} free where the data folder lies", gridwell_model::format_bytes(free)),
            next_step: if ok { String::new() } else { "make room, or move the data folder with --data".into() },
        }
    }

    fn peer_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (peer, machine) in self.machines.others() {
            let name = self.machines.name(*peer);
            let link = self.link_view(*peer);
            let (sentence, next_step) = if machine.online {
                let rtt =
                    link.and_then(|link| link.rtt_ms).map(|rtt| format!(", {rtt:.1} ms away")).unwrap_or_default();
                (format!("{name} is linked{rtt}"), String::new())
            } else {
                let why = link.map(|link| link.last_error).filter(|error| !error.is_empty());
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                (
                    format!("{name} is not reachable{why}"),
                    format!("check that {name} is awake, runs gridwell, and that no firewall blocks its port"),
                )
            };
            findings.push(Finding { what: format!("machine {name}"), ok: machine.online, sentence, next_step });
            let ahead = machine.clock_ahead_ms / 1_000;
            if machine.online && ahead.abs() > 60 {
                findings.push(Finding {
                    what: format!("clock of {name}"),
                    ok: false,
                    sentence: format!(
                        "its clock is {} s {} this machine's",
                        ahead.abs(),
                        if ahead > 0 { "ahead of" } else { "behind" }
                    ),
                    next_step: format!("set the clock of {name} or of this machine; invites expire by it"),
                });
            }
        }
        findings
    }
}

fn unknown_job(text: &str) -> ApiError {
    ApiError::new(ErrorCode::UnknownJob, format!("no job '{text}' on this machine"))
        .help("list them with: gridwell jobs")
}

fn refused(refusal: &Refusal) -> ApiError {
    let code = match refusal {
        Refusal::UnknownJob { .. } => ErrorCode::UnknownJob,
        Refusal::UnknownTask { .. } => ErrorCode::UnknownTask,
        Refusal::AlreadyEnded { .. } | Refusal::NothingToRetry { .. } | Refusal::NotEnded { .. } => {
            ErrorCode::WrongState
        }
        Refusal::KnownJob { .. } | Refusal::BadSpec { .. } => ErrorCode::TemplateRefused,
    };
    ApiError::new(code, refusal.to_string())
}
