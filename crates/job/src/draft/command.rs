use std::collections::BTreeMap;

use gridwell_model::{JobSpec, Needs, SessionSpec};
use serde_json::{Value, json};

use super::{
    Draft, DraftError, LeftOut,
    commons::Desk,
    path,
    placeholder::{Form, Piece, split},
    request::{Command, Over},
};
use crate::{
    files::FileKind,
    openjd::{Folders, Template},
    over::{IntRanges, MAX_ITEMS, OverError, expand_glob, read_csv},
};

/// Name of the recipe of every command.
pub const COMMAND: &str = "command";

/// Folders whose programs and files every machine has its own of: nothing in them is carried along.
const SYSTEM_FOLDERS: [&str; 10] =
    ["/bin/", "/dev/", "/etc/", "/lib/", "/lib64/", "/opt/", "/proc/", "/sbin/", "/sys/", "/usr/"];

/// Programs that machines announce, so that a command can be kept off machines without them.
const KNOWN_TOOLS: [&str; 4] = ["blender", "ffmpeg", "povray", "python3"];

/// What the command runs over, looked up.
enum Values {
    Once,
    Ints { ranges: IntRanges, array: bool },
    Paths(Vec<String>),
    Rows { columns: Vec<String>, rows: Vec<Vec<String>> },
}

pub(super) fn draft_command(desk: &Desk<'_>, command: &Command) -> Result<Draft, DraftError> {
    let Some(program) = command.argv.first() else { return Err(DraftError::Empty) };
    if desk.request.frames.is_some() {
        return Err(DraftError::NoFrames { path: program.clone(), recipe: COMMAND.to_owned() });
    }
    check_globs(&command.outputs)?;
    let values = look_up(desk, command.over.as_ref())?;
    let mut maker = Maker { desk, values: &values, definitions: Vec::new(), given: Vec::new(), lists: BTreeMap::new() };
    let (program_text, arguments) = maker.command(command)?;
    maker.declare_values();
    let template = maker.template(&program_text, &arguments, command.continues);
    let mut given = maker.given;
    given.extend(desk.request.parameters.iter().cloned());
    let words = command.argv.join(" ");
    let template = Template::decode(&template.to_string())
        .map_err(|error| DraftError::Job { what: shorten(&words), source: error.into() })?;
    let folders = Folders { current: &desk.folder, ..Folders::default() };
    let filled = desk.fill(&shorten(&words), &template, &given, &folders)?;
    let tool = KNOWN_TOOLS.into_iter().find(|tool| *tool == path::base(program)).map(str::to_owned);
    let own = tool.iter().filter_map(|tool| format!("tool:{tool}").parse::<Needs>().ok()).next().unwrap_or_default();
    let (needs, prefers) = desk.wishes(own)?;
    let (output, lands) = (desk.output(&desk.folder)?, !command.outputs.is_empty());
    let idle_output = (!lands && desk.request.output.is_some()).then(|| {
        format!("nothing will land in '{output}': say with --outputs which of the files that it makes are results")
    });
    Ok(Draft {
        task_count: filled.task_count(),
        steps: filled.plan.steps().to_vec(),
        priority: None,
        retry: None,
        session: SessionSpec { continues: command.continues, ..SessionSpec::default() },
        same_look: false,
        name: desk.job_name(&shorten(&words))?,
        recipe: COMMAND.to_owned(),
        template: filled.template,
        parameters: filled.parameters,
        inputs: filled.inputs.into_iter().collect(),
        // A command without result patterns leaves nothing behind, so nothing has to land.
        output_folders: if command.outputs.is_empty() { Vec::new() } else { vec![desk.output(&desk.folder)?] },
        output_globs: command.outputs.clone(),
        needs,
        prefers,
        steps_at_origin: Vec::new(),
        tool,
        frames: None,
        warnings: idle_output.into_iter().collect(),
        left_out: LeftOut::default(),
        refers: Vec::new(),
        blend: None,
        facts: Vec::new(),
    })
}

