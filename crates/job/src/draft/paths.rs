use std::{collections::BTreeMap, io::Read as _, path::PathBuf};

use gridwell_model::StepSpec;

use super::{
    Draft, DraftError, LeftOut, blend,
    commons::Desk,
    folder, openjd,
    path::{self, base, parent, stem},
};
use crate::{
    files::FileKind,
    openjd::{Folders, JobPlan, Template},
    over::{IntRanges, OverError},
    recipe::{Reader, Recipe, RecipeError, Seen},
    sample::{SampleScene, tile_count},
};

/// What paths become, and from which files.
pub(super) struct Found<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) paths: Vec<String>,
    pub(super) left_out: LeftOut,
}

/// Drafts dropped paths: one job each, except that a recipe for many files takes all of its kind together.
pub(super) fn draft_paths(desk: &Desk<'_>, paths: &[PathBuf]) -> Result<Vec<Draft>, DraftError> {
    let mut jobs: Vec<Found<'_>> = Vec::new();
    let mut given = std::collections::BTreeSet::new();
    for one in paths {
        let path = path::absolute(one, &desk.folder)?;
        if !given.insert(path.clone()) {
            return Err(DraftError::Duplicate { path });
        }
        let found = find(desk, path)?;
        let is_alike =
            |job: &&mut Found<'_>| found.recipe.reader == Reader::Files && job.recipe.name == found.recipe.name;
        match jobs.iter_mut().find(is_alike) {
            Some(job) => {
                job.paths.extend(found.paths);
                job.left_out += found.left_out;
            }
            None => jobs.push(found),
        }
    }
    if jobs.is_empty() {
        return Err(DraftError::Empty);
    }
    if let Some(name) = desk.request.name.as_ref().filter(|_| jobs.len() > 1) {
        return Err(DraftError::NameForMany { name: name.clone(), jobs: jobs.len() });
    }
    let draft = |job: Found<'_>| Ok(Draft { left_out: job.left_out, ..draft_one(desk, job.recipe, &job.paths)? });
    jobs.into_iter().map(draft).collect()
}

/// What a path becomes, and from which files: a folder of pictures is the pictures in it.
fn find<'a>(desk: &Desk<'a>, path: String) -> Result<Found<'a>, DraftError> {
    let mut seen = Seen { name: base(&path).to_owned(), ..Seen::default() };
    match desk.look(&path)? {
        FileKind::Folder => seen.entries = Some(desk.names(&path)?),
        _ => seen.first_bytes = read_up_to(desk, &path, Seen::FIRST_BYTES as u64)?,
    }
    match (desk.recipes.find(&seen), &seen.entries) {
        (Some(recipe), _) => Ok(Found { recipe, paths: vec![path], left_out: LeftOut::default() }),
        (None, Some(names)) => folder::batch(desk, &path, names)?.ok_or_else(|| folder::unknown(desk, &path)),
        (None, None) => Err(DraftError::UnknownKind { path }),
    }
}

/// Reads the first bytes of a file.
pub(super) fn read_up_to(desk: &Desk<'_>, path: &str, limit: u64) -> Result<Vec<u8>, DraftError> {
    let unreadable =
        |error: std::io::Error| DraftError::Unreadable { path: path.to_owned(), reason: error.to_string() };
    let mut bytes = Vec::new();
    desk.files.open(path).map_err(unreadable)?.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn draft_one(desk: &Desk<'_>, recipe: &Recipe, paths: &[String]) -> Result<Draft, DraftError> {
    match recipe.reader {
        Reader::Openjd => openjd::draft_openjd(desk, recipe, &paths[0]),
        Reader::Blend => blend::draft_blend(desk, recipe, &paths[0]),
        Reader::Sample => draft_sample(desk, recipe, &paths[0]),
        Reader::File | Reader::Files => Job::new(desk, recipe, paths).draft(None),
    }
}

fn draft_sample(desk: &Desk<'_>, recipe: &Recipe, path: &str) -> Result<Draft, DraftError> {
    let bytes = read_up_to(desk, path, SampleScene::MAX_TEXT_BYTES)?;
    let refuse = |source| DraftError::Scene { path: path.to_owned(), source };
    let scene = SampleScene::parse(&String::from_utf8_lossy(&bytes)).map_err(refuse)?;
    let mut job = Job::new(desk, recipe, std::slice::from_ref(&path.to_owned()));
    if let Some(side) = job.asked("TileSide").and_then(|side| side.parse().ok()) {
        job.tokens.insert("tiles", tile_count(scene.width, scene.height, side).to_string());
    }
    let mut draft = job.draft(Some(&scene.frames))?;
    draft.facts.push(("Scene".to_owned(), scene.title.clone()));
    draft.facts.push(("Size".to_owned(), format!("{} × {} pixels", scene.width, scene.height)));
    Ok(draft)
}

/// A recipe being applied to paths.
pub(super) struct Job<'a> {
    desk: &'a Desk<'a>,
    recipe: &'a Recipe,
    path: String,
    /// What `{word}` stands for in the recipe's texts.
    pub(super) tokens: BTreeMap<&'static str, String>,
}

