//! Writing updates: what a person or the node of a member wants.

use std::{collections::BTreeSet, time::Duration};

use gridwell_model::{PeerId, Role, Stamp};

use super::{Deed, Effect, Grid, Member, Proposed, Update};
use crate::{
    identity::Identity,
    update::{About, Author, MAX_RENEWED, Stay, UpdateError, grid_id},
};

/// How long a certificate lives. It bounds how long two machines that hear from nobody else take a revoked one for a member.
pub const CERTIFICATE: Duration = Duration::from_hours(90 * 24);

/// What is written about a machine that is let in.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Its key.
    pub peer: PeerId,
    /// What people call it.
    pub name: &'a str,
    /// Where it listens.
    pub addresses: &'a [String],
    /// What it may do.
    pub roles: &'a BTreeSet<Role>,
    /// When it goes, if it is a guest.
    pub guest_until: Option<Stamp>,
}

/// How far a wish came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It is so.
    InEffect,
    /// Another admin has to confirm it, on its own machine.
    Proposed,
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Only admins admit, revoke, and change what others may do.
    #[error("machine {} is not an admin of this grid", .by.short())]
    NotAnAdmin {
        /// Who tried.
        by: PeerId,
    },
    /// Nobody of that key is a member.
    #[error("machine {} is not a member of this grid", .peer.short())]
    NotAMember {
        /// Whose key.
        peer: PeerId,
    },
    /// It was revoked before.
    #[error("machine {} is revoked already", .peer.short())]
    AlreadyRevoked {
        /// Whose key.
        peer: PeerId,
    },
    /// This machine has proposed the same, and another one has to confirm it.
    #[error("this machine wants that already; another admin has to confirm it")]
    AlreadyProposed,
    /// Nobody would be left to let machines in.
    #[error("machine {} is the only admin of this grid", .peer.short())]
    LastAdmin {
        /// Which.
        peer: PeerId,
    },
    /// Those words are not the grid's.
    #[error("those are not the recovery words of this grid")]
    WrongWords,
    /// No recovery words are set.
    #[error("this grid has no recovery words")]
    NoWords,
    /// The log takes it from nobody, or not from this machine.
    #[error(transparent)]
    Refused(#[from] UpdateError),
}

impl Grid {
    /// Makes a grid whose first member, and admin, is `founder`. `nonce` is random.
    #[must_use]
    pub fn found(founder: &Identity, name: &str, addresses: &[String], nonce: [u8; 16], now: Stamp) -> Self {
        let mut grid = Self::of(grid_id(founder.peer(), &nonce));
        let about = About::clean(name, addresses, founder.peer());
        let deed = Deed::Found { nonce, about, until: certificate_end(now) };
        grid.write(founder, Author::Member(founder.peer()), deed, now).expect("an empty log takes its founding");
        grid
    }

