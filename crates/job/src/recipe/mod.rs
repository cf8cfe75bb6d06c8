//! Recipes: what a dropped file becomes, and how to read what its program says.
//!
//! A recipe is a TOML file with an Open Job Description template beside it; `docs/recipes.md` describes the format. The
//! built-in ones are embedded; people and add-ons hand in more, which are asked first.

mod builtin;
mod error;
mod format;
mod load;
mod matching;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gridwell_model::{Needs, Preference, SessionSpec};

pub use error::RecipeError;
pub use format::{Proof, Reader, Verdict};
pub use matching::Seen;

use crate::progress::LineRules;

/// What one kind of file becomes.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Unique among the recipes of its origin; kept in the job.
    pub name: String,
    /// For people: `Blender scene`.
    pub title: String,
    /// Higher is asked first.
    pub priority: i32,
    /// How the dropped thing is looked at.
    pub reader: Reader,
    /// The template's file name, for errors.
    pub template_file: String,
    /// The template's text, YAML or JSON; empty when the dropped thing brings its own.
    pub template: String,
    /// The program it needs; none when `gridwell` itself does the work.
    pub tool: Option<String>,
    /// Requirements: the tool's and those the recipe states.
    pub needs: Needs,
    /// Wishes.
    pub prefers: Vec<Preference>,
    /// What its sessions are like.
    pub session: SessionSpec,
    /// What it says about output lines.
    pub lines: Arc<LineRules>,
    /// What proves a run good.
    pub proof: Proof,
    /// A run that ends well in less time did not do its work, and what it is then.
    pub too_fast: Option<(Duration, Verdict)>,
    /// Its tasks are parts of one thing, so they run only where its tool is the same version and build.
    pub same_look: bool,
    /// Names of steps that read what earlier steps landed, and so run at the origin.
    pub steps_at_origin: Vec<String>,
    /// More requirements, by name of the step that has them.
    pub step_needs: BTreeMap<String, Needs>,
    pub(crate) matches: matching::Matches,
    pub(crate) job_name: String,
    pub(crate) output_folder: String,
    pub(crate) output_globs: Vec<String>,
    pub(crate) frames: Option<FramesRule>,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) variants: Vec<Variant>,
}

/// Another template of the same recipe, used when a person gives a certain parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) parameter: String,
    pub(crate) template_file: String,
    pub(crate) template: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) steps_at_origin: Vec<String>,
}

/// How a recipe deals with frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FramesRule {
    /// Used when neither the file nor a person says anything.
    pub(crate) default: Option<String>,
    /// Lowest frame its program renders.
    pub(crate) minimum: i64,
    /// Highest frame its program renders.
    pub(crate) maximum: i64,
}

/// A recipe from outside: its file name, its text, and the texts of the template files beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecipeText {
    /// Shown in errors.
    pub file: String,
    /// TOML.
    pub text: String,
    /// Template texts by file name.
    pub templates: BTreeMap<String, String>,
}

/// All recipes, in the order in which they are asked.
#[derive(Debug, Clone)]
pub struct Recipes {
    all: Vec<Recipe>,
}

impl Recipes {
    /// The built-in recipes only.
    ///
    /// # Panics
    ///
    /// Never: a test loads every built-in recipe.
    #[must_use]
    pub fn builtin() -> Self {
        Self::new(&[]).expect("a test loads every built-in recipe")
    }

    /// `user` recipes before the built-in ones; within each, by priority (highest first), then in the order given.
    ///
    /// # Errors
    ///
    /// [`RecipeError`] naming file and line of the first broken one; nothing is skipped silently.
    pub fn new(user: &[RecipeText]) -> Result<Self, RecipeError> {
        let mut all = load::load_all(user)?;
        all.extend(load::load_all(&builtin::texts())?);
        Ok(Self { all })
    }

    /// The first recipe that fits what was seen.
    #[must_use]
    pub fn find(&self, seen: &Seen) -> Option<&Recipe> {
        self.all.iter().find(|recipe| recipe.matches.fit(seen))
    }

    /// The first recipe of that name: what a worker needs to read output lines of a job.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Recipe> {
        self.all.iter().find(|recipe| recipe.name == name)
    }

    /// All of them, in order.
    #[must_use]
    pub fn all(&self) -> &[Recipe] {
        &self.all
    }
}

#[cfg(test)]
mod tests;