impl<'a> Job<'a> {
    pub(super) fn new(desk: &'a Desk<'a>, recipe: &'a Recipe, paths: &[String]) -> Self {
        let path = paths.first().cloned().unwrap_or_default();
        let tokens = BTreeMap::from([
            ("path", path.clone()),
            ("paths", serde_json::Value::from(paths.to_vec()).to_string()),
            ("count", paths.len().to_string()),
            ("folder", parent(&path).to_owned()),
            ("name", base(&path).to_owned()),
            ("stem", stem(&path).to_owned()),
        ]);
        Self { desk, recipe, path, tokens }
    }

    /// The value a person gave for a parameter.
    pub(super) fn asked(&self, name: &str) -> Option<&'a str> {
        self.desk.request.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Applies the recipe; `frames` is what the file itself says.
    pub(super) fn draft(mut self, frames: Option<&str>) -> Result<Draft, DraftError> {
        let frames = self.frames(frames)?;
        let output = self.desk.output(&self.text(&self.recipe.output_folder))?;
        self.tokens.insert("output", output.clone());
        let variant = self.recipe.variants.iter().find(|variant| self.asked(&variant.parameter).is_some());
        let (file, text, parameters, steps_at_origin) = match variant {
            Some(one) => (&one.template_file, &one.template, &one.parameters, &one.steps_at_origin),
            None => (
                &self.recipe.template_file,
                &self.recipe.template,
                &self.recipe.parameters,
                &self.recipe.steps_at_origin,
            ),
        };
        let template = Template::decode(text).map_err(|error| RecipeError::Template {
            file: file.clone(),
            name: self.recipe.name.clone(),
            reason: error.to_string(),
        })?;
        let mut values = self.desk.request.parameters.clone();
        for (name, value) in parameters {
            if self.asked(name).is_none() {
                values.push((name.clone(), self.text(value)));
            }
        }
        let folders = Folders { current: &self.desk.folder, ..Folders::default() };
        let filled = self.desk.fill(&self.path, &template, &values, &folders)?;
        let (needs, prefers) = self.desk.wishes(self.recipe.needs.clone())?;
        Ok(Draft {
            task_count: filled.task_count(),
            steps: self.steps(&filled.plan),
            priority: None,
            retry: None,
            session: self.recipe.session,
            same_look: self.recipe.same_look,
            name: self.desk.job_name(&self.text(&self.recipe.job_name))?,
            recipe: self.recipe.name.clone(),
            template: filled.template,
            parameters: filled.parameters,
            inputs: filled.inputs.into_iter().collect(),
            output_folders: if filled.output_folders.is_empty() { vec![output] } else { filled.output_folders },
            output_globs: self.recipe.output_globs.clone(),
            needs,
            prefers: self.recipe.prefers.iter().cloned().chain(prefers).collect(),
            steps_at_origin: steps_at_origin.clone(),
            tool: self.recipe.tool.clone(),
            frames: frames.map(|frames| frames.to_string()),
            warnings: Vec::new(),
            left_out: LeftOut::default(),
            refers: Vec::new(),
            blend: None,
            facts: Vec::new(),
        })
    }

    /// The template's steps with what the recipe asks for them alone.
    fn steps(&self, plan: &JobPlan) -> Vec<StepSpec> {
        let mut steps = plan.steps().to_vec();
        for step in &mut steps {
            step.needs.merge(self.recipe.step_needs.get(&step.name).cloned().unwrap_or_default());
        }
        steps
    }

    /// Decides the frames and makes `{frames}` and `{last_frame}` stand for them.
    fn frames(&mut self, own: Option<&str>) -> Result<Option<IntRanges>, DraftError> {
        let asked = self.desk.request.frames.as_deref();
        let Some(rule) = &self.recipe.frames else {
            let no_frames = || DraftError::NoFrames { path: self.path.clone(), recipe: self.recipe.name.clone() };
            return if asked.is_some() { Err(no_frames()) } else { Ok(None) };
        };
        let text = asked.or(own).or(rule.default.as_deref());
        let frames = IntRanges::parse(text.ok_or_else(|| DraftError::FramesUnknown { path: self.path.clone() })?)?;
        if frames.first() < rule.minimum {
            let (frame, minimum) = (frames.first(), rule.minimum);
            return Err(DraftError::FrameTooLow { frame, minimum, recipe: self.recipe.name.clone() });
        }
        if frames.last() > rule.maximum {
            let (frame, maximum) = (frames.last(), rule.maximum);
            return Err(DraftError::FrameTooHigh { frame, maximum, recipe: self.recipe.name.clone() });
        }
        self.tokens.insert("frames", frames.to_string());
        self.tokens.insert("last_frame", frames.last().to_string());
        Ok(Some(frames))
    }

    /// A recipe's text with its `{word}`s replaced in one pass; unknown ones stay as they are.
    fn text(&self, pattern: &str) -> String {
        let mut text = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            match after.split_once('}').and_then(|(word, after)| Some((self.tokens.get(word)?, after))) {
                Some((value, after)) => {
                    text.push_str(value);
                    rest = after;
                }
                None => {
                    text.push('{');
                    rest = after;
                }
            }
        }
        text + rest
    }
}

/// An empty range that a file itself states.
pub(super) fn own_range(start: i32, end: i32) -> Result<String, OverError> {
    let text = if start == end { start.to_string() } else { format!("{start}-{end}") };
    let (start, end) = (i64::from(start), i64::from(end));
    if start > end { Err(OverError::Empty { text, start, end }) } else { Ok(text) }
}
