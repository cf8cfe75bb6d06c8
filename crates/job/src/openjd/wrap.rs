use std::collections::BTreeMap;

use openjd_expr::ExprValue;
use openjd_model::job::Environment;

use super::{
    action::{Cancel, Resolved},
    error::ResolveError,
    scope::{Scope, texts},
};

/// Whose action a wrapping environment runs instead. Source: Open Job Description RFC 0008.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wrapped<'a> {
    Environment(&'a str),
    Step(&'a str),
}

/// Tells a wrap hook about the action it stands for.
pub(super) fn seed(
    hook: &mut Scope,
    whose: Wrapped<'_>,
    inner: &Resolved,
    variables: &BTreeMap<String, String>,
) -> Result<(), ResolveError> {
    match whose {
        Wrapped::Environment(name) => hook.set("WrappedEnv.Name", ExprValue::from(name))?,
        Wrapped::Step(name) => hook.set("WrappedStep.Name", ExprValue::from(name))?,
    }
    let environment: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let secs = |secs: u64| ExprValue::Int(i64::try_from(secs).unwrap_or(i64::MAX));
    let (mode, period) = match inner.cancel {
        Cancel::Undeclared => (ExprValue::Null, ExprValue::Null),
        Cancel::Terminate => (ExprValue::from("TERMINATE"), ExprValue::Null),
        Cancel::Notify(notice) => (ExprValue::from("NOTIFY_THEN_TERMINATE"), secs(notice.as_secs())),
    };
    hook.set("WrappedAction.Command", ExprValue::from(inner.program.as_str()))?;
    hook.set("WrappedAction.Args", texts(&inner.args)?)?;
    hook.set("WrappedAction.Environment", texts(&environment)?)?;
    hook.set("WrappedAction.Timeout", inner.timeout.map_or(ExprValue::Null, |timeout| secs(timeout.as_secs())))?;
    hook.set("WrappedAction.Cancelation.Mode", mode)?;
    hook.set("WrappedAction.Cancelation.NotifyPeriodInSeconds", period)
}

/// True for the one environment of a session that may wrap the actions inside it.
pub(super) fn wraps(environment: &Environment) -> bool {
    environment.script.as_ref().is_some_and(|script| script.actions.has_any_wrap_hook())
}
