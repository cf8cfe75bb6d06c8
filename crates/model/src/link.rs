use serde::{Deserialize, Serialize};

use crate::{PeerId, Stamp};

/// What people want of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LinkPolicy {
    /// The grid decides.
    #[default]
    Automatic,
    /// It is always kept.
    Pinned,
    /// It is never made.
    Forbidden,
}

/// What the owner of one end wants of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkWish {
    /// What.
    pub policy: LinkPolicy,
    /// Grows by one with each change; 0 when its owner never said anything.
    pub revision: u32,
    /// When it was last changed, by the clock of that end; means nothing at revision 0.
    pub changed: Stamp,
}

impl LinkWish {
    /// The wish after its owner asked for `policy`.
    #[must_use]
    pub const fn changed_to(self, policy: LinkPolicy, now: Stamp) -> Self {
        Self { policy, revision: self.revision.saturating_add(1), changed: now }
    }

    /// True if the owner of this end does not allow the link.
    #[must_use]
    pub const fn forbids(&self) -> bool {
        matches!(self.policy, LinkPolicy::Forbidden)
    }
}

/// The owner of one machine asks the owner of another one to let it pin the link between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkAsk {
    /// Grows from one ask of a machine to the next.
    pub number: u64,
    /// The revision that the wish of the machine that asks will have at least once the link is pinned.
    pub revision: u32,
}

/// What became of a [`LinkAsk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkAnswer {
    /// It was heard; a person is asked.
    Waiting,
    /// Yes.
    Allowed,
    /// No.
    Declined,
    /// It was taken back, and nothing of it is known any more.
    Forgotten,
}

/// What holds on a link, from what the owners of its two ends want. Both ends come to the same rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkRule {
    /// Forbidden if either end forbids it, else pinned if either end pins it.
    pub policy: LinkPolicy,
    /// Grows with each change at either end.
    pub revision: u64,
    /// The end that changed last, and when.
    pub changed: Option<(PeerId, Stamp)>,
}

impl LinkRule {
    /// The rule of the link between two peers that want these.
    #[must_use]
    pub fn of(one: (PeerId, LinkWish), other: (PeerId, LinkWish)) -> Self {
        let policies = [one.1.policy, other.1.policy];
        let policy = [LinkPolicy::Forbidden, LinkPolicy::Pinned].into_iter().find(|policy| policies.contains(policy));
        let changes = [one, other].into_iter().filter(|(_, wish)| wish.revision > 0);
        let last = changes.max_by_key(|(peer, wish)| (wish.changed, *peer));
        Self {
            policy: policy.unwrap_or_default(),
            revision: u64::from(one.1.revision) + u64::from(other.1.revision),
            changed: last.map(|(peer, wish)| (peer, wish.changed)),
        }
    }
}

/// A link, as one of its ends tells others of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReport {
    /// The other end.
    pub peer: PeerId,
    /// Whether it carries anything.
    pub up: bool,
    /// Round-trip time in microseconds, once measured.
    pub rtt_micros: Option<u32>,
    /// Since when it has been up or down, by the clock of the end that tells.
    pub since: Stamp,
    /// What the owner of the end that tells wants of it.
    pub wish: LinkWish,
    /// True if the end that tells does without it: a link that rests at both ends is let go.
    pub rests: bool,
}

impl LinkReport {
    /// Most links that one peer tells of: those of the largest grids whose map people can read, in one frame.
    pub const MAX_LINKS: usize = 512;
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PeerId = PeerId([1; 32]);
    const BOB: PeerId = PeerId([2; 32]);

    fn wish(policy: LinkPolicy, revision: u32, changed: u64) -> LinkWish {
        LinkWish { policy, revision, changed: Stamp(changed) }
    }

    #[test]
    fn a_no_of_either_end_counts_then_a_pin_of_either_end() {
        use LinkPolicy::{Automatic, Forbidden, Pinned};
        for (one, other, rule) in [
            (Automatic, Automatic, Automatic),
            (Pinned, Automatic, Pinned),
            (Pinned, Forbidden, Forbidden),
            (Automatic, Forbidden, Forbidden),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(LinkRule::of((ANN, wish(one, 1, 1)), (BOB, wish(other, 1, 1))).policy, rule);
            }
        }
    }

    #[test]
    fn both_ends_name_the_same_revision_and_the_same_last_change() {
        let ends = [(ANN, wish(LinkPolicy::Pinned, 2, 50)), (BOB, wish(LinkPolicy::Automatic, 3, 40))];
        let rule = LinkRule::of(ends[0], ends[1]);
        assert_eq!((rule.revision, rule.changed), (5, Some((ANN, Stamp(50)))));
        assert_eq!(LinkRule::of(ends[1], ends[0]), rule);
        assert_eq!(LinkRule::of((ANN, LinkWish::default()), (BOB, LinkWish::default())), LinkRule::default());
    }

    #[test]
    fn every_change_has_a_revision_of_its_own() {
        let wish = LinkWish::default().changed_to(LinkPolicy::Forbidden, Stamp(7));
        assert!(wish.forbids() && wish.revision == 1 && wish.changed == Stamp(7));
        assert_eq!(wish.changed_to(LinkPolicy::Automatic, Stamp(8)).revision, 2);
    }
}
