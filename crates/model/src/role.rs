use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a machine of the grid may do on the other machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its jobs may run there.
    Run,
    /// It may see what they share.
    Files,
    /// It may change their links.
    Links,
    /// It may let machines in and revoke them.
    Admin,
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no role: there are run, files, links and admin")]
pub struct RoleError {
    /// The text.
    pub text: String,
}

impl Role {
    /// Every role: what a machine of one's own has unless said otherwise.
    pub const ALL: [Self; 4] = [Self::Run, Self::Files, Self::Links, Self::Admin];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Files => "files",
            Self::Links => "links",
            Self::Admin => "admin",
        }
    }

    /// Several as people read them: `run, files`, or `none`.
    #[must_use]
    pub fn list(roles: &BTreeSet<Self>) -> String {
        let words: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let named = Self::ALL.into_iter().find(|role| role.as_str() == text);
        named.ok_or_else(|| RoleError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_by_its_word_only() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err() && "Admin".parse::<Role>().is_err());
        assert_eq!(Role::list(&BTreeSet::from([Role::Files, Role::Run])), "run, files");
        assert_eq!(Role::list(&BTreeSet::new()), "none");
    }
}
