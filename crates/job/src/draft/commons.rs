use std::collections::BTreeSet;

use gridwell_model::{Needs, Preference};

use super::{DraftError, DraftRequest, path};
use crate::{
    files::{FileKind, Files},
    openjd::{DataFlow, Folders, JobPlan, ObjectKind, ParameterKind, Template},
    recipe::Recipes,
};

/// Most files that one folder given as input may hold.
const MAX_FOLDER_FILES: usize = 100_000;

/// Longest job name in characters.
const MAX_NAME: usize = 128;

/// What every kind of draft is made with.
pub(super) struct Desk<'a> {
    pub(super) request: &'a DraftRequest,
    pub(super) recipes: &'a Recipes,
    pub(super) files: &'a dyn Files,
    /// The request's folder, absolute and plain.
    pub(super) folder: String,
}

/// A template with values, looked through: what it reads and where it writes.
pub(super) struct Filled {
    pub(super) template: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) inputs: BTreeSet<String>,
    pub(super) output_folders: Vec<String>,
    pub(super) plan: JobPlan,
}

impl Filled {
    pub(super) fn task_count(&self) -> u64 {
        self.plan.steps().iter().map(|step| u64::from(step.task_count)).sum()
    }
}

impl Desk<'_> {
    /// Requirements and wishes that were asked for, on top of `needs`.
    pub(super) fn wishes(&self, mut needs: Needs) -> Result<(Needs, Vec<Preference>), DraftError> {
        for words in &self.request.needs {
            needs.merge(words.parse()?);
        }
        needs.only_on.extend(self.request.on.iter().cloned());
        let prefers = self.request.prefers.iter().map(|words| words.parse()).collect::<Result<_, _>>()?;
        Ok((needs, prefers))
    }

    /// The name asked for, or `choice` made fit to be one.
    pub(super) fn job_name(&self, choice: &str) -> Result<String, DraftError> {
        if let Some(name) = &self.request.name {
            let good =
                !name.trim().is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
            let bad = || DraftError::BadName { name: name.escape_debug().to_string(), limit: MAX_NAME };
            return good.then(|| name.clone()).ok_or_else(bad);
        }
        let plain: String = choice.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let plain = plain.trim();
        if plain.chars().count() <= MAX_NAME {
            return Ok(if plain.is_empty() { "job".to_owned() } else { plain.to_owned() });
        }
        Ok(plain.chars().take(MAX_NAME - 1).chain(['…']).collect())
    }

    /// Where outputs land: what was asked for, else `choice`.
    pub(super) fn output(&self, choice: &str) -> Result<String, DraftError> {
        let path = match &self.request.output {
            Some(asked) => path::absolute(asked, &self.folder)?,
            None => path::normal(choice),
        };
        match self.files.kind(&path) {
            FileKind::Folder | FileKind::Missing => Ok(path),
            FileKind::Unreadable { reason } => Err(DraftError::OutputUnreadable { path, reason }),
            FileKind::File { .. } | FileKind::Other => Err(DraftError::OutputNotAFolder { path }),
        }
    }

    /// Looks at a path that must be a readable file or folder.
    pub(super) fn look(&self, path: &str) -> Result<FileKind, DraftError> {
        let path = path.to_owned();
        match self.files.kind(&path) {
            FileKind::Missing => Err(DraftError::Missing { path }),
            FileKind::Unreadable { reason } => Err(DraftError::Unreadable { path, reason }),
            FileKind::Other => Err(DraftError::NotAFile { path }),
            kind => Ok(kind),
        }
    }

    /// Every regular file below the folder `path`, or the file itself.
    pub(super) fn files_of(&self, path: &str) -> Result<BTreeSet<String>, DraftError> {
        let mut found = BTreeSet::new();
        let mut open = vec![path.to_owned()];
        while let Some(path) = open.pop() {
            match self.look(&path)? {
                FileKind::Folder => open.extend(self.names(&path)?.into_iter().map(|name| format!("{path}/{name}"))),
                _ => {
                    found.insert(path.clone());
                }
            }
            if found.len() + open.len() > MAX_FOLDER_FILES {
                return Err(DraftError::TooManyFiles { path, limit: MAX_FOLDER_FILES });
            }
        }
        Ok(found)
    }

    /// The names inside a folder, sorted.
    pub(super) fn names(&self, folder: &str) -> Result<Vec<String>, DraftError> {
        let unreadable =
            |error: std::io::Error| DraftError::Unreadable { path: folder.to_owned(), reason: error.to_string() };
        let listed = self.files.list(folder).map_err(unreadable)?;
        let utf8 = |name: std::ffi::OsString| {
            name.into_string()
                .map_err(|name| DraftError::NotUtf8 { shown: format!("{folder}/{}", name.to_string_lossy()) })
        };
        let mut names = listed.into_iter().map(utf8).collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        Ok(names)
    }

    /// Gives a template its values and finds out what it reads and writes; `what` names it in errors.
    pub(super) fn fill(
        &self,
        what: &str,
        template: &Template,
        values: &[(String, String)],
        folders: &Folders<'_>,
    ) -> Result<Filled, DraftError> {
        let refuse = |source| DraftError::Job { what: what.to_owned(), source };
        let parameters = template.fill(values, folders).map_err(|error| refuse(error.into()))?;
        let plan = template.clone().create(&parameters).map_err(refuse)?;
        let mut filled = Filled {
            template: template.to_json(),
            inputs: BTreeSet::new(),
            output_folders: Vec::new(),
            plan,
            parameters,
        };
        for parameter in template.parameters() {
            let value =
                filled.parameters.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone());
            let paths = match (parameter.kind, value) {
                (ParameterKind::Path, Some(value)) => vec![value],
                (ParameterKind::ListPath, Some(value)) => serde_json::from_str(&value).unwrap_or_default(),
                _ => continue,
            };
            for path in paths.iter().filter(|path| !path.is_empty()) {
                self.stage(path, parameter.flow, parameter.object, &mut filled)?;
            }
        }
        Ok(filled)
    }

    fn stage(
        &self,
        path: &str,
        flow: DataFlow,
        object: Option<ObjectKind>,
        filled: &mut Filled,
    ) -> Result<(), DraftError> {
        let path =
            if path.starts_with('/') { path::normal(path) } else { path::normal(&format!("{}/{path}", self.folder)) };
        if matches!(flow, DataFlow::In | DataFlow::Inout) {
            filled.inputs.extend(self.files_of(&path)?);
        }
        if matches!(flow, DataFlow::Out | DataFlow::Inout) {
            let folder = if object == Some(ObjectKind::File) { path::parent(&path).to_owned() } else { path };
            if !filled.output_folders.contains(&folder) {
                filled.output_folders.push(folder);
            }
        }
        Ok(())
    }
}
