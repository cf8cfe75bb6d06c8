//! This machine is about to sleep or to be switched off: its jobs go to others, who are told not to wait for it.

use std::time::Duration;

use gridwell_ledger::{DeputyInput, Input as LedgerInput};
use gridwell_model::{JobId, PeerId, Time};
use gridwell_probe::{Departure, Hold, PowerNews};
use gridwell_wire::Message;

use super::{Core, Fact};
use crate::clock;

/// Kept free of what the machine waits for at most: to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often is looked whether the last words are out, and how often at most.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const LOOKS: u32 = 100;

/// A departure that is being prepared, or has been.
#[derive(Debug)]
pub(crate) struct Leaving {
    how: Departure,
    /// Jobs that others are to go on with first.
    jobs: Vec<JobId>,
    until: Time,
    /// Held until others know.
    hold: Option<Hold>,
}

impl Leaving {
    pub(super) const fn word(&self) -> &'static str {
        match self.how {
            Departure::Sleep => "it is asleep",
            Departure::Shutdown => "it is switched off",
        }
    }

    /// True once others were told: from then on this machine says nothing more of itself.
    pub(super) const fn is_told(&self) -> bool {
        self.hold.is_none()
    }

    pub(super) fn due(&self) -> Option<Time> {
        self.hold.as_ref().map(|_| self.until)
    }
}

impl Core {
    pub(crate) fn on_power(&mut self, news: PowerNews) {
        match news {
            PowerNews::Leaving(how, hold) => self.leave(how, hold),
            PowerNews::Back => self.come_back(),
        }
    }

    pub(super) fn leave(&mut self, how: Departure, hold: Hold) {
        let limit = hold.limit();
        let until = clock::now() + limit.saturating_sub(GOODBYE).max(limit / 2);
        let heirs: Vec<_> = self.homes.keys().filter_map(|job| Some((*job, self.ready_heir(*job)?))).collect();
        tracing::info!(?how, jobs = heirs.len(), "this machine is about to leave");
        let jobs = heirs.iter().map(|(job, _)| *job).collect();
        self.leaving = Some(Leaving { how, jobs, until, hold: Some(hold) });
        // Nobody offers it anything more.
        self.lending_changed();
        for (job, heir) in heirs {
            self.deputies.handle(DeputyInput::HandOver { job, to: Some(heir) }, clock::now());
        }
        self.follow_leaving();
    }

    /// A deputy that could go on with a job at once: it has all that was written, and the files.
    fn ready_heir(&self, job: JobId) -> Option<PeerId> {
        let home = self.homes.get(&job)?;
        let (_, number) = self.ledger.claim(job)?;
        if self.ledger.summary(job, clock::now())?.state.is_ended() {
            return None;
        }
        let kept = self.deputies.kept_by(job, 1);
        let ready = |peer: &PeerId| home.spec.inputs.is_empty() || home.input_holders.contains(peer);
        let up_to_date = self.deputies.kept_by(job, number).into_iter().find(ready);
        up_to_date.or_else(|| self.deputies.of(job).into_iter().find(|peer| kept.contains(peer) && ready(peer)))
    }

    /// Lets the machine go once its jobs are with others, or when it waits no longer.
    pub(super) fn follow_leaving(&mut self) {
        let now = clock::now();
        let homes = &self.homes;
        let Some(leaving) = self.leaving.as_mut() else { return };
        let ready = leaving.until <= now || !leaving.jobs.iter().any(|job| homes.contains_key(job));
        let Some(hold) = leaving.hold.take_if(|_| ready) else { return };
        let sleeps = leaving.how == Departure::Sleep;
        let online = self.machines.others().iter().filter(|(_, other)| other.online);
        let peers: Vec<PeerId> = online.map(|(peer, _)| *peer).collect();
        for peer in &peers {
            if let Err(error) = self.send(*peer, &Message::Leaving { sleeps }) {
                tracing::debug!(%error, "a machine was not told that this one leaves");
            }
        }
        let (net, words, facts) = (self.net.clone(), self.words_to_sleep(), self.facts.clone());
        self.beside.spawn(async move {
            for _ in 0..LOOKS {
                if peers.iter().all(|peer| net.stats(*peer).pending_bytes == 0) {
                    break;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            tracing::info!("this machine may leave");
            drop(hold);
            let Some(words) = words else { return };
            let sent = tokio::task::spawn_blocking(move || gridwell_probe::sleep(&words)).await;
            if let Ok(sent) = sent {
                // The loop has stopped: nobody needs the fact any more.
                let _ = facts.send(Fact::Slept(sent)).await;
            }
        });
    }

    /// It has woken, or stays: others hear that it is there.
    pub(super) fn come_back(&mut self) {
        self.woke();
        if self.leaving.take().is_some() {
            tracing::info!("this machine is back");
            self.lending_changed();
            let online = self.machines.others().iter().filter(|(_, other)| other.online);
            for peer in online.map(|(peer, _)| *peer).collect::<Vec<_>>() {
                self.meet_again(peer);
            }
        }
    }

    /// The link with a machine may have outlived the sleep: what was said on it before counts for nothing there.
    fn meet_again(&mut self, peer: PeerId) {
        // First: deputies that begin anew afterwards are sent the whole once.
        self.moved(peer);
        for input in [DeputyInput::PeerLeft { peer }, DeputyInput::PeerCame { peer }] {
            self.deputies.handle(input, clock::now());
        }
        if let Some(announced) = self.machines.others()[&peer].announced.clone() {
            self.rate_deputy(peer, &announced);
        }
    }

    /// Another machine leaves: nobody waits for it.
    pub(super) fn on_leaving(&mut self, peer: PeerId, sleeps: bool) {
        let name = self.machines.name(peer);
        tracing::info!(machine = name, sleeps, "a machine leaves");
        if !self.machines.others().get(&peer).is_some_and(|other| other.online) {
            return;
        }
        self.machines.other_mut(peer).gone = true;
        self.left(peer);
        self.deputies.handle(DeputyInput::PeerGone { peer }, clock::now());
        self.tell_ledger(LedgerInput::HolderVanished { peer });
    }

    /// A machine that said it would leave says something else: it is still there, or there again.
    pub(super) fn came_back(&mut self, peer: PeerId) {
        if std::mem::take(&mut self.machines.other_mut(peer).gone)
            && !self.machines.others()[&peer].online
            && self.passing.routes.route(peer).is_some()
        {
            self.came(peer);
        }
    }
}
