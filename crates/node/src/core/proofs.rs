//! Pictures that landed are looked into: black, not a number, cut off, none at all. A finding is a warning; nothing waits for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use gridwell_api::{FileKind, Flaw, FlawView, NoticeKind, NoticeLevel};
use gridwell_model::{JobId, RelPath, TaskKey};
use gridwell_preview::Finding;
use gridwell_store::{LandedFile, Store};

use super::{
    Core, Fact, Home,
    results::{kind_of, place_of},
    words::place_of as words_of,
};

/// Most flawed files of a job that are remembered here: who has more knows enough.
const MOST_FLAWS: u32 = 2_000;

/// The number under which the store keeps that nothing is wrong.
const SOUND: u8 = 1;

/// What is wrong with files of a job, by the task that made them, folder and path.
#[derive(Debug, Default)]
pub(crate) struct Flaws(BTreeMap<(TaskKey, u32, RelPath), Flaw>);

impl Flaws {
    /// What the store remembers.
    pub(crate) async fn load(store: &Store, job: JobId) -> Self {
        let mut flaws = Self::default();
        match store.flawed(job, MOST_FLAWS).await {
            Ok(files) => files.iter().for_each(|file| flaws.add(file)),
            Err(error) => tracing::warn!(%error, %job, "what is wrong with its files cannot be read"),
        }
        flaws
    }

    fn add(&mut self, file: &LandedFile) {
        if let Some(flaw) = flaw_of(file.proof).filter(|_| self.0.len() < MOST_FLAWS as usize) {
            self.0.insert((file.task, file.folder, file.path.clone()), flaw);
        }
    }

    /// Forgets what was wrong with files of these tasks.
    fn forget(&mut self, tasks: &BTreeSet<TaskKey>) {
        self.0.retain(|(task, ..), _| !tasks.contains(task));
    }

    /// What is wrong with files of one task, each kind once.
    pub(super) fn of_task(&self, task: TaskKey) -> Vec<Flaw> {
        let first = (task, 0, RelPath::new("\u{1}").expect("a plain name"));
        let mut flaws: Vec<_> =
            self.0.range(first..).take_while(|((of, ..), _)| *of == task).map(|(_, flaw)| *flaw).collect();
        flaws.sort_unstable();
        flaws.dedup();
        flaws
    }

    pub(super) fn views(&self, home: &Home) -> Vec<FlawView> {
        let mut views: BTreeMap<Flaw, FlawView> = BTreeMap::new();
        for ((task, folder, path), flaw) in &self.0 {
            let first = || FlawView {
                flaw: *flaw,
                count: 0,
                example: *task,
                example_label: home.plan.task_label(task.step, task.index),
                path: words_of(&home.spec, *folder, path),
                tasks: Vec::new(),
            };
            let view = views.entry(*flaw).or_insert_with(first);
            view.count += 1;
            if view.tasks.last() != Some(task) && view.tasks.len() < FlawView::MOST_TASKS {
                view.tasks.push(*task);
            }
        }
        views.into_values().collect()
    }
}

/// What a kept proof says is wrong.
pub(super) const fn flaw_of(proof: u8) -> Option<Flaw> {
    match proof {
        2 => Some(Flaw::Black),
        3 => Some(Flaw::Nan),
        4 => Some(Flaw::Truncated),
        5 => Some(Flaw::Undecodable),
        _ => None,
    }
}

const fn number_of(finding: Finding) -> u8 {
    match finding {
        Finding::Sound => SOUND,
        Finding::Black => 2,
        Finding::Nan => 3,
        Finding::Truncated => 4,
        Finding::Undecodable => 5,
    }
}

impl Core {
    /// Looks into pictures that landed, one after the other beside the loop.
    pub(super) fn prove(&self, job: JobId, files: Vec<LandedFile>) {
        let Some(home) = self.homes.get(&job).filter(|home| home.spec.origin == self.me) else { return };
        let spec = home.spec.clone();
        let pictures = files.into_iter().filter(|file| kind_of(&file.path) == FileKind::Picture);
        let pictures: Vec<(PathBuf, LandedFile)> =
            pictures.filter_map(|file| Some((place_of(&spec, &file)?, file))).collect();
        if pictures.is_empty() {
            return;
        }
        let (previews, store, facts) = (self.previews.clone(), self.store.clone(), self.facts.clone());
        self.spawn(async move {
            let mut proved = Vec::with_capacity(pictures.len());
            for (path, file) in pictures {
                let found = tokio::select! {
                    found = previews.prove(path) => found,
                    // The loop has stopped: what was found so far is kept.
                    () = facts.closed() => break,
                };
                match found {
                    Ok(finding) => proved.push(LandedFile { proof: number_of(finding), ..file }),
                    Err(error) => tracing::debug!(%error, %job, "a picture that landed was not looked into"),
                }
            }
            if let Err(error) = store.record_proofs(job, proved.clone()).await {
                tracing::warn!(%error, %job, "what was found in pictures is not kept");
            }
            Fact::Proved(job, proved)
        });
    }

    pub(crate) fn on_proved(&mut self, job: JobId, proved: &[LandedFile]) {
        let Some(home) = self.homes.get_mut(&job) else { return };
        let was_sound = home.flaws.0.is_empty();
        home.flaws.forget(&proved.iter().map(|file| file.task).collect());
        proved.iter().for_each(|file| home.flaws.add(file));
        let Some(first) = home.flaws.views(home).into_iter().next() else {
            if !was_sound {
                self.job_changed(job);
            }
            return;
        };
        let (label, name) = (&first.example_label, &home.spec.name);
        let sentence = format!("{label} of {name} {}: '{}'", said(first.flaw), first.path);
        if was_sound {
            self.notice(NoticeKind::Results, NoticeLevel::Warning, sentence, Some(job), None);
        }
        self.job_changed(job);
    }
}

const fn said(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Black => "is all black",
        Flaw::Nan => "has values that are not numbers",
        Flaw::Truncated => "ends before its picture does",
        Flaw::Undecodable => "cannot be read as a picture",
    }
}