    /// Lets a machine in, or lets one in again.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub fn admit(&mut self, author: &Identity, pass: &Pass<'_>, now: Stamp) -> Result<Done, WriteError> {
        let Pass { peer, name, addresses, roles, guest_until } = *pass;
        self.expect_admin(author.peer())?;
        let stay = match guest_until {
            Some(until) => Stay::Guest { until },
            None => Stay::Lasting { until: certificate_end(now) },
        };
        let deed = Deed::Admit { peer, about: About::clean(name, addresses, peer), roles: roles.clone(), stay };
        self.write(author, Author::Member(author.peer()), deed, now)?;
        let admin = roles.contains(&Role::Admin) == self.view.is_admin(peer);
        Ok(if admin { Done::InEffect } else { Done::Proposed })
    }

    /// Sets what a member may do. Making an admin, or taking that from one, may take two admins.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub fn set_roles(
        &mut self,
        author: &Identity,
        peer: PeerId,
        roles: &BTreeSet<Role>,
        now: Stamp,
    ) -> Result<Done, WriteError> {
        let by = author.peer();
        let held = self.expect_member(peer)?.roles.clone();
        if by != peer || roles.difference(&held).next().is_some() {
            self.expect_admin(by)?;
        }
        let (is, becomes) = (held.contains(&Role::Admin), roles.contains(&Role::Admin));
        if is && !becomes {
            self.expect_another_admin(peer)?;
            self.expect_no_proposal(by, Proposed::NoAdmin(peer))?;
        } else if becomes && !is {
            self.expect_no_proposal(by, Proposed::Admin(peer))?;
        }
        self.write(author, Author::Member(by), Deed::SetRoles { peer, roles: roles.clone() }, now)?;
        Ok(if self.view.is_admin(peer) == becomes { Done::InEffect } else { Done::Proposed })
    }

    /// Takes a machine's membership away; an admin's by two admins, or by itself.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub fn revoke(&mut self, author: &Identity, peer: PeerId, now: Stamp) -> Result<Done, WriteError> {
        let by = author.peer();
        self.expect_member(peer)?;
        if by != peer {
            self.expect_admin(by)?;
        }
        if self.view.is_admin(peer) {
            self.expect_another_admin(peer)?;
            self.expect_no_proposal(by, Proposed::Revoke(peer))?;
        }
        self.write(author, Author::Member(by), Deed::Revoke { peer }, now)?;
        Ok(if self.is_member(peer) { Done::Proposed } else { Done::InEffect })
    }

    /// Members whose certificates `by` may renew and that end before `soon`: at most as many as one update names.
    #[must_use]
    pub fn due_for_renewal(&self, by: PeerId, soon: Stamp) -> BTreeSet<PeerId> {
        if !self.view.is_admin(by) {
            return BTreeSet::new();
        }
        let sole = self.view.admins().count() == 1;
        let due = self.members().filter(|member| !member.guest && member.until < soon && (member.peer != by || sole));
        due.map(|member| member.peer).take(MAX_RENEWED).collect()
    }

    /// Renews certificates.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub fn renew(&mut self, author: &Identity, peers: BTreeSet<PeerId>, now: Stamp) -> Result<(), WriteError> {
        self.expect_admin(author.peer())?;
        let deed = Deed::Renew { peers, until: certificate_end(now) };
        self.write(author, Author::Member(author.peer()), deed, now)?;
        Ok(())
    }

    /// Says what this machine is called and where it listens. Whoever writes it also puts on record all that it knows, so that
    /// nobody who steals its key later can write upon less.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub fn describe(
        &mut self,
        author: &Identity,
        name: &str,
        addresses: &[String],
        now: Stamp,
    ) -> Result<(), WriteError> {
        self.expect_member(author.peer())?;
        let deed = Deed::Describe { about: About::clean(name, addresses, author.peer()) };
        self.write(author, Author::Member(author.peer()), deed, now)?;
        Ok(())
    }

    /// True if an admin was made that `witness`, an admin too, has put nothing on record since: it should, with
    /// [`Grid::describe`].
    #[must_use]
    pub fn wants_witness(&self, witness: PeerId) -> bool {
        if !self.view.is_admin(witness) {
            return false;
        }
        let entries = self.log.entries();
        let newest = (0..entries.len()).rev().find(|place| entries[*place].update.author == Author::Member(witness));
        let mut claims = (0..entries.len()).filter(|place| entries[*place].effect == Effect::Claim);
        claims.any(|claim| newest.is_none_or(|newest| newest != claim && !self.log.knows(newest, claim)))
    }

    /// Sets the recovery words by their public key; takes a second admin unless there is only one.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub fn set_recovery(&mut self, author: &Identity, key: PeerId, now: Stamp) -> Result<Done, WriteError> {
        self.expect_admin(author.peer())?;
        self.write(author, Author::Member(author.peer()), Deed::SetRecovery { key }, now)?;
        Ok(if self.recovery() == Some(key) { Done::InEffect } else { Done::Proposed })
    }

    /// Makes a machine an admin by the recovery words, member or not.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub fn restore(
        &mut self,
        words: &Identity,
        peer: PeerId,
        name: &str,
        addresses: &[String],
        now: Stamp,
    ) -> Result<(), WriteError> {
        self.expect_words(words)?;
        let deed = Deed::Restore { peer, about: About::clean(name, addresses, peer), until: certificate_end(now) };
        self.write(words, Author::Recovery(words.peer()), deed, now)?;
        Ok(())
    }

    /// Revokes a machine by the recovery words, admin or not.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub fn revoke_by_words(&mut self, words: &Identity, peer: PeerId, now: Stamp) -> Result<(), WriteError> {
        self.expect_words(words)?;
        self.expect_member(peer)?;
        self.write(words, Author::Recovery(words.peer()), Deed::Revoke { peer }, now)?;
        Ok(())
    }

    fn expect_words(&self, words: &Identity) -> Result<(), WriteError> {
        match self.recovery() {
            Some(key) if key == words.peer() => Ok(()),
            Some(_) => Err(WriteError::WrongWords),
            None => Err(WriteError::NoWords),
        }
    }

    fn expect_admin(&self, by: PeerId) -> Result<(), WriteError> {
        if self.view.is_admin(by) { Ok(()) } else { Err(WriteError::NotAnAdmin { by }) }
    }

    fn expect_member(&self, peer: PeerId) -> Result<&Member, WriteError> {
        self.view.members.get(&peer).ok_or(if self.view.revoked.contains_key(&peer) {
            WriteError::AlreadyRevoked { peer }
        } else {
            WriteError::NotAMember { peer }
        })
    }

    fn expect_another_admin(&self, peer: PeerId) -> Result<(), WriteError> {
        let another = self.view.admins().any(|admin| admin != peer);
        if another { Ok(()) } else { Err(WriteError::LastAdmin { peer }) }
    }

    fn expect_no_proposal(&self, by: PeerId, what: Proposed) -> Result<(), WriteError> {
        let known = self.view.proposals.iter().any(|proposal| proposal.by == by && proposal.what == what);
        if known { Err(WriteError::AlreadyProposed) } else { Ok(()) }
    }

    fn write(&mut self, key: &Identity, author: Author, deed: Deed, now: Stamp) -> Result<Effect, UpdateError> {
        let heads = self.heads();
        let update = Update::sign(self.id, author, key, heads, now, deed);
        let digest = update.digest();
        let past = self.log.past_of(&update.heads).expect("heads are in the log");
        self.add(update, digest, past)
    }
}

fn certificate_end(now: Stamp) -> Stamp {
    Stamp(now.0.saturating_add(u64::try_from(CERTIFICATE.as_millis()).unwrap_or(u64::MAX)))
}
