use gridwell_model::{EdgeKind, Preference};
use serde_json::{Map, Value, json};

use super::{Bundle, report::Report, sidecar::NeedInWords, sidecar::SidecarSession, sidecar::SidecarStep};
use crate::openjd::Template;

/// A bundle ready to be written: file names with their texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Plain file names and their texts, UTF-8.
    pub files: Vec<(&'static str, String)>,
    /// What another scheduler takes over, and what it will lose.
    pub report: Report,
}

impl Bundle {
    /// Writes the bundle's files. Read again they give the same bundle; JSON is valid YAML, so the sidecar keeps its name.
    #[must_use]
    pub fn export(&self) -> Export {
        let mut report = Report::default();
        report.understood(format!("template '{}'", self.template.name()));
        let mut files = vec![(Self::TEMPLATE_NAMES[1], pretty(&self.template))];
        if !self.values.is_empty() {
            let values: Vec<_> =
                self.values.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
            files.push((Self::VALUES_NAMES[1], text(&json!({"parameterValues": values}))));
            report.understood("values of its parameters");
        }
        let assets = &self.assets;
        if *assets != super::Assets::default() {
            let references = json!({"assetReferences": {
                "inputs": {"filenames": assets.input_files, "directories": assets.input_folders},
                "outputs": {"directories": assets.output_folders},
                "referencedPaths": assets.referenced_paths,
            }});
            files.push((Self::ASSETS_NAMES[1], text(&references)));
            report.understood("its input and output paths");
        }
        let sidecar = self.sidecar_keys(&mut report);
        if sidecar.len() > 1 {
            files.push((Self::SIDECAR_NAME, text(&Value::Object(sidecar))));
        }
        Export { files, report }
    }

    fn sidecar_keys(&self, report: &mut Report) -> Map<String, Value> {
        let from = &self.sidecar;
        let mut keys = Map::new();
        keys.insert("format".to_owned(), json!(super::Sidecar::FORMAT));
        let mut put = |key: &str, value: Option<Value>, loss: &str| {
            if let Some(value) = value {
                keys.insert(key.to_owned(), value);
                report.lost(format!("{key}: {loss}"));
            }
        };
        put("priority", from.priority.map(|one| json!(one)), "another scheduler has its own");
        put("landing", from.landing.as_ref().map(|one| json!(one)), "results stay where PATH parameters say");
        put("outputs", some(&from.outputs), "only what PATH parameters say counts as a result");
        let parameters = (!from.parameters.is_empty()).then(|| json!(from.parameters));
        put("parameters", parameters, "defaults are those of the template");
        put("needs", words_of_needs(&from.needs), "only host requirements of the template count");
        put("prefers", words_of_wishes(&from.prefers), "wishes vanish");
        let retry =
            from.retry.map(|one| json!({"attempts": one.max_attempts, "block_machine_after": one.block_machine_after}));
        put("retry", retry, "another scheduler has its own");
        let session = (from.session != SidecarSession::default()).then(|| {
            let parts = [
                ("continues", from.session.continues.then_some(Value::Bool(true))),
                ("heartbeat_seconds", from.session.heartbeat_secs.map(|secs| json!(secs))),
            ];
            Value::Object(parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
        });
        put("session", session, "what is stopped begins anew");
        let mut steps = Map::new();
        for (name, step) in &from.steps {
            steps.insert(name.clone(), step_keys(name, step, report));
        }
        if !steps.is_empty() {
            keys.insert("steps".to_owned(), Value::Object(steps));
        }
        keys
    }
}

fn step_keys(name: &str, step: &SidecarStep, report: &mut Report) -> Value {
    let mut keys = Map::new();
    let mut put = |key: &str, value: Option<Value>, loss: &str| {
        if let Some(value) = value {
            keys.insert(key.to_owned(), value);
            report.lost(format!("{key} of step '{name}': {loss}"));
        }
    };
    put("needs", words_of_needs(&step.needs), "only host requirements of the template count");
    put("prefers", words_of_wishes(&step.prefers), "wishes vanish");
    let chunk = step.chunk.map(|chunk| {
        let parts = [("count", chunk.count), ("target_seconds", chunk.target_secs)];
        let parts = parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value?))));
        Value::Object(parts.collect())
    });
    put("chunk", chunk, "the template's chunk size counts");
    let word = |kind| if kind == EdgeKind::SameIndex { "same" } else { "all" };
    let edges: Vec<_> = step.after.iter().map(|edge| json!({"step": edge.step, "tasks": word(edge.kind)})).collect();
    put("after", some(&edges), "task-by-task order becomes the template's order of whole steps");
    Value::Object(keys)
}

fn some<T: serde::Serialize>(all: &[T]) -> Option<Value> {
    (!all.is_empty()).then(|| json!(all))
}

fn words_of_needs(all: &[NeedInWords]) -> Option<Value> {
    some(&all.iter().map(|need| need.words.as_str()).collect::<Vec<_>>())
}

fn words_of_wishes(all: &[Preference]) -> Option<Value> {
    some(&all.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn pretty(template: &Template) -> String {
    text(template.document())
}

fn text(value: &Value) -> String {
    format!("{value:#}\n")
}
