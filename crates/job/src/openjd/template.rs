use std::collections::BTreeMap;

use gridwell_model::JobSpec;
use openjd_model::{
    CallerLimits, JobParameterInputValues, JobParameterValues, ModelError, ModelExtension, PathParameterOptions,
    decode_environment_template, decode_job_template, merge_job_parameter_definitions, preprocess_job_parameters,
    template::{EnvironmentTemplate as DecodedEnvironment, JobTemplate},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    document::{Document, DocumentError},
    error::{JobError, ParameterError, TemplateError, problems},
    parameter::{DataFlow, ObjectKind, Parameter, ParameterKind},
    path::PathStyle,
    plan::JobPlan,
};

/// A job template that the specification allows; complete on its own.
#[derive(Debug, Clone)]
pub struct Template {
    pub(super) decoded: JobTemplate,
    document: Value,
    /// Environment templates put around it: their constraints on parameters still count.
    around: Vec<DecodedEnvironment>,
}

/// Where relative paths among parameter values start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Folders<'a> {
    /// Folder of the template: defaults of PATH parameters are relative to it. Empty leaves them as they are.
    pub template: &'a str,
    /// Folder in which values were typed. Empty leaves them as they are.
    pub current: &'a str,
    /// Refuses defaults that are absolute or leave the template's folder: bundles come from strangers.
    pub confined: bool,
}

/// A path that a job is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathUse {
    /// The parameter it comes from.
    pub parameter: String,
    /// The path, of the author's machine.
    pub path: String,
    /// What it leads to.
    pub object: ObjectKind,
    /// Whether the job reads or writes what is there.
    pub flow: DataFlow,
}

/// Most environments of a job with all its steps: bounds what one session has to enter.
const MAX_ENVIRONMENTS: usize = 2_000;

impl Template {
    /// Largest template that is read, in bytes: far above any written by people.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Reads and checks a template, YAML or JSON, with every extension the crate knows.
    ///
    /// # Errors
    ///
    /// [`TemplateError::TooLarge`] before anything is parsed; [`TemplateError::Refused`] with the crate's words and places.
    pub fn decode(text: &str) -> Result<Self, TemplateError> {
        let document = read(text)?;
        Self::check(document, Vec::new())
    }

    fn check(document: Value, around: Vec<DecodedEnvironment>) -> Result<Self, TemplateError> {
        let decoded = decode_job_template(document.clone(), Some(&extension_names()), &limits())
            .map_err(|error| refused::<JobTemplate>(&document, error))?;
        Ok(Self { decoded, document, around })
    }

