use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use gridwell_model::{ActionPlan, CancelPlan, FilePlan};
use openjd_expr::{ExprProfile, ExprValue, FormatString, eval::ParsedExpression};
use openjd_model::{
    EndOfLine,
    job::{Action, CancelationMode, EmbeddedFile},
};

use super::{
    error::ResolveError,
    path::PathStyle,
    scope::{Scope, bounded},
};

/// Longest notice an action may ask for. Source: Open Job Description 2023-09, 5.3.2.
const MAX_NOTICE: Duration = Duration::from_secs(600);

/// Symbols whose values change from run to run; what names none of them is resolved once per session.
#[derive(Debug, Clone, Default)]
pub(super) struct Live {
    prefixes: &'static [&'static str],
    names: BTreeSet<String>,
}

impl Live {
    pub(super) const fn new(prefixes: &'static [&'static str]) -> Self {
        Self { prefixes, names: BTreeSet::new() }
    }

    fn has(&self, symbol: &str) -> bool {
        let below =
            |prefix: &&str| symbol.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let root = symbol.split('.').next().unwrap_or(symbol);
        self.prefixes.iter().any(below) || self.names.contains(root)
    }

    fn text(&self, format: &FormatString) -> bool {
        !format.is_literal() && format.accessed_symbols().iter().any(|symbol| self.has(symbol))
    }
}

/// A part of an action: known for the whole session, or resolved for every run.
#[derive(Debug, Clone)]
enum Part<T> {
    Fixed(T),
    Live(FormatString),
}

/// A script's names, bindings and files, ready to resolve its actions.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// For messages: `step 'Render'`.
    what: String,
    pub(super) scope: Scope,
    live: Live,
    bindings: Vec<(String, ParsedExpression)>,
    files: Vec<File>,
}

#[derive(Debug, Clone)]
struct File {
    name: String,
    path: PathBuf,
    text: Part<String>,
    end_of_line: Option<EndOfLine>,
    executable: bool,
}

/// Where a script comes from.
pub(super) struct Source<'a> {
    pub(super) what: String,
    /// `Task.File` or `Env.File`.
    pub(super) prefix: &'static str,
    pub(super) lets: Option<&'a [String]>,
    pub(super) files: Option<&'a [EmbeddedFile]>,
    /// Absolute path of every file, by position.
    pub(super) paths: &'a [String],
    pub(super) style: PathStyle,
}

impl Script {
    /// Gives the files their names, then evaluates bindings, then file contents: each may use what came before.
    pub(super) fn open(
        source: &Source<'_>,
        mut scope: Scope,
        mut live: Live,
        profile: &ExprProfile,
    ) -> Result<Self, ResolveError> {
        let what = source.what.clone();
        let files = source.files.unwrap_or_default();
        for (file, path) in files.iter().zip(source.paths) {
            scope.set_path(&format!("{}.{}", source.prefix, file.name), path)?;
        }
        let mut bindings = Vec::new();
        for binding in source.lets.unwrap_or_default() {
            let (name, expression) = binding.split_once('=').unwrap_or((binding, ""));
            let name = name.trim().to_owned();
            let label = format!("binding '{name}' of {what}");
            let parsed = ParsedExpression::with_profile(expression.trim(), profile)
                .map_err(|error| ResolveError::Format { what: label.clone(), reason: error.to_string() })?;
            if parsed.accessed_symbols().iter().any(|symbol| live.has(symbol)) {
                live.names.insert(name.clone());
                bindings.push((name, parsed));
            } else {
                let value = scope.evaluate(label, &parsed)?;
                scope.set(&name, value)?;
            }
        }
        let mut script = Self { what, scope, live, bindings, files: Vec::new() };
        for (file, path) in files.iter().zip(source.paths) {
            let text = match &file.data {
                Some(data) if script.live.text(data) => Part::Live(data.clone()),
                Some(data) => Part::Fixed(script.file_text(&file.name, data, file.end_of_line, source.style)?),
                None => Part::Fixed(String::new()),
            };
            script.files.push(File {
                name: file.name.clone(),
                path: PathBuf::from(path),
                text,
                end_of_line: line_end(file.end_of_line, source.style),
                executable: file.runnable.unwrap_or(false),
            });
        }
        Ok(script)
    }

    fn file_text(
        &self,
        name: &str,
        data: &FormatString,
        end_of_line: Option<EndOfLine>,
        style: PathStyle,
    ) -> Result<String, ResolveError> {
        let text = self.scope.text(format_args!("file '{name}' of {}", self.what), data)?;
        Ok(with_line_end(text, line_end(end_of_line, style)))
    }

