//! Whose word counts: of members, and only once what they know of the membership has come.

use gridwell_model::{Decline, PeerId, Role};
use gridwell_trust::Standing;
use gridwell_wire::Message;

use super::Core;
use crate::clock;

/// Messages of one peer kept until its membership log has come, which it sends first: a few that overtook the link's first
/// word at its own side. More are dropped; leases end and reports are said again.
const MAX_EARLY: usize = 64;

impl Core {
    /// True if what `peer` says counts now: its membership log was merged, and it is a member by all that is known.
    pub(crate) fn heeds(&self, peer: PeerId) -> bool {
        let standing = self.membership.grid.standing(peer, clock::stamp());
        peer == self.me || (self.has_heard(peer) && standing == Standing::Member)
    }

    /// True if what `peer` knew of the membership when its link came up has been merged. What comes over links of others
    /// comes behind the log of the neighbour that hands it on.
    pub(super) fn has_heard(&self, peer: PeerId) -> bool {
        self.membership.heard.contains(&peer) || !self.links.is_up(peer)
    }

    /// A link came up or went: what its peer knows of the membership is not known.
    pub(super) fn forget_heard(&mut self, peer: PeerId) {
        self.membership.heard.remove(&peer);
        self.membership.early.remove(&peer);
    }

    /// Passes a message that counts; keeps what came before the peer's log, and drops what is no member's.
    pub(super) fn heed(&mut self, peer: PeerId, message: Message) -> Option<Message> {
        if matches!(
            message,
            Message::Hello(_)
                | Message::Members(_)
                | Message::MembersEnd
                | Message::Ping { .. }
                | Message::Pong { .. }
                | Message::Forbidden(_)
                | Message::Twice(_)
        ) {
            return Some(message);
        }
        if !self.has_heard(peer) {
            let early = self.membership.early.entry(peer).or_default();
            if early.len() < MAX_EARLY {
                early.push(message);
            }
            return None;
        }
        let why = match self.membership.grid.standing(peer, clock::stamp()) {
            Standing::Member => match &message {
                Message::Offer(_) if !self.may(peer, Role::Run) => "its jobs may not run on other machines",
                _ => return Some(message),
            },
            Standing::Expired => "its certificate is over, and no admin has renewed it yet",
            Standing::Gone | Standing::Revoked | Standing::Stranger => "it is not a member any more",
        };
        if let Message::Offer(offer) = message {
            let decline = Message::Decline { lease: offer.lease, why: Decline::Rules(why.to_owned()) };
            if let Err(error) = self.send(peer, &decline) {
                tracing::debug!(%error, "an offer was not declined");
            }
        }
        let machine = self.machines.name(peer);
        if self.membership.is_news(&format!("{peer}: {why}")) {
            tracing::warn!(machine, peer = %peer.short(), why, "what a machine asks for is refused");
        }
        None
    }
}
