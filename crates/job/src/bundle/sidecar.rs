use std::collections::BTreeMap;

use gridwell_model::{EdgeKind, Needs, Preference, Retry};
use serde_json::{Map, Value};

use super::{
    Bundle,
    assets::stays_inside,
    error::BundleError,
    report::Report,
    values::{known, plain},
};
use crate::openjd::{Document, Template};

const FILE: &str = "gridwell.yaml";

/// What a template has no room for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sidecar {
    /// Higher goes first; 0 when not said.
    pub priority: Option<i32>,
    /// Folder into which results come home; relative to the bundle unless absolute.
    pub landing: Option<String>,
    /// Patterns of files in the session's folder that count as results.
    pub outputs: Vec<String>,
    /// Defaults of parameters, under `parameter_values` and above the template's.
    pub parameters: BTreeMap<String, String>,
    /// Hard needs of every step.
    pub needs: Vec<NeedInWords>,
    /// Wishes of every step.
    pub prefers: Vec<Preference>,
    /// How failures are treated.
    pub retry: Option<Retry>,
    /// What its programs leave, and owe.
    pub session: SidecarSession,
    /// What is said about single steps, by name.
    pub steps: BTreeMap<String, SidecarStep>,
}

/// What the sidecar says about the programs of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SidecarSession {
    /// They leave checkpoints, from which they go on elsewhere.
    pub continues: bool,
    /// Within how many seconds somebody outside expects to hear from them.
    pub heartbeat_secs: Option<u32>,
}

/// What the sidecar says about one step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SidecarStep {
    /// Hard needs beside the template's.
    pub needs: Vec<NeedInWords>,
    /// Wishes.
    pub prefers: Vec<Preference>,
    /// Steps it waits for; replaces the template's dependency on the same step.
    pub after: Vec<SidecarEdge>,
    /// How its tasks are put together, if the template chunks them.
    pub chunk: Option<ChunkOverride>,
}

/// A hard need as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct NeedInWords {
    /// The words: `ram > 8 GB`.
    pub words: String,
    /// What they mean.
    pub what: Needs,
}

/// A dependency of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarEdge {
    /// Name of the other step.
    pub step: String,
    /// Which of its tasks.
    pub kind: EdgeKind,
}

/// Another chunk size than the template's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChunkOverride {
    /// Tasks per chunk.
    pub count: Option<u32>,
    /// Seconds a chunk should run; 0 keeps the count.
    pub target_secs: Option<u32>,
}

/// Keys of the format that this version reads over without effect.
const LATER: [&str; 7] = ["together", "courtesy", "previews", "schedule", "limits", "notify", "environments"];

impl Sidecar {
    /// The newest format that is understood.
    pub const FORMAT: u64 = 1;

    pub(super) fn read(text: &str, template: &Template, report: &mut Report) -> Result<Self, BundleError> {
        let document =
            Document::read(text, Bundle::MAX_FILE_BYTES).map_err(|error| BundleError::document(FILE, error))?;
        let root = Keys { place: String::new(), map: &document.0 };
        let found = root.number("format", Self::FORMAT)?.unwrap_or(Self::FORMAT);
        if found > Self::FORMAT {
            return Err(BundleError::Newer { found, known: Self::FORMAT });
        }
        let mut sidecar = Self::default();
        for (key, value) in &document.0 {
            sidecar.take(&root, key, value, template, report)?;
        }
        let keys: Vec<_> = document.0.keys().filter(|key| *key != "format").map(String::as_str).collect();
        if !keys.is_empty() {
            report.understood(format!("{FILE}: {}", keys.join(", ")));
        }
        Ok(sidecar)
    }

    fn take(
        &mut self,
        root: &Keys<'_>,
        key: &str,
        value: &Value,
        template: &Template,
        report: &mut Report,
    ) -> Result<(), BundleError> {
        match key {
            "format" => {}
            "priority" => {
                let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
                self.priority = Some(number.ok_or_else(|| root.wrong(key, "a whole number", value))?);
            }
            "landing" => {
                let path = root.text(key, value)?;
                stays_inside(FILE, &path)?;
                self.landing = Some(path);
            }
            "outputs" => self.outputs = root.texts(key, value)?,
            "parameters" => {
                for (name, value) in root.object(key, value)?.map {
                    known(FILE, name, template)?;
                    let place = format!("{key}.{name}");
                    let text = plain(value).ok_or_else(|| root.wrong(&place, "a text, number or list", value))?;
                    self.parameters.insert(name.clone(), text);
                }
            }
            "needs" => self.needs = root.needs(key, value)?,
            "prefers" => self.prefers = root.prefers(key, value)?,
            "session" => self.session = session(&root.object(key, value)?, report)?,
            "retry" => self.retry = Some(retry(&root.object(key, value)?, report)?),
            "steps" => {
                for (name, value) in root.object(key, value)?.map {
                    check_step(name, template)?;
                    let keys = root.object(&format!("{key}.{name}"), value)?;
                    self.steps.insert(name.clone(), SidecarStep::read(&keys, template, report)?);
                }
            }
            _ if LATER.contains(&key) => report.ignored(format!("{FILE}: '{key}' has no effect in this version")),
            _ => report.ignored(format!("{FILE}: unknown key '{key}'")),
        }
        Ok(())
    }
}