    /// Resolves what can be resolved once. `notice` is what `NOTIFY_THEN_TERMINATE` without a period means here.
    pub(super) fn prepare(
        &self,
        name: &'static str,
        action: &Action,
        notice: Duration,
    ) -> Result<Prepared, ResolveError> {
        let what = format!("{name} of {}", self.what);
        let program = if self.live.text(&action.command) {
            Part::Live(action.command.clone())
        } else {
            Part::Fixed(self.scope.text(format_args!("command of {what}"), &action.command)?)
        };
        let mut args = Vec::new();
        let mut bytes = 0;
        for (at, format) in action.args.iter().flatten().enumerate() {
            args.push(if self.live.text(format) {
                Part::Live(format.clone())
            } else {
                let some = self.scope.arguments(format_args!("argument {} of {what}", at + 1), format)?;
                bytes += some.iter().map(String::len).sum::<usize>();
                bounded(&format_args!("arguments of {what}"), bytes)?;
                Part::Fixed(some)
            });
        }
        let timing = Timing { timeout: action.timeout.clone(), cancel: action.cancelation.clone(), notice };
        let timed = if timing.is_live(&self.live) { None } else { Some(timing.resolve(&self.scope, &what)?) };
        Ok(Prepared { what, program, args, timing, timed })
    }

    /// Resolves one run, with the live symbols set by the caller.
    pub(super) fn run(&mut self, action: &Prepared) -> Result<Resolved, ResolveError> {
        for (name, expression) in &self.bindings {
            let value = self.scope.evaluate(format_args!("binding '{name}' of {}", self.what), expression)?;
            self.scope.set(name, value)?;
        }
        let scope = &self.scope;
        let what = &action.what;
        let program = match &action.program {
            Part::Fixed(program) => program.clone(),
            Part::Live(format) => scope.text(format_args!("command of {what}"), format)?,
        };
        let mut args = Vec::with_capacity(action.args.len());
        let mut bytes = 0;
        for (at, part) in action.args.iter().enumerate() {
            match part {
                Part::Fixed(some) => args.extend_from_slice(some),
                Part::Live(format) => {
                    let some = scope.arguments(format_args!("argument {} of {what}", at + 1), format)?;
                    bytes += some.iter().map(String::len).sum::<usize>();
                    bounded(&format_args!("arguments of {what}"), bytes)?;
                    args.extend(some);
                }
            }
        }
        let mut files = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let text = match &file.text {
                Part::Fixed(text) => text.clone(),
                Part::Live(data) => {
                    let text = scope.text(format_args!("file '{}' of {}", file.name, self.what), data)?;
                    with_line_end(text, file.end_of_line)
                }
            };
            files.push(FilePlan { path: file.path.clone(), text, executable: file.executable });
        }
        let (timeout, cancel) = match &action.timed {
            Some(timed) => *timed,
            None => action.timing.resolve(scope, what)?,
        };
        Ok(Resolved { program, args, files, timeout, cancel })
    }

    /// True when every run of `action` is the same.
    pub(super) fn is_constant(&self, action: &Prepared) -> bool {
        self.bindings.is_empty()
            && matches!(action.program, Part::Fixed(_))
            && action.args.iter().all(|part| matches!(part, Part::Fixed(_)))
            && self.files.iter().all(|file| matches!(file.text, Part::Fixed(_)))
            && action.timed.is_some()
    }
}

/// An action with everything resolved that stays the same in a session.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    what: String,
    program: Part<String>,
    args: Vec<Part<Vec<String>>>,
    timing: Timing,
    timed: Option<(Option<Duration>, Cancel)>,
}

/// An action with everything resolved.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) program: String,
    pub(super) args: Vec<String>,
    pub(super) files: Vec<FilePlan>,
    pub(super) timeout: Option<Duration>,
    pub(super) cancel: Cancel,
}

/// How an action wants to be cancelled; wrappers see whether it said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancel {
    Undeclared,
    Terminate,
    Notify(Duration),
}

impl Resolved {
    pub(super) fn into_plan(self) -> ActionPlan {
        let cancel = match self.cancel {
            Cancel::Undeclared | Cancel::Terminate => CancelPlan::Terminate,
            Cancel::Notify(notice) => CancelPlan::Notify { notice },
        };
        ActionPlan { program: self.program, args: self.args, files: self.files, timeout: self.timeout, cancel }
    }
}

