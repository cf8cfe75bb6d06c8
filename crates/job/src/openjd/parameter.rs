use openjd_model::{JobParameterType, template::JobParameterDefinition};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A job parameter as its form field needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ParameterKind,
    /// What it is for.
    pub description: Option<String>,
    /// Used when no value is given; lists are JSON.
    pub default: Option<String>,
    /// The only values allowed, as text; empty means any.
    pub allowed: Vec<String>,
    /// Least number.
    pub min: Option<f64>,
    /// Greatest number.
    pub max: Option<f64>,
    /// Least number of characters, or of items of a list.
    pub min_length: Option<usize>,
    /// Greatest number of characters, or of items of a list.
    pub max_length: Option<usize>,
    /// What a path leads to; a folder unless the template says otherwise.
    pub object: Option<ObjectKind>,
    /// Whether the job reads or writes what a path leads to.
    pub flow: DataFlow,
    /// How it wants to be shown.
    pub hints: Hints,
}

/// Type of a job parameter; all but the first four need the EXPR extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// Text.
    String,
    /// A whole number of 64 bits.
    Int,
    /// A number.
    Float,
    /// A path of the author's machine; mapped where the job runs.
    Path,
    /// True or false.
    Bool,
    /// Whole numbers such as `1-10:2`.
    Range,
    /// A list of texts, as JSON.
    ListString,
    /// A list of whole numbers, as JSON.
    ListInt,
    /// A list of numbers, as JSON.
    ListFloat,
    /// A list of paths, as JSON.
    ListPath,
    /// A list of true and false, as JSON.
    ListBool,
    /// A list of lists of whole numbers, as JSON.
    ListListInt,
}

/// What a path parameter leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "snake_case", deserialize = "SCREAMING_SNAKE_CASE"))]
pub enum ObjectKind {
    /// One file.
    File,
    /// A folder.
    Directory,
}

/// Whether the job reads or writes what a path leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "snake_case", deserialize = "SCREAMING_SNAKE_CASE"))]
pub enum DataFlow {
    /// Not known.
    #[default]
    None,
    /// Read.
    In,
    /// Written.
    Out,
    /// Read and written.
    Inout,
}

impl DataFlow {
    /// True when what the path leads to must be there before a task starts.
    #[must_use]
    pub const fn reads(self) -> bool {
        matches!(self, Self::In | Self::Inout)
    }

    /// True when tasks leave results there.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Out | Self::Inout)
    }
}

/// How a parameter wants to be shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all(deserialize = "camelCase"))]
pub struct Hints {
    /// Which kind of field; chosen by type when absent.
    pub control: Option<Control>,
    /// Its caption.
    pub label: Option<String>,
    /// Caption of the group it belongs to.
    #[serde(alias = "group")]
    pub group_label: Option<String>,
    /// Decimal places of a number.
    #[serde(deserialize_with = "number")]
    pub decimals: Option<f64>,
    /// How far one click of a spin field goes.
    #[serde(deserialize_with = "number")]
    pub single_step_delta: Option<f64>,
    /// Kinds of files to choose from.
    pub file_filters: Vec<FileFilter>,
    /// The one chosen first.
    pub file_filter_default: Option<FileFilter>,
}

/// Kind of a form field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "snake_case", deserialize = "SCREAMING_SNAKE_CASE"))]
pub enum Control {
    /// One line of text.
    LineEdit,
    /// Many lines of text.
    MultilineEdit,
    /// Choose one of the allowed values.
    DropdownList,
    /// On or off.
    CheckBox,
    /// A number with arrows.
    SpinBox,
    /// Choose a file to read.
    ChooseInputFile,
    /// Choose a file to write.
    ChooseOutputFile,
    /// Choose a folder.
    ChooseDirectory,
    /// One line of text for each item.
    LineEditList,
    /// A number with arrows for each item.
    SpinBoxList,
    /// A check box for each item.
    CheckBoxList,
    /// Choose files to read.
    ChooseInputFileList,
    /// Choose files to write.
    ChooseOutputFileList,
    /// Choose folders.
    ChooseDirectoryList,
    /// Not shown.
    Hidden,
}

/// One kind of files in a file chooser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFilter {
    /// What people read.
    pub label: String,
    /// Glob patterns of file names.
    pub patterns: Vec<String>,
}

/// Numbers of a template may be written as text.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(as_number(&Value::deserialize(deserializer)?))
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl ParameterKind {
    pub(super) fn of(kind: JobParameterType) -> Self {
        match kind {
            JobParameterType::Int => Self::Int,
            JobParameterType::Float => Self::Float,
            JobParameterType::Path => Self::Path,
            JobParameterType::Bool => Self::Bool,
            JobParameterType::RangeExpr => Self::Range,
            JobParameterType::ListString => Self::ListString,
            JobParameterType::ListInt => Self::ListInt,
            JobParameterType::ListFloat => Self::ListFloat,
            JobParameterType::ListPath => Self::ListPath,
            JobParameterType::ListBool => Self::ListBool,
            JobParameterType::ListListInt => Self::ListListInt,
            _ => Self::String,
        }
    }
}

impl Parameter {
    /// Reads a definition that the crate accepted: names, types and defaults as it decoded them, constraints and hints from
    /// the document it checked.
    pub(super) fn read(definition: &JobParameterDefinition, document: &Value) -> Self {
        let number = |key: &str| document.get(key).and_then(as_number);
        let length = |key: &str| document.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let word = |key: &str| document.get(key).filter(|value| !value.is_null()).cloned();
        let kind = ParameterKind::of(definition.job_param_type());
        Self {
            name: definition.name().to_owned(),
            kind,
            description: definition.description().map(str::to_owned),
            default: definition.default_value(),
            allowed: document
                .get("allowedValues")
                .and_then(Value::as_array)
                .map(|values| values.iter().map(as_text).collect())
                .unwrap_or_default(),
            min: number("minValue"),
            max: number("maxValue"),
            min_length: length("minLength"),
            max_length: length("maxLength"),
            object: word("objectType").and_then(|value| serde_json::from_value(value).ok()).or_else(|| {
                matches!(kind, ParameterKind::Path | ParameterKind::ListPath).then_some(ObjectKind::Directory)
            }),
            flow: word("dataFlow").and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default(),
            hints: word("userInterface").and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default(),
        }
    }
}
