use std::{collections::BTreeSet, fmt, sync::Arc};

use openjd_expr::{
    ExprType, ExprValue, FormatString, FormatStringOptions, FunctionLibrary, PathFormat, SerializedSymbolTable,
    SymbolTable, eval::ParsedExpression, format_string::copy_symbol_value,
};
use openjd_model::job::{Action, CancelationMode, Environment};

use super::error::ResolveError;

/// The names a format string may use, with what is needed to evaluate it.
#[derive(Clone)]
pub(super) struct Scope {
    pub(super) table: SymbolTable,
    pub(super) library: Arc<FunctionLibrary>,
    pub(super) format: PathFormat,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("names", &self.table.all_paths("")).finish_non_exhaustive()
    }
}

impl Scope {
    pub(super) fn set(&mut self, name: &str, value: ExprValue) -> Result<(), ResolveError> {
        self.table
            .set(name, value)
            .map_err(|error| ResolveError::Format { what: name.to_owned(), reason: error.to_string() })
    }

    pub(super) fn set_path(&mut self, name: &str, path: &str) -> Result<(), ResolveError> {
        self.set(name, ExprValue::new_path(path, self.format))
    }

    fn options(&self) -> FormatStringOptions<'_> {
        FormatStringOptions::new().with_library(Some(&*self.library)).with_path_format(self.format)
    }

    /// The text of `format`; null is empty.
    pub(super) fn text(&self, what: impl fmt::Display, format: &FormatString) -> Result<String, ResolveError> {
        if format.segment_count() > MAX_UNCHECKED_SEGMENTS && format.has_complex_expressions() {
            return self.long_text(&what, format.raw());
        }
        format.resolve_string_with(&self.table, &self.options()).map_err(|error| failed(&what, &error))
    }

    /// Puts a text of many expressions together one by one, so that it cannot outgrow [`MAX_TEXT_BYTES`]: the evaluator
    /// bounds each expression, but not their sum.
    fn long_text(&self, what: &dyn fmt::Display, raw: &str) -> Result<String, ResolveError> {
        let mut text = String::new();
        let mut rest = raw;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (expression, after) = after.split_once("}}").unwrap_or((after, ""));
            text.push_str(literal);
            let parsed = ParsedExpression::new(expression.trim()).map_err(|error| failed(what, &error))?;
            match self.evaluate(what, &parsed)? {
                ExprValue::Null => {}
                value => text.push_str(&value.to_display_string()),
            }
            bounded(what, text.len())?;
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }

    /// The value of `format`, typed when it is one expression.
    pub(super) fn value(&self, what: impl fmt::Display, format: &FormatString) -> Result<ExprValue, ResolveError> {
        if format.segment_count() > MAX_UNCHECKED_SEGMENTS {
            return self.text(what, format).map(ExprValue::String);
        }
        format.resolve_with(&self.table, &self.options()).map_err(|error| failed(&what, &error))
    }

    /// The arguments `format` stands for: none for null, several for a list, else one.
    pub(super) fn arguments(
        &self,
        what: impl fmt::Display,
        format: &FormatString,
    ) -> Result<Vec<String>, ResolveError> {
        let value = self.value(what, format)?;
        Ok(match value {
            ExprValue::Null => Vec::new(),
            list if list.is_list() => {
                list.list_elements().unwrap_or_default().iter().map(ExprValue::to_display_string).collect()
            }
            one => vec![one.to_display_string()],
        })
    }

    pub(super) fn evaluate(
        &self,
        what: impl fmt::Display,
        expression: &ParsedExpression,
    ) -> Result<ExprValue, ResolveError> {
        expression
            .with_library(&self.library)
            .with_path_format(self.format)
            .evaluate(&[&self.table])
            .map_err(|error| failed(&what, &error))
    }
}

fn failed(what: &dyn fmt::Display, error: &dyn fmt::Display) -> ResolveError {
    ResolveError::Format { what: what.to_string(), reason: error.to_string() }
}

/// Longest text, or all arguments of an action together, in bytes: several times what a system lets a program have.
const MAX_TEXT_BYTES: usize = 16 << 20;
/// Expressions in one text that are evaluated without adding up their sizes; each is bounded by the evaluator.
const MAX_UNCHECKED_SEGMENTS: usize = 4;

/// Refuses what grew beyond [`MAX_TEXT_BYTES`].
pub(super) fn bounded(what: &dyn fmt::Display, bytes: usize) -> Result<(), ResolveError> {
    if bytes <= MAX_TEXT_BYTES {
        return Ok(());
    }
    let (what, value) = (what.to_string(), format!("{bytes} bytes"));
    Err(ResolveError::Value { what, wanted: "at most 16 MiB long", value })
}

/// A list of texts as expressions see it.
pub(super) fn texts(all: &[String]) -> Result<ExprValue, ResolveError> {
    let elements = all.iter().cloned().map(ExprValue::String).collect();
    ExprValue::make_list(elements, ExprType::STRING).map_err(|error| failed(&"a list of texts", &error))
}

/// Every format string of an action.
pub(super) fn formats(action: &Action) -> impl Iterator<Item = &FormatString> {
    let cancel = match &action.cancelation {
        None | Some(CancelationMode::Terminate) => [None, None],
        Some(CancelationMode::NotifyThenTerminate { notify_period_in_seconds }) => {
            [notify_period_in_seconds.as_ref(), None]
        }
        Some(CancelationMode::DeferredMode { mode, notify_period_in_seconds }) => {
            [Some(mode), notify_period_in_seconds.as_ref()]
        }
    };
    std::iter::once(&action.command)
        .chain(action.args.iter().flatten())
        .chain(action.timeout.as_ref())
        .chain(cancel.into_iter().flatten())
}

/// Every symbol that a script's format strings and bindings name.
pub(super) fn used<'a>(
    formats: impl Iterator<Item = &'a FormatString>,
    lets: Option<&[String]>,
    into: &mut BTreeSet<String>,
) {
    into.extend(formats.flat_map(FormatString::accessed_symbols));
    for expression in lets.into_iter().flatten().filter_map(|binding| binding.split_once('=')) {
        if let Ok(parsed) = ParsedExpression::new(expression.1.trim()) {
            into.extend(parsed.accessed_symbols().iter().cloned());
        }
    }
}

pub(super) fn used_by(environment: &Environment, into: &mut BTreeSet<String>) {
    let variables = environment.variables.iter().flat_map(|all| all.values());
    used(variables, None, into);
    if let Some(script) = &environment.script {
        let files = script.embedded_files.iter().flatten().filter_map(|file| file.data.as_ref());
        let actions = script.actions.iter_actions().flat_map(formats);
        used(actions.chain(files), script.let_bindings.as_deref(), into);
    }
}

/// True when both steps enter the very same environments: equal texts, and equal values of everything the texts name.
pub(super) fn same_environments(a: (&[Environment], &SymbolTable), b: (&[Environment], &SymbolTable)) -> bool {
    if a.0 != b.0 {
        return false;
    }
    let mut symbols = BTreeSet::new();
    a.0.iter().for_each(|environment| used_by(environment, &mut symbols));
    let values = |table: &SymbolTable| {
        let mut some = SymbolTable::new();
        symbols.iter().for_each(|symbol| copy_symbol_value(symbol, table, &mut some));
        SerializedSymbolTable::from_symtab(&some)
    };
    values(a.1) == values(b.1)
}
