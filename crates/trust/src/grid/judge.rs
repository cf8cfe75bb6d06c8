//! Whether an update's author had the right to write it, by what the author knew.

use gridwell_model::{PeerId, Role};

use super::{log::Effect, view::View};
use crate::update::{Author, Deed, Update};

/// How an update counts, given what its author knew; `None` if the author had no right to it.
pub(super) fn judge(known: &View, update: &Update) -> Option<Effect> {
    match update.author {
        Author::Member(by) => match &update.deed {
            // Its grid's id proves it.
            Deed::Found { .. } => Some(Effect::Plain),
            deed => judge_member(known, by, deed),
        },
        Author::Recovery(key) if known.recovery == Some(key) => match update.deed {
            Deed::Revoke { peer } => known.members.contains_key(&peer).then_some(Effect::Removal { alone: true }),
            Deed::Restore { .. } => Some(Effect::Plain),
            Deed::SetRecovery { .. } => Some(Effect::Recovery { alone: true }),
            _ => None,
        },
        Author::Recovery(_) => None,
    }
}

fn judge_member(known: &View, by: PeerId, deed: &Deed) -> Option<Effect> {
    let me = known.members.get(&by)?;
    let admin = me.roles.contains(&Role::Admin);
    match deed {
        Deed::Describe { .. } => Some(Effect::Plain),
        // Whoever goes asks nobody.
        Deed::Revoke { peer } if *peer == by => Some(Effect::Removal { alone: true }),
        Deed::SetRoles { peer, roles } if *peer == by => {
            let gives_up = admin && !roles.contains(&Role::Admin);
            let takes = roles.difference(&me.roles).any(|role| !admin || *role == Role::Admin);
            (!takes).then_some(if gives_up { Effect::Demotion { alone: true } } else { Effect::Plain })
        }
        _ if !admin => None,
        Deed::Admit { peer, roles, .. } => {
            (*peer != by).then_some(if roles.contains(&Role::Admin) && !known.is_admin(*peer) {
                Effect::Claim
            } else {
                Effect::Plain
            })
        }
        Deed::SetRoles { peer, roles } => {
            let target = known.members.get(peer)?;
            Some(match (target.roles.contains(&Role::Admin), roles.contains(&Role::Admin)) {
                (false, true) => Effect::Claim,
                (true, false) => Effect::Demotion { alone: false },
                _ => Effect::Plain,
            })
        }
        Deed::Revoke { peer } => {
            known.members.get(peer).map(|target| Effect::Removal { alone: !target.roles.contains(&Role::Admin) })
        }
        Deed::Renew { peers, .. } => {
            // A stolen machine must not live for ever by its own word.
            let sole = known.admins().count() == 1;
            let renewable =
                |peer: &PeerId| known.members.get(peer).is_some_and(|member| !member.guest) && (*peer != by || sole);
            peers.iter().all(renewable).then_some(Effect::Plain)
        }
        Deed::SetRecovery { .. } => Some(Effect::Recovery { alone: known.admins().count() == 1 }),
        Deed::Found { .. } | Deed::Restore { .. } => None,
    }
}
