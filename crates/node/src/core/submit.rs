//! From a request to jobs in the ledger.

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use gridwell_api::{ApiError, DraftMachine, DraftView, ErrorCode, NoticeKind, NoticeLevel, Response, SubmitRequest};
use gridwell_ledger::Input as LedgerInput;
use gridwell_model::{JobId, Needs};
use gridwell_store::{KEPT_KEYS, SubmitKey};

use super::{Core, Fact, Imported, facts::Reply, journal::Wish, steward::Home, views::task_word, words::number};
use crate::{
    clock,
    disk::{Blender, Disk, Learnt},
    intake,
};

/// Longest key of a submission, in bytes.
const KEY_BYTES: usize = 64;

/// Which jobs a key started, so that asking again starts nothing, also after a restart.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    kept: VecDeque<SubmitKey>,
}

impl From<Vec<SubmitKey>> for Keys {
    fn from(kept: Vec<SubmitKey>) -> Self {
        Self { kept: kept.into() }
    }
}

impl Keys {
    fn get(&self, key: &str) -> Option<&[JobId]> {
        self.kept.iter().find(|known| known.key == key).map(|known| known.jobs.as_slice())
    }

    fn keep(&mut self, key: SubmitKey) {
        if self.kept.len() == KEPT_KEYS {
            self.kept.pop_front();
        }
        self.kept.push_back(key);
    }
}

impl Core {
    pub(crate) fn inspect(&self, request: SubmitRequest, reply: Reply) {
        if let Err(error) = self.check_named(&request.on) {
            let _gone = reply.send(Err(error));
            return;
        }
        let recipes = self.machines.recipes();
        let disk = Disk::new(self.scenes.clone());
        let tool = self.machines.hardware().tools.iter().find(|tool| tool.name == "blender" && request.ask_tool);
        let blender = tool.map(|tool| Blender { program: PathBuf::from(&tool.path), asking: Arc::clone(&self.asking) });
        self.spawn(async move {
            // Several windows may ask; one Blender at a time takes enough of the machine.
            let _turn = match &blender {
                Some(blender) => Arc::clone(&blender.asking).acquire_owned().await.ok(),
                None => None,
            };
            let drafted = tokio::task::spawn_blocking(move || {
                let disk = disk.asking(blender);
                (intake::inspect(&request, &recipes, &disk), disk.learnt())
            });
            let (drafts, learnt) =
                drafted.await.unwrap_or_else(|error| (Err(ApiError::bug(error.to_string())), Learnt::default()));
            Fact::Drafted(drafts, learnt, reply)
        });
    }

    /// Adds what only the grid knows: which machines would do.
    pub(crate) fn on_drafted(
        &mut self,
        drafts: Result<Vec<(DraftView, Needs)>, ApiError>,
        learnt: Learnt,
        reply: Reply,
    ) {
        self.scenes.keep(learnt);
        let answer = drafts.map(|drafts| {
            let complete = |(draft, needs)| DraftView { machines: self.fits(&needs), ..draft };
            Response::Drafts(drafts.into_iter().map(complete).collect())
        });
        let _gone = reply.send(answer);
    }

    /// A misspelt machine would leave a job waiting for ever: each must name at least one member.
    fn check_named(&self, on: &[String]) -> Result<(), ApiError> {
        let names = |word: &String| {
            self.members().any(|peer| {
                self.machines.name(peer).eq_ignore_ascii_case(word) || peer.to_string().starts_with(word.as_str())
            })
        };
        match on.iter().find(|word| word.is_empty() || !names(word)) {
            None => Ok(()),
            Some(word) => Err(self.unknown_machine(word)),
        }
    }

    fn fits(&self, needs: &Needs) -> Vec<DraftMachine> {
        let mine = self.announcement();
        let others = self.machines.others().iter().filter(|(_, machine)| machine.online);
        let others = others.filter_map(|(peer, machine)| Some((*peer, machine.announced.as_ref()?)));
        std::iter::once((self.me, &mine))
            .chain(others)
            .map(|(peer, announced)| {
                let name = self.machines.name(peer);
                let capabilities = announced.hardware.capabilities(&announced.labels);
                let unmet = needs.unmet(&capabilities, &name, &peer.to_string());
                let mut reasons: Vec<_> = unmet.iter().map(ToString::to_string).collect();
                if !announced.accepts {
                    reasons.push(announced.why_not.clone());
                }
                DraftMachine { name, fits: unmet.is_empty(), reasons }
            })
            .collect()
    }

