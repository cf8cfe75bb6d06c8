//! Limits that this machine keeps: who has which licence, and until when.

use std::collections::BTreeMap;

use gridwell_model::{LeaseId, LicenceAsk, LicenceTerm, LimitHolder, LimitNeed, LimitReport, PeerId, Time};

#[cfg(test)]
mod tests;

/// The licences that this machine gives away; never more than the cap of each limit.
///
/// Nothing is written down but the caps. After a start nothing is given away for as long as a licence lasts: whoever has
/// one from before says so meanwhile, or has ended its program. So neither a crash nor a partition makes two of one.
#[derive(Debug)]
pub struct Limits {
    /// When everybody has been heard of who had a licence before the start.
    settled_at: Time,
    limits: BTreeMap<String, Limit>,
    /// True until [`Limits::reports_changed`] was asked.
    changed: bool,
}

#[derive(Debug, Default)]
struct Limit {
    cap: u32,
    /// Kept since before the start.
    is_old: bool,
    tokens: BTreeMap<LeaseId, Token>,
}

#[derive(Debug)]
struct Token {
    holder: LimitHolder,
    until: Time,
}

/// Why a limit is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitFlaw {
    /// Its name cannot be typed everywhere.
    #[error(
        "'{name}' cannot be the name of a limit: 1 to {} small letters, digits, '_' and '-'",
        LimitNeed::NAME_BYTES
    )]
    Name {
        /// The name as given.
        name: String,
    },
    /// All limits of this machine together would have too many licences.
    #[error("one machine keeps at most {} licences of all limits together, not {total}", Limits::MOST_LICENCES)]
    TooMany {
        /// How many they would have.
        total: u64,
    },
    /// No such limit here.
    #[error("this machine keeps no limit '{name}'")]
    Unknown {
        /// The name as given.
        name: String,
    },
    /// Programs run on it still.
    #[error("{in_use} licences of {name} are in use: give it 0 first, then remove it")]
    InUse {
        /// The limit.
        name: String,
        /// Licences in use.
        in_use: u32,
    },
    /// Programs may run on it still: this machine has just started.
    #[error("this machine has just started and does not know yet who uses {name}: remove it in half a minute")]
    Settling {
        /// The limit.
        name: String,
    },
}

impl Limits {
    /// Most licences of all limits that one machine keeps, a limit without any counted as one: who holds them fits one message.
    pub const MOST_LICENCES: u32 = 256;

    /// Limits kept since before this start, which is `now`.
    #[must_use]
    pub fn new(caps: &BTreeMap<String, u32>, now: Time) -> Self {
        let old = |cap: u32| Limit { cap, is_old: true, tokens: BTreeMap::new() };
        let limits = caps.iter().map(|(name, cap)| (name.clone(), old(*cap))).collect();
        Self { settled_at: now + LicenceTerm::KEPT, limits, changed: true }
    }

    /// Keeps a limit from now on, or changes its cap. Who has more than a lower one keeps it until its program has ended.
    ///
    /// # Errors
    ///
    /// [`LimitFlaw::Name`] or [`LimitFlaw::TooMany`]; nothing has changed then.
    pub fn set(&mut self, name: &str, cap: u32) -> Result<(), LimitFlaw> {
        if !LimitNeed::is_name(name) {
            return Err(LimitFlaw::Name { name: name.to_owned() });
        }
        let others =
            self.limits.iter().filter(|(other, _)| *other != name).map(|(_, limit)| u64::from(limit.cap.max(1)));
        let total = others.sum::<u64>() + u64::from(cap.max(1));
        if total > u64::from(Self::MOST_LICENCES) {
            return Err(LimitFlaw::TooMany { total });
        }
        self.limits.entry(name.to_owned()).or_default().cap = cap;
        self.changed = true;
        Ok(())
    }

    /// Keeps a limit no longer.
    ///
    /// # Errors
    ///
    /// [`LimitFlaw::Unknown`], and [`LimitFlaw::InUse`] or [`LimitFlaw::Settling`] while programs run on it, or may.
    pub fn remove(&mut self, name: &str, now: Time) -> Result<(), LimitFlaw> {
        let limit = self.limits.get(name).ok_or_else(|| LimitFlaw::Unknown { name: name.to_owned() })?;
        match limit.in_use() {
            0 if limit.is_settling(self.settled_at, now) => Err(LimitFlaw::Settling { name: name.to_owned() }),
            0 => {
                self.limits.remove(name);
                self.changed = true;
                Ok(())
            }
            in_use => Err(LimitFlaw::InUse { name: name.to_owned(), in_use }),
        }
    }

