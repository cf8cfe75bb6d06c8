//! Answers at the door.

use std::{collections::BTreeMap, sync::Arc};

use gridwell_api::{ApiError, ChangeView, ErrorCode, HoldRequest, Request, Response, TargetRequest};
use gridwell_ledger::{Input as LedgerInput, Refusal};
use gridwell_model::{JobId, TaskKey, TaskRef, TaskSpan};
use gridwell_store::StoreError;

use super::{
    Core,
    facts::Reply,
    journal::Wish,
    steward::{sentence, spans_of},
};
use crate::{clock, handle::Ask};

impl Core {
    pub(crate) fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Call(request, reply) => self.answer(*request, reply),
            Ask::Events(cursor, reply) => {
                let snapshot = self.snapshot();
                let _gone = reply.send(self.events.listen(cursor, || snapshot));
                self.watch_traffic();
                self.sample_as_wanted();
            }
            Ask::Logs(request, reply) => self.read_logs(&request, reply),
            Ask::Find(target, reply) => {
                let named = self.find(&target).map(|(job, task)| (Arc::clone(&self.homes[&job].spec), task));
                let _gone = reply.send(named);
            }
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
            Request::Hold(HoldRequest { target, now }) => {
                let target = TargetRequest { target };
                return self.change(&target, reply, |job, tasks| match tasks {
                    Some(tasks) => LedgerInput::HoldTasks { job, tasks, now },
                    None => LedgerInput::HoldJob { job, now },
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
            Request::Land(request) => return self.land(&request, reply),
            Request::Wake(request) => return self.wake(&request.machine, reply),
            Request::Set(request) => return self.set(request, reply),
            Request::Forgive(request) => self.forgive(&request),
            Request::Join(request) => return self.join(&request.link, reply),
            Request::Invite(request) => return self.invite(&request, reply),
            Request::PairShow(request) => return self.show_code(&request, reply),
            Request::PairHide => return self.hide_code(reply),
            Request::PairCode(request) => return self.enter_by_code(&request, reply),
            Request::PairEnter(request) => return self.enter_by_link(&request, reply),
            Request::PairAnswer(request) => return self.answer_pairing(&request, reply),
            Request::Members => Ok(Response::Members(self.members_view())),
            Request::Role(request) => return self.change_roles(&request, reply),
            Request::Revoke(request) => return self.revoke(&request, reply),
            Request::RecoverSet => return self.set_recovery(reply),
            Request::RecoverConfirm => return self.confirm_recovery(reply),
            Request::Recover(request) => return self.recover(&request, reply),
            Request::Nearby => return self.nearby(reply),
            Request::Pairings => Ok(Response::Pairings(self.pairings())),
            Request::Status => Ok(Response::Status(self.status())),
            Request::Jobs(request) => Ok(Response::Jobs(self.job_views(&request))),
            Request::Copies => return self.list_copies(reply),
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
            Request::DoctorOf(request) => return self.doctor_of(&request, reply),
            Request::Doctor => return self.doctor(reply),
            Request::History(request) => return self.history(&request, reply),
            Request::Results(request) => return self.results(&request, reply),
            Request::Timeline(request) => return self.timeline(&request, reply),
            Request::Activity(request) => return self.activity(&request, reply),
            Request::Log(request) => return self.log_page(&request, reply),
            Request::Layout(request) => return self.layout(&request, reply),
            Request::Behaviour(request) => return self.behaviour(&request, reply),
            Request::Link(request) => return self.change_link(request, None, reply),
            Request::LinkHistory => Ok(Response::LinkHistory(self.link_history())),
            Request::LinkUndo(request) => return self.undo_link_change(&request, reply),
            Request::LinkLimit(request) => return self.limit_link(&request, reply),
            Request::LinkAsks => Ok(Response::LinkAsks(self.link_asks())),
            Request::LinkAnswer(request) => return self.answer_ask(&request, reply),
            Request::HandOver(request) => return self.hand_over(&request, reply),
            Request::Limit(request) => return self.limit(&request, reply),
            Request::Lending(request) => return self.lending(*request, reply),
            Request::Shares => Ok(Response::Shares(self.share_views())),
            Request::ShareAdd(request) => return self.add_share(request, reply),
            Request::ShareRemove(request) => return self.remove_share(&request, reply),
            Request::ShareReplicate(request) => return self.replicate(&request, reply),
            Request::Mount(request) => return self.mount(request, reply),
            Request::Unmount => return self.unmount(reply),
            Request::Mounted => Ok(Response::Mount(self.mount_view())),
            // The handle answers these itself.
            Request::Files(_)
            | Request::File(_)
            | Request::FilePin(_)
            | Request::FileFetch(_)
            | Request::FileFree(_)
            | Request::FileWhere(_)
            | Request::FilePut(_)
            | Request::FileVerify(_) => Err(ApiError::bug("the loop was asked for files")),
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
    pub(super) fn find(&self, text: &str) -> Result<(JobId, Option<TaskKey>), ApiError> {
        let named: TaskRef = text.parse()?;
        let mut found = self.homes.keys().filter(|job| job.to_string().starts_with(&named.job));
        let job = match (found.next(), found.next()) {
            (Some(job), None) => *job,
            (None, _) => return Err(self.not_here(&named.job)),
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

    /// Says with which machine a job is that is not in the hands of this one, if that is known.
    fn not_here(&self, text: &str) -> ApiError {
        let steward = text.parse().ok().and_then(|job| self.deputies.steward_of(job)).filter(|peer| *peer != self.me);
        steward.map_or_else(
            || unknown_job(text),
            |steward| {
                let name = self.machines.name(steward);
                ApiError::new(ErrorCode::UnknownJob, format!("job '{text}' is with {name} now, not with this machine"))
                    .help(format!("ask on {name}: gridwell job {text}"))
            },
        )
    }
}

/// What is kept could not be read or written.
pub(crate) fn storage(error: &StoreError) -> ApiError {
    ApiError::new(ErrorCode::Storage, sentence(error))
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
