use std::{collections::BTreeSet, fmt};

use gridwell_model::{GridId, PeerId, Role, Stamp};
use serde::{Deserialize, Serialize};

/// Changes what a machine may do on the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// The machine: its name or the first letters of its id.
    pub machine: String,
    /// Roles that it gets.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub give: BTreeSet<Role>,
    /// Roles that it loses.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub take: BTreeSet<Role>,
}

/// Takes a machine out of the grid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    /// The machine: its name or the first letters of its id.
    pub machine: String,
}

/// Makes this machine an admin by the recovery words.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct RecoverRequest {
    /// The 24 words.
    pub words: String,
    /// Machines to revoke with them, admins too: names or the first letters of ids.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub revoke: Vec<String>,
}

impl fmt::Debug for RecoverRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoverRequest").field("revoke", &self.revoke).finish_non_exhaustive()
    }
}

/// Who belongs to the grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MembersView {
    /// The grid.
    pub grid: GridId,
    /// Every member, this machine first.
    pub members: Vec<MemberView>,
    /// Machines that were members.
    pub revoked: Vec<RevokedView>,
    /// What another admin has to confirm.
    pub proposals: Vec<ProposalView>,
    /// Whether recovery words are set.
    pub recovery: bool,
}

/// A member of the grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MemberView {
    /// Its key.
    pub id: PeerId,
    /// What people call it.
    pub name: String,
    /// True for this machine.
    pub this: bool,
    /// What it may do on the others.
    pub roles: BTreeSet<Role>,
    /// True if it has a guest pass, which ends; other certificates are renewed.
    pub guest: bool,
    /// When its guest pass or its certificate ends.
    pub until: Stamp,
    /// True if that is over.
    pub expired: bool,
    /// When it was let in.
    pub since: Stamp,
}

/// A machine that was a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RevokedView {
    /// Its key.
    pub id: PeerId,
    /// What people called it.
    pub name: String,
    /// Who revoked it; nobody named if the recovery words did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, by that machine's clock.
    pub at: Stamp,
}

/// What one admin wants and another has to confirm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ProposalView {
    /// Who wants it.
    pub by: PeerId,
    /// What it would change.
    pub what: ProposalKind,
    /// Of which machine; absent for recovery words.
    pub machine: Option<PeerId>,
    /// What, one sentence.
    pub sentence: String,
    /// The command that confirms it at another admin's machine.
    pub confirm: String,
}

/// What takes the word of a second admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ProposalKind {
    /// One more admin.
    Admin,
    /// An admin would be none any more.
    NoAdmin,
    /// An admin would leave the grid.
    Revoke,
    /// Recovery words.
    Recovery,
}

/// What became of a wish about the members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct GovernedView {
    /// False if another admin has to confirm it first.
    pub in_effect: bool,
    /// One sentence.
    pub sentence: String,
}

/// Recovery words, shown this once: the grid keeps only their public key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RecoveryWordsView {
    /// The 24 words, one blank between two.
    pub words: String,
    /// False if another admin has to confirm them first.
    pub in_effect: bool,
    /// One sentence.
    pub sentence: String,
}

impl fmt::Debug for RecoveryWordsView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryWordsView").field("in_effect", &self.in_effect).finish_non_exhaustive()
    }
}