impl SidecarStep {
    fn read(keys: &Keys<'_>, template: &Template, report: &mut Report) -> Result<Self, BundleError> {
        let mut step = Self::default();
        for (key, value) in keys.map {
            match key.as_str() {
                "needs" => step.needs = keys.needs(key, value)?,
                "prefers" => step.prefers = keys.prefers(key, value)?,
                "chunk" => {
                    let inner = keys.object(key, value)?;
                    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
                    step.chunk = Some(ChunkOverride {
                        count: inner.number("count", 1)?.map(small),
                        target_secs: inner.number("target_seconds", 0)?.map(small),
                    });
                    inner.only(&["count", "target_seconds"], report);
                }
                "after" => {
                    let list = value.as_array().ok_or_else(|| keys.wrong(key, "a list", value))?;
                    for (at, one) in list.iter().enumerate() {
                        step.after.push(edge(&keys.object(&format!("{key}[{at}]"), one)?, template, report)?);
                    }
                }
                _ => report.ignored(format!("{FILE}: unknown key '{}'", keys.at(key))),
            }
        }
        Ok(step)
    }
}

/// `{step: NAME, tasks: all | same}`.
fn edge(keys: &Keys<'_>, template: &Template, report: &mut Report) -> Result<SidecarEdge, BundleError> {
    let name = keys.map.get("step").unwrap_or(&Value::Null);
    let step = keys.text("step", name)?;
    check_step(&step, template)?;
    keys.only(&["step", "tasks"], report);
    let kind = match keys.map.get("tasks").map(|word| (word.as_str(), word)) {
        None | Some((Some("all"), _)) => EdgeKind::Whole,
        Some((Some("same"), _)) => EdgeKind::SameIndex,
        Some((_, word)) => return Err(keys.wrong("tasks", "'all' or 'same'", word)),
    };
    Ok(SidecarEdge { step, kind })
}

fn session(keys: &Keys<'_>, report: &mut Report) -> Result<SidecarSession, BundleError> {
    keys.only(&["continues", "heartbeat_seconds"], report);
    let continues = match keys.map.get("continues") {
        None => false,
        Some(word) => word.as_bool().ok_or_else(|| keys.wrong("continues", "true or false", word))?,
    };
    let heartbeat = keys.number("heartbeat_seconds", 1)?;
    Ok(SidecarSession { continues, heartbeat_secs: heartbeat.map(|secs| u32::try_from(secs).unwrap_or(u32::MAX)) })
}

fn retry(keys: &Keys<'_>, report: &mut Report) -> Result<Retry, BundleError> {
    let usual = Retry::default();
    let small =
        |number: Option<u64>, usual: u32| number.map_or(usual, |number| u32::try_from(number).unwrap_or(u32::MAX));
    keys.only(&["attempts", "block_machine_after"], report);
    Ok(Retry {
        max_attempts: small(keys.number("attempts", 1)?, usual.max_attempts),
        block_machine_after: small(keys.number("block_machine_after", 1)?, usual.block_machine_after),
    })
}

fn check_step(name: &str, template: &Template) -> Result<(), BundleError> {
    if template.step_names().any(|have| have == name) {
        return Ok(());
    }
    let known = template.step_names().map(str::to_owned).collect();
    Err(BundleError::UnknownStep { file: FILE, name: name.to_owned(), known })
}

/// The keys of one part of the sidecar, knowing where it stands.
struct Keys<'a> {
    place: String,
    map: &'a Map<String, Value>,
}

impl Keys<'_> {
    fn at(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    fn wrong(&self, key: &str, wanted: &'static str, found: &Value) -> BundleError {
        BundleError::Value { file: FILE, place: self.at(key), wanted, found: shown(found) }
    }

    fn only(&self, known: &[&str], report: &mut Report) {
        for key in self.map.keys().filter(|key| !known.contains(&key.as_str())) {
            report.ignored(format!("{FILE}: unknown key '{}'", self.at(key)));
        }
    }

    fn object<'b>(&self, key: &str, value: &'b Value) -> Result<Keys<'b>, BundleError> {
        let map = value.as_object().ok_or_else(|| self.wrong(key, "keys and values", value))?;
        Ok(Keys { place: self.at(key), map })
    }

    fn number(&self, key: &str, least: u64) -> Result<Option<u64>, BundleError> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        match value.as_u64() {
            Some(number) if number >= least => Ok(Some(number)),
            _ if least == 0 => Err(self.wrong(key, "a whole number of 0 or more", value)),
            _ => Err(self.wrong(key, "a whole number of 1 or more", value)),
        }
    }

    fn text(&self, key: &str, value: &Value) -> Result<String, BundleError> {
        let text = value.as_str().filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| self.wrong(key, "a text", value))
    }

    fn texts(&self, key: &str, value: &Value) -> Result<Vec<String>, BundleError> {
        let list = value.as_array().ok_or_else(|| self.wrong(key, "a list of texts", value))?;
        list.iter().enumerate().map(|(at, one)| self.text(&format!("{key}[{at}]"), one)).collect()
    }

    fn needs(&self, key: &str, value: &Value) -> Result<Vec<NeedInWords>, BundleError> {
        let need = |words: String| match words.parse() {
            Ok(what) => Ok(NeedInWords { words, what }),
            Err(error) => Err(self.words::<gridwell_model::NeedError>(key, &error)),
        };
        self.texts(key, value)?.into_iter().map(need).collect()
    }

    fn prefers(&self, key: &str, value: &Value) -> Result<Vec<Preference>, BundleError> {
        let texts = self.texts(key, value)?;
        texts
            .iter()
            .map(|words| words.parse().map_err(|error| self.words::<gridwell_model::PreferenceError>(key, &error)))
            .collect()
    }

    fn words<E: std::error::Error>(&self, key: &str, error: &E) -> BundleError {
        BundleError::Words { file: FILE, place: self.at(key), reason: error.to_string() }
    }
}

/// A value as people wrote it, short enough for a sentence.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
