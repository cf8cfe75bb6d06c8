use std::{cmp::Reverse, sync::Arc};

use openjd_expr::{HostContext, PathFormat, PathMappingRule, path_mapping::apply_rules_with_format};
use serde::{Deserialize, Serialize};

/// How paths are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PathStyle {
    /// `/folder/file`.
    Posix,
    /// `C:\folder\file`, compared without case.
    Windows,
}

impl PathStyle {
    /// The style of the system this was built for.
    #[must_use]
    pub const fn host() -> Self {
        if cfg!(windows) { Self::Windows } else { Self::Posix }
    }

    pub(super) const fn format(self) -> PathFormat {
        match self {
            Self::Posix => PathFormat::Posix,
            Self::Windows => PathFormat::Windows,
        }
    }

    /// `folder` and `name`, joined as this style does.
    pub(super) fn join(self, folder: &str, name: &str) -> String {
        let separator = match self {
            Self::Posix => '/',
            Self::Windows => '\\',
        };
        if folder.ends_with(separator) { format!("{folder}{name}") } else { format!("{folder}{separator}{name}") }
    }
}

/// Says where a folder of the job's author lies on the machine that runs the task.
///
/// Source: Open Job Description 2023-09, "Path Mapping".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathRule {
    /// How the author's paths are written.
    pub style: PathStyle,
    /// The author's folder or file.
    pub source: String,
    /// The same on this machine.
    pub destination: String,
}

/// Rules in the order they are tried: longest source first; the first that matches wins.
#[derive(Debug, Clone)]
pub(super) struct PathMap {
    rules: Arc<Vec<PathMappingRule>>,
    to: PathStyle,
}

impl PathMap {
    pub(super) fn new(rules: &[PathRule], to: PathStyle) -> Self {
        let mut rules: Vec<_> = rules
            .iter()
            .map(|rule| PathMappingRule {
                source_path_format: rule.style.format(),
                source_path: rule.source.clone(),
                destination_path: rule.destination.clone(),
            })
            .collect();
        rules.sort_by_key(|rule| Reverse(rule.source_path.len()));
        Self { rules: Arc::new(rules), to }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The path on this machine; a path that no rule knows stays as it is.
    pub(super) fn apply(&self, path: &str) -> String {
        apply_rules_with_format(&self.rules, path, self.to.format())
    }

    /// What expressions see of it.
    pub(super) fn host_context(&self) -> HostContext {
        HostContext::WithRules(Arc::clone(&self.rules))
    }

    /// The text of the rules file that programs may read.
    pub(super) fn json(&self) -> String {
        if self.is_empty() {
            return "{}".to_owned();
        }
        let rules: Vec<_> = self.rules.iter().map(|rule| serde_json::json!(rule)).collect();
        serde_json::json!({ "version": "pathmapping-1.0", "path_mapping_rules": rules }).to_string()
    }
}
