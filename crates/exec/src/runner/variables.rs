use std::{collections::BTreeMap, ffi::OsString, path::Path};

use super::output::Changes;
use crate::spare::MARK;

/// Where programs are looked for when nothing says it.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a session's programs find in their environment: the allow-list, then the session's variables, then one layer
/// for each environment that is entered.
#[derive(Debug)]
pub(crate) struct Variables {
    base: BTreeMap<OsString, OsString>,
    layers: Vec<Changes>,
    effective: BTreeMap<OsString, OsString>,
}

impl Variables {
    /// `inherited` is already the allow-list: the node starts its runners with nothing else.
    pub(crate) fn new(
        inherited: impl Iterator<Item = (OsString, OsString)>,
        folder: &Path,
        session: &[(String, String)],
    ) -> Self {
        let mut base: BTreeMap<OsString, OsString> = inherited.collect();
        base.entry("PATH".into()).or_insert_with(|| DEFAULT_PATH.into());
        base.insert("TMPDIR".into(), folder.into());
        // A runner that waited for a session was started before it had a folder.
        base.insert(MARK.into(), folder.into());
        base.extend(session.iter().map(|(name, value)| (name.into(), value.into())));
        let effective = base.clone();
        Self { base, layers: Vec::new(), effective }
    }

    /// Enters an environment that sets `variables`.
    pub(crate) fn push(&mut self, variables: &[(String, String)]) {
        self.layers.push(variables.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect());
        self.settle();
    }

    /// Changes variables until the last entered environment is left.
    pub(crate) fn change(&mut self, changes: Changes) {
        if changes.is_empty() {
            return;
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.extend(changes);
        }
        self.settle();
    }

    /// Leaves the last entered environment.
    pub(crate) fn pop(&mut self) {
        self.layers.pop();
        self.settle();
    }

    pub(crate) fn all(&self) -> &BTreeMap<OsString, OsString> {
        &self.effective
    }

    fn settle(&mut self) {
        self.effective = self.base.clone();
        for (name, value) in self.layers.iter().flatten() {
            match value {
                Some(value) => self.effective.insert(name.into(), value.into()),
                None => self.effective.remove(&OsString::from(name)),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_an_environment_takes_its_changes_along() {
        let mut variables = Variables::new(std::iter::empty(), Path::new("/s"), &[("A".into(), "session".into())]);
        variables.push(&[("A".into(), "outer".into())]);
        variables.push(&[]);
        variables.change(vec![("A".into(), None), ("B".into(), Some("inner".into()))]);
        let get = |variables: &Variables, name: &str| variables.all().get(std::ffi::OsStr::new(name)).cloned();
        assert_eq!((get(&variables, "A"), get(&variables, "B")), (None, Some("inner".into())));
        variables.pop();
        assert_eq!((get(&variables, "A"), get(&variables, "B")), (Some("outer".into()), None));
        variables.pop();
        assert_eq!(get(&variables, "A"), Some("session".into()));
        assert_eq!(get(&variables, "TMPDIR"), Some("/s".into()));
    }
}
