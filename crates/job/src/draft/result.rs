use std::ops::AddAssign;

use gridwell_model::{Needs, Preference, Retry, SessionSpec, StepSpec};

use crate::blend::{BlendCard, ReferenceKind};

/// A job that could be started as it is: what Submit turns into a `JobSpec` and `inspect` shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What people call it.
    pub name: String,
    /// Name of the recipe that made it.
    pub recipe: String,
    /// Open Job Description template, JSON, valid on its own.
    pub template: String,
    /// Values of its parameters, by name, as text.
    pub parameters: Vec<(String, String)>,
    /// Absolute paths of the files it reads, sorted, each once, all found.
    pub inputs: Vec<String>,
    /// Absolute folders into which its outputs land, by position; may not exist yet.
    pub output_folders: Vec<String>,
    /// Patterns of files below a session's working folder that count as outputs of folder 0.
    pub output_globs: Vec<String>,
    /// The template's steps with what a bundle's sidecar adds to each; [`Draft::needs`] and [`Draft::prefers`] come on top.
    pub steps: Vec<StepSpec>,
    /// Priority that a bundle asks for.
    pub priority: Option<i32>,
    /// How failures are treated, if a bundle says so.
    pub retry: Option<Retry>,
    /// What its sessions are like.
    pub session: SessionSpec,
    /// Whether all its tasks must look the same, unless somebody says otherwise.
    pub same_look: bool,
    /// Requirements of every step on top of the template's own: the recipe's tool and what was asked for.
    pub needs: Needs,
    /// Wishes for every step.
    pub prefers: Vec<Preference>,
    /// Names of steps that read what other steps landed (as `RawParam`): they run on the origin's own machine.
    pub steps_at_origin: Vec<String>,
    /// The program that must be installed; none when `gridwell` itself does the work or the command is anything.
    pub tool: Option<String>,
    /// The frames as they will run, when the job has frames: `1-24`.
    pub frames: Option<String>,
    /// Tasks of all steps together, chunks counted as their tasks.
    pub task_count: u64,
    /// Sentences for people: what may go wrong.
    pub warnings: Vec<String>,
    /// What lies beside its inputs in folders that were dropped.
    pub left_out: LeftOut,
    /// Files a scene refers to, by path: those that are here are inputs too.
    pub refers: Vec<SceneFile>,
    /// What a .blend says about itself.
    pub blend: Option<BlendCard>,
    /// More facts for the preview, as label and value.
    pub facts: Vec<(String, String)>,
}

impl Draft {
    /// What a scene refers to and does not find: path, kind, and a file of that name elsewhere.
    pub fn missing(&self) -> impl Iterator<Item = (&str, ReferenceKind, Option<&str>)> {
        self.refers.iter().filter_map(|file| match &file.state {
            SceneFileState::Missing { closest } => Some((file.path.as_str(), file.kind, closest.as_deref())),
            SceneFileState::Here | SceneFileState::Packed => None,
        })
    }

    /// Sentences for people about what is missing, for one who starts it without looking.
    #[must_use]
    pub fn missing_words(&self) -> Vec<String> {
        let named = self.missing().take(MISSING_NAMED);
        let mut words: Vec<_> =
            named.map(|(path, ..)| format!("'{path}' is missing; the scene refers to it")).collect();
        match self.missing().count().saturating_sub(MISSING_NAMED) {
            0 => {}
            1 => words.push("1 more file is missing".to_owned()),
            more => words.push(format!("{more} more files are missing")),
        }
        words
    }
}

/// Most missing files that [`Draft::missing_words`] names.
const MISSING_NAMED: usize = 5;

/// A file that a scene refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SceneFile {
    /// Absolute; as written where it belongs to another system or is not valid UTF-8, and then it is missing.
    pub path: String,
    /// What it is.
    pub kind: ReferenceKind,
    /// Where it is.
    pub state: SceneFileState,
}

/// Whether a file that a scene refers to can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SceneFileState {
    /// It lies where the scene looks for it.
    Here,
    /// It does not.
    Missing {
        /// A file of the same name elsewhere in the scene's folder.
        closest: Option<String>,
    },
    /// Its content lies in the scene's file; whether it also lies outside does not matter.
    Packed,
}

/// What lies in a dropped folder and is not read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Files of other kinds, without hidden ones.
    pub files: u64,
    /// Folders in it, which are not looked into.
    pub folders: u64,
}

impl AddAssign for LeftOut {
    fn add_assign(&mut self, more: Self) {
        self.files += more.files;
        self.folders += more.folders;
    }
}
