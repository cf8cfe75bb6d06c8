//! Certificates that end: looked at now and then, and renewed in time.

use std::time::Duration;

use gridwell_model::{Role, Stamp, Time};

use super::{Core, Membership, membership::time_of};
use crate::clock;

/// How long before its end a certificate is renewed: a machine may be away for two months of its three.
const RENEW_BEFORE: Duration = Duration::from_hours(30 * 24);
/// How much later each further admin renews, so that not all write the same at once.
const RENEW_STEP: Duration = Duration::from_hours(24);
/// How often certificates are looked at.
const LOOK_EVERY: Duration = Duration::from_hours(1);

impl Membership {
    /// When a certificate ends, or has to be looked at.
    pub(crate) const fn certificates_due(&self) -> Time {
        self.look_at
    }

    /// Looks again when the next certificate ends, and now and then.
    pub(super) fn plan_look(&mut self) {
        let now = clock::stamp();
        let next = self.grid.next_end(now).map(|next| time_of(next, now));
        let at_last = clock::now() + LOOK_EVERY;
        self.look_at = next.map_or(at_last, |next| next.min(at_last));
    }
}

impl Core {
    /// Certificates may have ended, or end soon.
    pub(crate) fn look_at_certificates(&mut self) {
        self.membership.plan_look();
        let now = clock::stamp();
        if self.membership.known != self.membership.grid.peers(now) {
            self.members_changed();
        }
        let Membership { grid, identity, .. } = &mut self.membership;
        let admins = grid.members().filter(|member| member.roles.contains(&Role::Admin));
        let rank = admins.take_while(|member| member.peer < self.me).count().min(20) as u32;
        let ahead = RENEW_BEFORE - RENEW_STEP * rank;
        let due = grid.due_for_renewal(self.me, Stamp(now.0 + ahead.as_millis() as u64));
        if due.is_empty() {
            return;
        }
        let (from, count) = (grid.len(), due.len());
        match grid.renew(identity, due, now) {
            Ok(()) => {
                tracing::info!(count, "certificates were renewed");
                self.keep_and_spread(from);
            }
            Err(error) => tracing::warn!(%error, "certificates were not renewed"),
        }
    }
}