    /// The template as JSON, for `JobSpec::template`.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.document.to_string()
    }

    pub(crate) const fn document(&self) -> &Value {
        &self.document
    }

    /// Names of its parameters, in order.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.decoded.parameter_definitions_list().iter().map(|one| one.name())
    }

    /// The job's name, its format strings unresolved.
    #[must_use]
    pub fn name(&self) -> &str {
        self.decoded.name.raw()
    }

    /// What the job is for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.decoded.description()
    }

    /// Extensions it uses, as it names them.
    #[must_use]
    pub fn extensions(&self) -> Vec<&str> {
        self.decoded.extensions.iter().flatten().map(|name| name.as_str()).collect()
    }

    /// Names of its steps, in order.
    pub fn step_names(&self) -> impl Iterator<Item = &str> {
        self.decoded.steps.iter().map(|step| step.name.as_str())
    }

    /// Its parameters, in order.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let documents = self.document.get("parameterDefinitions").and_then(Value::as_array);
        let definitions = self.decoded.parameter_definitions_list().iter();
        let document = |index: usize| documents.and_then(|all| all.get(index)).unwrap_or(&Value::Null);
        definitions.enumerate().map(|(index, one)| Parameter::read(one, document(index))).collect()
    }

    /// Gives every parameter a value: what was given, else its default; relative paths become absolute.
    ///
    /// The result is what `JobSpec::parameters` holds, in the template's order.
    ///
    /// # Errors
    ///
    /// A [`ParameterError`] that names the parameter.
    pub fn fill(
        &self,
        given: &[(String, String)],
        folders: &Folders<'_>,
    ) -> Result<Vec<(String, String)>, ParameterError> {
        let mut values = self.values(given, folders)?;
        let names = self.decoded.parameter_definitions_list().iter().map(|one| one.name().to_owned());
        Ok(names.filter_map(|name| values.remove(&name).map(|one| (name, one.value.to_display_string()))).collect())
    }

    /// The paths among filled values, in the template's order: what the job reads and where it leaves results.
    #[must_use]
    pub fn paths(&self, filled: &[(String, String)]) -> Vec<PathUse> {
        let value = |name: &str| filled.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str());
        let all = self.parameters().into_iter().flat_map(|parameter| {
            let object = parameter.object.unwrap_or(ObjectKind::Directory);
            let paths = match (parameter.kind, value(&parameter.name)) {
                (ParameterKind::Path, Some(path)) => vec![path.to_owned()],
                (ParameterKind::ListPath, Some(list)) => serde_json::from_str(list).unwrap_or_default(),
                _ => Vec::new(),
            };
            let flow = parameter.flow;
            paths.into_iter().filter(|path| !path.is_empty()).map(move |path| PathUse {
                parameter: parameter.name.clone(),
                path,
                object,
                flow,
            })
        });
        all.collect()
    }

    /// Binds the parameters: a job whose tasks can be counted and run. Paths among the values are taken as they are.
    ///
    /// # Errors
    ///
    /// A [`JobError`] naming the parameter, the place in the template, or the step with too many tasks.
    pub fn create(self, given: &[(String, String)]) -> Result<JobPlan, JobError> {
        let values = self.values(given, &Folders::default())?;
        JobPlan::expand(self.decoded, &values)
    }

    fn values(&self, given: &[(String, String)], folders: &Folders<'_>) -> Result<JobParameterValues, ParameterError> {
        let given = self.known(given)?;
        let inputs: JobParameterInputValues =
            given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned().into())).collect();
        let paths = PathParameterOptions {
            job_template_dir: folders.template,
            current_working_dir: folders.current,
            path_format: PathStyle::host().format(),
            allow_template_dir_walk_up: !folders.confined,
            allow_uri_path_values: true,
        };
        let refuse = |error| ParameterError::Refused { problems: problems(error) };
        let values = preprocess_job_parameters(&self.decoded, &inputs, &self.around, &paths).map_err(refuse)?;
        // The crate checks what was given, and each default against its own template only.
        for merged in merge_job_parameter_definitions(&self.decoded, &self.around).map_err(refuse)? {
            if let Some(one) = values.get(&merged.name) {
                merged.check_constraints(&one.value).map_err(refuse)?;
            }
        }
        Ok(values)
    }

    /// Checks names before values, so that a typing mistake is what people read about.
    fn known<'a>(&self, given: &'a [(String, String)]) -> Result<BTreeMap<&'a str, &'a str>, ParameterError> {
        let definitions = self.decoded.parameter_definitions_list();
        let mut all = BTreeMap::new();
        for (name, value) in given {
            if !definitions.iter().any(|one| one.name() == name) {
                let known = definitions.iter().map(|one| one.name().to_owned()).collect();
                return Err(ParameterError::Unknown { name: name.clone(), known });
            }
            match all.insert(name.as_str(), value.as_str()) {
                Some(first) if first != value => {
                    let (first, second) = (first.to_owned(), value.clone());
                    return Err(ParameterError::Twice { name: name.clone(), first, second });
                }
                _ => {}
            }
        }
        let lacking = |name: &&str| {
            let around = self.around.iter().flat_map(|outer| outer.parameter_definitions.iter().flatten());
            let mut same = definitions.iter().chain(around).filter(|one| one.name() == *name);
            !all.contains_key(name) && same.all(|one| one.default_value().is_none())
        };
        let names: Vec<_> = self.parameter_names().filter(lacking).map(str::to_owned).collect();
        if names.is_empty() { Ok(all) } else { Err(ParameterError::Missing { names }) }
    }

    /// Puts an environment around every session of the job, outside its own.
    ///
    /// Parameters that only the environment has are added. Those that both have must agree on the type; values must meet the
    /// constraints of both, the job's default wins. Fill in the values before the template travels as JSON.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Refused`] when parameters conflict or the outcome breaks a rule of the specification.
    pub fn with_environment(&self, environment: &EnvironmentTemplate) -> Result<Self, TemplateError> {
        let refuse = |error| TemplateError::Refused { problems: problems(error) };
        let around: Vec<_> = std::iter::once(&environment.decoded).chain(&self.around).cloned().collect();
        for merged in merge_job_parameter_definitions(&self.decoded, &around).map_err(refuse)? {
            merged.validate_satisfiable().map_err(refuse)?;
        }
        let mut document = self.document.clone();
        let outer = &environment.document;
        if let (Some(root), Some(one)) = (document.as_object_mut(), outer.get("environment")) {
            list(root, "jobEnvironments").insert(0, one.clone());
            let add = |into: &mut Vec<Value>, key: &str, same: fn(&Value, &Value) -> bool| {
                for one in outer.get(key).and_then(Value::as_array).into_iter().flatten() {
                    if !into.iter().any(|have| same(have, one)) {
                        into.push(one.clone());
                    }
                }
            };
            if outer.get("extensions").is_some() {
                add(list(root, "extensions"), "extensions", |a, b| a == b);
            }
            if outer.get("parameterDefinitions").is_some() {
                add(list(root, "parameterDefinitions"), "parameterDefinitions", |a, b| a["name"] == b["name"]);
            }
        }
        Self::check(document, around)
    }
}