fn look_up(desk: &Desk<'_>, over: Option<&Over>) -> Result<Values, DraftError> {
    let text = match over {
        None => return Ok(Values::Once),
        Some(Over::Array { count: 0 }) => {
            return Err(OverError::NoneAsked.into());
        }
        Some(Over::Array { count }) if *count > JobSpec::MAX_TASKS => {
            let (text, limit) = (format!("--array {count}"), JobSpec::MAX_TASKS);
            return Err(OverError::TooMany { text, count: *count, limit }.into());
        }
        Some(Over::Array { count }) => {
            let text = if *count == 1 { "0".to_owned() } else { format!("0-{}", count - 1) };
            return Ok(Values::Ints { ranges: IntRanges::parse(&text)?, array: true });
        }
        Some(Over::Text(text)) => text.as_str(),
    };
    if IntRanges::looks_like(text) {
        return Ok(Values::Ints { ranges: IntRanges::parse(text)?, array: false });
    }
    let file = path::absolute(std::path::Path::new(text), &desk.folder)?;
    if text.to_lowercase().ends_with(".csv") && !crate::over::is_pattern(text) {
        desk.look(&file)?;
        let source = desk
            .files
            .open(&file)
            .map_err(|error| DraftError::Unreadable { path: file.clone(), reason: error.to_string() })?;
        let table = read_csv(&file, source)?;
        return Ok(Values::Rows { columns: table.columns, rows: table.rows });
    }
    if !crate::over::is_pattern(text) {
        desk.look(&file)?;
    }
    Ok(Values::Paths(expand_glob(text, &desk.folder, desk.files)?))
}

fn check_globs(globs: &[String]) -> Result<(), DraftError> {
    for pattern in globs {
        let below = !pattern.is_empty() && !pattern.starts_with('/') && !pattern.split('/').any(|part| part == "..");
        if !below || globset::Glob::new(pattern).is_err() {
            return Err(DraftError::OutputGlob { pattern: pattern.clone() });
        }
    }
    Ok(())
}

/// Puts the template of a command together.
struct Maker<'a> {
    desk: &'a Desk<'a>,
    values: &'a Values,
    definitions: Vec<Value>,
    given: Vec<(String, String)>,
    /// Lists that arguments use, by column and form, with the name of their parameter.
    lists: BTreeMap<(usize, Form), String>,
}