#[derive(Debug, Clone)]
struct Timing {
    timeout: Option<FormatString>,
    cancel: Option<CancelationMode>,
    notice: Duration,
}

impl Timing {
    fn is_live(&self, live: &Live) -> bool {
        let cancel = match &self.cancel {
            None | Some(CancelationMode::Terminate) => false,
            Some(CancelationMode::NotifyThenTerminate { notify_period_in_seconds: period }) => {
                period.as_ref().is_some_and(|format| live.text(format))
            }
            Some(CancelationMode::DeferredMode { mode, notify_period_in_seconds: period }) => {
                live.text(mode) || period.as_ref().is_some_and(|format| live.text(format))
            }
        };
        cancel || self.timeout.as_ref().is_some_and(|format| live.text(format))
    }

    fn resolve(&self, scope: &Scope, what: &str) -> Result<(Option<Duration>, Cancel), ResolveError> {
        let timeout = match &self.timeout {
            Some(format) => seconds(scope, format!("timeout of {what}"), format)?,
            None => None,
        };
        let notice = |period: &Option<FormatString>| match period {
            Some(format) => self.period(scope, what, format),
            None => Ok(None),
        };
        let cancel = match &self.cancel {
            None => Cancel::Undeclared,
            Some(CancelationMode::Terminate) => Cancel::Terminate,
            Some(CancelationMode::NotifyThenTerminate { notify_period_in_seconds: period }) => {
                Cancel::Notify(notice(period)?.unwrap_or(self.notice))
            }
            Some(CancelationMode::DeferredMode { mode, notify_period_in_seconds: period }) => {
                let label = format!("cancelation mode of {what}");
                match scope.value(&label, mode)? {
                    ExprValue::Null => Cancel::Undeclared,
                    ExprValue::String(word) if word == "NOTIFY_THEN_TERMINATE" => {
                        Cancel::Notify(notice(period)?.unwrap_or(self.notice))
                    }
                    ExprValue::String(word) if word == "TERMINATE" => match notice(period)? {
                        None => Cancel::Terminate,
                        Some(_) => {
                            let wanted = "NOTIFY_THEN_TERMINATE where a notice period is given";
                            return Err(ResolveError::Value { what: label, wanted, value: word });
                        }
                    },
                    other => {
                        let wanted = "TERMINATE, NOTIFY_THEN_TERMINATE or null";
                        return Err(ResolveError::Value { what: label, wanted, value: other.to_display_string() });
                    }
                }
            }
        };
        Ok((timeout, cancel))
    }

    fn period(&self, scope: &Scope, what: &str, format: &FormatString) -> Result<Option<Duration>, ResolveError> {
        let label = format!("notice period of {what}");
        match seconds(scope, label.clone(), format)? {
            Some(long) if long > MAX_NOTICE => {
                let value = long.as_secs().to_string();
                Err(ResolveError::Value { what: label, wanted: "at most 600 seconds", value })
            }
            period => Ok(period),
        }
    }
}

/// A positive number of whole seconds; null means not given.
fn seconds(scope: &Scope, what: String, format: &FormatString) -> Result<Option<Duration>, ResolveError> {
    let value = scope.value(&what, format)?;
    let number = match &value {
        ExprValue::Null => return Ok(None),
        ExprValue::Int(number) => u64::try_from(*number).ok(),
        other => other.to_display_string().trim().parse().ok(),
    };
    match number {
        Some(number) if number > 0 => Ok(Some(Duration::from_secs(number))),
        _ => {
            let wanted = "a positive number of seconds";
            Err(ResolveError::Value { what, wanted, value: value.to_display_string() })
        }
    }
}

/// `AUTO` becomes what the machine uses; without a wish the text stays as it is.
fn line_end(wish: Option<EndOfLine>, style: PathStyle) -> Option<EndOfLine> {
    match (wish, style) {
        (Some(EndOfLine::Auto), PathStyle::Windows) => Some(EndOfLine::Crlf),
        (Some(EndOfLine::Auto), PathStyle::Posix) => Some(EndOfLine::Lf),
        (wish, _) => wish,
    }
}

fn with_line_end(text: String, end: Option<EndOfLine>) -> String {
    match end {
        None | Some(EndOfLine::Auto) => text,
        Some(EndOfLine::Lf) => text.replace("\r\n", "\n"),
        Some(EndOfLine::Crlf) => text.replace("\r\n", "\n").replace('\n', "\r\n"),
    }
}
