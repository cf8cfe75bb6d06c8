use crate::{Objection, Policy, Reason, Rung, Scope, posture::Postures};

/// What of the machine may be had for new tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offer {
    /// By jobs of others.
    pub others: Lent,
    /// By jobs of the machine's owner.
    pub own: Lent,
}

/// What one side may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lent {
    /// How much.
    pub share: Share,
    /// Whether graphics are part of it.
    pub graphics: bool,
}

/// How much; [`crate::Limits::lent`] says what that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// Nothing.
    #[default]
    Nothing,
    /// What is left beside somebody who works there.
    Softened,
    /// All that is ever lent.
    All,
}

impl Offer {
    /// What is left at these postures; while nobody's presence matters, something beside whoever is there.
    pub(crate) fn at(policy: &Policy, idle_matters: bool, postures: &Postures, objections: &[Objection]) -> Self {
        let paused =
            objections.iter().any(|objection| matches!(objection.reason, Reason::Paused | Reason::PausedUntil(_)));
        let rung = |scopes: &[Scope]| postures.rung(scopes);
        let graphics = |scopes: &[Scope]| policy.limits.graphics && rung(scopes) == Rung::Free;

        let everyone = &[Scope::Everyone];
        let own = Lent {
            share: if paused { Share::Nothing } else { share(rung(everyone), true) },
            graphics: graphics(&[Scope::Graphics]),
        };
        let others = &[Scope::Everyone, Scope::Others];
        let beside = !idle_matters && only_in_use(others, postures, objections);
        let others = Lent {
            share: if paused || policy.only_mine { Share::Nothing } else { share(rung(others), beside) },
            graphics: graphics(&[Scope::Graphics, Scope::Desktop]),
        };
        let may_have = |lent: Lent| if lent.share == Share::Nothing { Lent::default() } else { lent };
        let own = if policy.mine_wait && !policy.only_mine { others } else { own };
        Self { others: may_have(others), own: may_have(own) }
    }

    /// What is in both.
    pub(crate) fn at_most(self, other: Self) -> Self {
        let least = |one: Lent, other: Lent| Lent {
            share: one.share.min(other.share),
            graphics: one.graphics && other.graphics,
        };
        Self { others: least(self.others, other.others), own: least(self.own, other.own) }
    }
}

/// `beside` says whether tasks may start beside somebody who is there.
fn share(rung: Rung, beside: bool) -> Share {
    match rung {
        Rung::Free => Share::All,
        Rung::Soften if beside => Share::Softened,
        Rung::Hold | Rung::Soften | Rung::Freeze | Rung::Pack | Rung::End => Share::Nothing,
    }
}

/// True if nothing is against it but that somebody is there.
fn only_in_use(scopes: &[Scope], postures: &Postures, objections: &[Objection]) -> bool {
    let in_use = |reason: &Reason| matches!(reason, Reason::InUse { .. });
    let mut here = objections.iter().filter(|objection| scopes.contains(&objection.scope));
    here.all(|objection| in_use(&objection.reason))
        && scopes.iter().filter_map(|scope| postures.of(*scope).reason()).all(in_use)
}