impl Maker<'_> {
    /// The program and its arguments as format strings.
    fn command(&mut self, command: &Command) -> Result<(String, Vec<String>), DraftError> {
        let columns = match self.values {
            Values::Rows { columns, .. } => Some(columns.as_slice()),
            _ => None,
        };
        let mut used = false;
        let mut texts = Vec::new();
        for (index, argument) in command.argv.iter().enumerate() {
            let pieces = match self.values {
                Values::Once => vec![Piece::Text(argument.clone())],
                _ => split(argument, columns)?,
            };
            used |= pieces.iter().any(|piece| !matches!(piece, Piece::Text(_)));
            texts.push(match pieces.as_slice() {
                [Piece::Text(text)] => match self.carried(text, index == 0)? {
                    Some(path) => self.file(&path),
                    None => literal(text),
                },
                pieces => pieces.iter().map(|piece| self.piece(piece)).collect::<Result<String, _>>()?,
            });
        }
        // As GNU parallel does; an array is a plain repetition and gets nothing added.
        if !used && matches!(self.values, Values::Ints { array: false, .. } | Values::Paths(_) | Values::Rows { .. }) {
            texts.push(self.piece(&Piece::Value(Form::Whole))?);
        }
        let program = texts.remove(0);
        Ok((program, texts))
    }

    /// The absolute path of a file that an argument names and that other machines do not have; `None` for anything else.
    fn carried(&self, argument: &str, program: bool) -> Result<Option<String>, DraftError> {
        if argument.is_empty() || argument.contains('\0') || (program && !argument.contains('/')) {
            return Ok(None);
        }
        let path = path::absolute(std::path::Path::new(argument), &self.desk.folder)?;
        if SYSTEM_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
            return Ok(None);
        }
        match self.desk.files.kind(&path) {
            FileKind::File { .. } => Ok(Some(path)),
            _ if program => Err(DraftError::Missing { path }),
            _ => Ok(None),
        }
    }

    /// A parameter for a carried file; the same file gets one.
    fn file(&mut self, path: &str) -> String {
        let known = self.given.iter().find(|(name, value)| value == path && name.starts_with("File"));
        let name = match known {
            Some((name, _)) => name.clone(),
            None => {
                let name = format!("File{}", self.given.len() + 1);
                self.definitions.push(json!({"name": name, "type": "PATH", "objectType": "FILE", "dataFlow": "IN"}));
                self.given.push((name.clone(), path.to_owned()));
                name
            }
        };
        format!("{{{{Param.{name}}}}}")
    }

    fn piece(&mut self, piece: &Piece) -> Result<String, DraftError> {
        let no_position = || DraftError::Placeholder {
            placeholder: "{#}".to_owned(),
            reason: "positions are counted only over an array, files or the lines of a table".to_owned(),
        };
        let expression = match (piece, self.values) {
            (Piece::Text(text), _) => return Ok(literal(text)),
            (Piece::Position, Values::Ints { array: false, .. }) => return Err(no_position()),
            (Piece::Position, Values::Ints { .. }) => "Task.Param.Value + 1".to_owned(),
            (Piece::Position, _) => "Task.Param.Index + 1".to_owned(),
            (Piece::Value(_), Values::Ints { .. } | Values::Once) => "Task.Param.Value".to_owned(),
            (Piece::Value(form), Values::Paths(_)) => {
                self.lists.insert((0, Form::Whole), "Items".to_owned());
                form.of_path_expression("Param.Items[Task.Param.Index]")
            }
            (Piece::Value(form), Values::Rows { .. }) => self.cell(0, *form),
            (Piece::Column(column), _) => self.cell(*column, Form::Whole),
        };
        Ok(format!("{{{{ {expression} }}}}"))
    }

    /// An expression for a column's value in the task's row.
    fn cell(&mut self, column: usize, form: Form) -> String {
        let next = self.lists.len() + 1;
        let name = self.lists.entry((column, form)).or_insert_with(|| format!("Column{next}"));
        format!("Param.{name}[Task.Param.Index]")
    }

    /// Declares the lists that arguments turned out to use.
    fn declare_values(&mut self) {
        for ((column, form), name) in &self.lists {
            let (definition, list) = match self.values {
                Values::Paths(paths) => (
                    json!({"name": name, "type": "LIST[PATH]", "objectType": "FILE", "dataFlow": "IN"}),
                    Value::from(paths.clone()),
                ),
                Values::Rows { rows, .. } => {
                    let values = rows.iter().map(|row| form.of(row.get(*column).map_or("", String::as_str)));
                    (json!({"name": name, "type": "LIST[STRING]"}), values.collect())
                }
                Values::Once | Values::Ints { .. } => continue,
            };
            self.definitions.push(definition);
            self.given.push((name.clone(), list.to_string()));
        }
    }

    fn template(&self, program: &str, arguments: &[String], continues: bool) -> Value {
        let action = json!({"onRun": {"command": program, "args": arguments}});
        let mut step = json!({"name": "Run", "script": {"actions": action}});
        let range = match self.values {
            Values::Once => None,
            Values::Ints { ranges, .. } => Some(("Value", ranges.to_string())),
            Values::Paths(paths) => Some(("Index", indices(paths.len()))),
            Values::Rows { rows, .. } => Some(("Index", indices(rows.len()))),
        };
        if let Some((name, range)) = range {
            step["parameterSpace"] =
                json!({"taskParameterDefinitions": [{"name": name, "type": "INT", "range": range}]});
        }
        if arguments.is_empty() {
            step["script"]["actions"]["onRun"] = json!({"command": program});
        }
        if continues {
            // So that it has time to leave one when it is stopped.
            step["script"]["actions"]["onRun"]["cancelation"] = json!({"mode": "NOTIFY_THEN_TERMINATE"});
        }
        let mut template = json!({
            "specificationVersion": "jobtemplate-2023-09",
            "extensions": ["EXPR"],
            "name": "Command",
            "steps": [step],
        });
        if !self.definitions.is_empty() {
            template["parameterDefinitions"] = Value::from(self.definitions.clone());
        }
        template
    }
}

fn indices(count: usize) -> String {
    debug_assert!((1..=MAX_ITEMS).contains(&count), "lists are neither empty nor over their limit");
    if count <= 1 { "0".to_owned() } else { format!("0-{}", count - 1) }
}

/// Text as a format string: doubled braces would begin or end an expression.
fn literal(text: &str) -> String {
    let mut format = String::new();
    let mut rest = text;
    while let Some(at) = ["{{", "}}"].iter().filter_map(|braces| rest.find(braces)).min() {
        let brace = &rest[at..=at];
        format.push_str(&rest[..at]);
        format.push_str(&format!("{{{{ '{brace}' * 2 }}}}"));
        rest = &rest[at + 2..];
    }
    format + rest
}

fn shorten(words: &str) -> String {
    if words.chars().count() > 60 {
        format!("{}…", words.chars().take(59).collect::<String>())
    } else {
        words.to_owned()
    }
}