fn list<'a>(root: &'a mut serde_json::Map<String, Value>, key: &str) -> &'a mut Vec<Value> {
    let entry = root.entry(key).or_insert(Value::Null);
    if !entry.is_array() {
        *entry = Value::Array(Vec::new());
    }
    entry.as_array_mut().expect("made an array above")
}

/// An environment template: applied by who runs the job, not by its author.
#[derive(Debug, Clone)]
pub struct EnvironmentTemplate {
    decoded: DecodedEnvironment,
    document: Value,
}

impl EnvironmentTemplate {
    /// Reads and checks an environment template, YAML or JSON.
    ///
    /// # Errors
    ///
    /// As [`Template::decode`].
    pub fn decode(text: &str) -> Result<Self, TemplateError> {
        let document = read(text)?;
        let decoded = decode_environment_template(document.clone(), Some(&extension_names()))
            .map_err(|error| refused::<DecodedEnvironment>(&document, error))?;
        Ok(Self { decoded, document })
    }

    /// Name of its environment.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.decoded.environment.name
    }
}

fn read(text: &str) -> Result<Value, TemplateError> {
    match Document::read(text, Template::MAX_BYTES) {
        Ok(document) => Ok(Value::Object(document.0)),
        Err(DocumentError::TooLarge { bytes, limit }) => Err(TemplateError::TooLarge { bytes, limit }),
        Err(DocumentError::Malformed { problem }) => Err(TemplateError::Refused { problems: vec![problem] }),
    }
}

/// The crate's words, and the place that its decoder does not tell when a key or value has the wrong shape.
fn refused<T: DeserializeOwned>(document: &Value, error: ModelError) -> TemplateError {
    let decoding = matches!(error, ModelError::DecodeValidation(_));
    let mut problems = problems(error);
    if let (true, [only]) = (decoding, &mut *problems)
        && let Err(error) = serde_path_to_error::deserialize::<_, T>(document)
        && only.message.contains(&error.inner().to_string())
    {
        only.place = error.path().to_string();
    }
    TemplateError::Refused { problems }
}

/// Without this list the crate rejects every template that names an extension.
fn extension_names() -> Vec<&'static str> {
    ModelExtension::ALL.iter().map(ModelExtension::as_str).collect()
}

pub(super) fn limits() -> CallerLimits {
    CallerLimits {
        max_step_count: Some(JobSpec::MAX_STEPS),
        max_env_count: Some(MAX_ENVIRONMENTS),
        max_template_size: Some(Template::MAX_BYTES),
        // Tasks are counted by `JobPlan`, which can say which step has too many.
        ..CallerLimits::default()
    }
}