    pub(crate) fn submit(&mut self, request: SubmitRequest, reply: Reply) {
        if request.key.as_ref().is_some_and(|key| key.len() > KEY_BYTES) {
            let message = format!("the key is longer than {KEY_BYTES} bytes");
            let _gone = reply.send(Err(ApiError::new(ErrorCode::BadValue, message)));
            return;
        }
        if let Some(jobs) = self.submitted_before(request.key.as_deref()) {
            self.answer_submitted(jobs, Vec::new(), reply);
            return;
        }
        if let Err(error) = self.check_named(&request.on) {
            let _gone = reply.send(Err(error));
            return;
        }
        let import = intake::Import {
            recipes: self.machines.recipes(),
            scenes: self.scenes.clone(),
            store: self.store.clone(),
            origin: self.me,
            stamp: clock::stamp(),
        };
        self.spawn(async move {
            let key = request.key.clone();
            Fact::Imported(import.run(request).await, reply, key)
        });
    }

    /// The jobs that a submission with this key started.
    fn submitted_before(&self, key: Option<&str>) -> Option<Vec<JobId>> {
        self.submitted.get(key?).map(<[JobId]>::to_vec)
    }

    pub(crate) fn on_imported(&mut self, jobs: Result<Vec<Imported>, ApiError>, reply: Reply, key: Option<String>) {
        // Asked again while the first one was still being read.
        if let Some(known) = self.submitted_before(key.as_deref()) {
            self.drop_imported(jobs.unwrap_or_default());
            self.answer_submitted(known, Vec::new(), reply);
            return;
        }
        let added = jobs.and_then(|jobs| {
            let mut warnings = Vec::new();
            let mut ids = Vec::with_capacity(jobs.len());
            for job in jobs {
                warnings.extend(job.warnings.iter().cloned());
                ids.push(self.add(job)?);
            }
            Ok((ids, warnings))
        });
        let (ids, warnings) = match added {
            Ok(added) => added,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        ids.iter().for_each(|job| self.tell_start(*job));
        while let Some(effect) = self.ledger.poll_effect() {
            self.journal.wish(effect);
        }
        if let Some(key) = key {
            let key = SubmitKey { key, jobs: ids.clone() };
            self.submitted.keep(key.clone());
            self.journal.then(Wish::Key(key));
        }
        self.answer_submitted(ids, warnings, reply);
    }

    fn tell_start(&mut self, job: JobId) {
        let Some(home) = self.homes.get(&job) else {
            return;
        };
        let tasks = number(home.spec.task_count(), task_word(&home.spec.parameters));
        let sentence = format!("{} was started: {tasks}", home.spec.name);
        self.notice(NoticeKind::JobStarted, NoticeLevel::Info, sentence, Some(job), None);
    }

    /// The ids go back only once the journal has the jobs.
    fn answer_submitted(&mut self, ids: Vec<JobId>, warnings: Vec<String>, reply: Reply) {
        self.journal.then(Wish::Answer(Box::new(move |core, written| {
            let answer = match written {
                Ok(()) => return core.answer_when_copied(ids, warnings, reply),
                Err(error) => {
                    Err(ApiError::new(ErrorCode::Storage, format!("the job could not be written down: {error}"))
                        .help("make room on the disk of the data folder; the job starts by itself then, or cancel it"))
                }
            };
            let _gone = reply.send(answer);
        })));
    }

    /// Lets go what was kept for jobs that do not start.
    fn drop_imported(&self, jobs: Vec<Imported>) {
        let blobs = self.store.blobs().clone();
        self.beside.spawn(async move {
            for job in jobs {
                if let Err(error) = blobs.unpin_job(job.spec.id).await {
                    tracing::warn!(%error, job = %job.spec.id, "inputs of a job that did not start stay pinned");
                }
            }
        });
    }

    fn add(&mut self, job: Imported) -> Result<JobId, ApiError> {
        let id = job.spec.id;
        let spec = job.spec;
        let home = Home::new(&self.store, Arc::clone(&spec), job.plan, (job.spec_blob, job.spec_bytes));
        home.in_the_way.send_replace(job.in_the_way);
        self.homes.insert(id, home);
        let input = LedgerInput::JobAdded { spec: Box::new((*spec).clone()), priority: job.priority, held: job.held };
        if let Err(refusal) = self.ledger.handle(input, clock::now()) {
            self.homes.remove(&id);
            return Err(ApiError::new(ErrorCode::TemplateRefused, refusal.to_string()));
        }
        if !job.reused.is_empty() {
            let input = LedgerInput::TasksReused { job: id, tasks: job.reused, stamp: spec.submitted };
            self.ledger.handle(input, clock::now()).expect("a fact is never refused");
        }
        self.prove(id, job.landed);
        tracing::info!(job = %id, name = spec.name, tasks = spec.task_count(), "job added");
        Ok(id)
    }
}