    /// Caps by name.
    #[must_use]
    pub fn caps(&self) -> BTreeMap<String, u32> {
        self.limits.iter().map(|(name, limit)| (name.clone(), limit.cap)).collect()
    }

    /// A program wants to run on `machine`, or runs there. True if it may.
    pub fn ask(&mut self, machine: PeerId, ask: &LicenceAsk, now: Time) -> bool {
        self.drop_over(now);
        let settled_at = self.settled_at;
        let Some(limit) = self.limits.get_mut(&ask.need.name) else { return false };
        let holder = LimitHolder { machine, steward: ask.steward, job: ask.lease.job, count: ask.need.count };
        let until = now + LicenceTerm::KEPT;
        if let Some(token) = limit.tokens.get_mut(&ask.lease) {
            // Nobody else's, and not more of them than were given away.
            if token.holder.machine != machine || token.holder.count != ask.need.count {
                return false;
            }
            self.changed |= token.holder != holder;
            *token = Token { holder, until };
            return true;
        }
        let room = limit.cap.saturating_sub(limit.in_use()) >= ask.need.count && ask.need.count > 0;
        if room && (ask.held || !limit.is_settling(settled_at, now)) {
            limit.tokens.insert(ask.lease, Token { holder, until });
            self.changed = true;
            return true;
        }
        false
    }

    /// A program that ran on `machine` has ended.
    pub fn give_back(&mut self, machine: PeerId, lease: LeaseId, name: &str) {
        if let Some(limit) = self.limits.get_mut(name)
            && limit.tokens.get(&lease).is_some_and(|token| token.holder.machine == machine)
        {
            limit.tokens.remove(&lease);
            self.changed = true;
        }
    }

    /// Time passed: licences of which nothing was heard are free again.
    pub fn handle_deadline(&mut self, now: Time) {
        self.drop_over(now);
        // From now on it gives licences away.
        self.changed |= now >= self.settled_at && self.limits.values().any(|limit| limit.is_old);
        if now >= self.settled_at {
            self.limits.values_mut().for_each(|limit| limit.is_old = false);
        }
    }

    /// When to call [`Limits::handle_deadline`].
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        let tokens = self.limits.values().flat_map(|limit| limit.tokens.values()).map(|token| token.until);
        let settled = self.limits.values().any(|limit| limit.is_old).then_some(self.settled_at);
        tokens.chain(settled).min()
    }

    /// What everybody is told.
    #[must_use]
    pub fn reports(&self, now: Time) -> Vec<LimitReport> {
        let report = |(name, limit): (&String, &Limit)| LimitReport {
            name: name.clone(),
            cap: limit.cap,
            settling: limit.is_settling(self.settled_at, now),
            holders: limit.holders(),
        };
        self.limits.iter().map(report).collect()
    }

    /// True if [`Limits::reports`] may say something else than when this was asked last.
    pub const fn reports_changed(&mut self) -> bool {
        std::mem::replace(&mut self.changed, false)
    }

    fn drop_over(&mut self, now: Time) {
        for limit in self.limits.values_mut() {
            let before = limit.tokens.len();
            limit.tokens.retain(|_, token| token.until > now);
            self.changed |= limit.tokens.len() < before;
        }
    }
}

impl Limit {
    fn is_settling(&self, settled_at: Time, now: Time) -> bool {
        self.is_old && now < settled_at
    }

    fn in_use(&self) -> u32 {
        self.tokens.values().map(|token| token.holder.count).fold(0, u32::saturating_add)
    }

    /// Licences by machine, steward and job.
    fn holders(&self) -> Vec<LimitHolder> {
        let mut together: BTreeMap<_, u32> = BTreeMap::new();
        for Token { holder, .. } in self.tokens.values() {
            *together.entry((holder.machine, holder.steward, holder.job)).or_default() += holder.count;
        }
        let holder = |((machine, steward, job), count)| LimitHolder { machine, steward, job, count };
        together.into_iter().map(holder).collect()
    }
}
