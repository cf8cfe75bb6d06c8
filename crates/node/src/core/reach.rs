//! Which machines can be reached: over links of this machine, or over those of others.

use std::collections::BTreeSet;

use gridwell_api::{NoticeKind, NoticeLevel};
use gridwell_ledger::Input as LedgerInput;
use gridwell_links::LinkState as State;
use gridwell_model::{Incarnation, LinkPolicy, PeerId};
use gridwell_sched::Input as SchedInput;
use gridwell_wire::Message;
use gridwell_worker::Input as WorkerInput;

use super::{Core, Leaving, Settings, map::rtt};
use crate::clock;

impl Core {
    /// Chooses routes by what links stand now, and follows what that means for machines.
    pub(super) fn follow_routes(&mut self) {
        let own: Vec<_> = self
            .links
            .views()
            .filter(|view| matches!(view.state, State::Up { .. }) && self.links.is_up(view.peer))
            .map(|view| (view.peer, rtt(&view.state)))
            .collect();
        let up: BTreeSet<_> = own.iter().map(|(peer, _)| *peer).collect();
        self.passing.map_is_followed();
        self.map.forget_lost(self.me, &up, clock::now());
        let paths = self.map.heard().paths(self.me, own);
        let changed = self.passing.routes.follow(paths, clock::now());
        self.routes_changed(changed);
    }

    /// Trusts links of others again that did not carry something a while ago.
    pub(super) fn follow_broken_ways(&mut self) {
        let changed = self.passing.routes.handle_deadline(clock::now());
        self.routes_changed(changed);
    }

    /// The machines over which one is reached, if there is no link with it.
    pub(super) fn via(&self, peer: PeerId) -> Vec<PeerId> {
        let path = self.way_around(peer).map(|route| route.path.as_slice()).unwrap_or_default();
        path.get(1..path.len().saturating_sub(1)).unwrap_or_default().to_vec()
    }

    /// Routes to these machines are others now, or none.
    pub(super) fn routes_changed(&mut self, peers: BTreeSet<PeerId>) {
        for peer in peers {
            let reached = self.passing.routes.route(peer).is_some();
            let online = self.machines.others().get(&peer).is_some_and(|machine| machine.online);
            match (online, reached) {
                (false, true) => self.came(peer),
                (true, true) => self.moved(peer),
                (true, false) => self.left(peer),
                (false, false) => {}
            }
        }
    }

    /// A machine's node says which run it is.
    pub(super) fn runs_as(&mut self, peer: PeerId, incarnation: Incarnation) {
        let known = self.machines.other_mut(peer).incarnation.replace(incarnation);
        if known.is_some_and(|known| known != incarnation) {
            // Another run of its node: every lease it held is gone. At first sight nobody can tell: it renews what it
            // holds, and the rest expires.
            self.tell_ledger(LedgerInput::HolderVanished { peer });
            self.say_again(peer);
            if self.way_around(peer).is_some() {
                self.announce_to(peer);
            }
        }
    }

    /// A machine can be reached.
    pub(super) fn came(&mut self, peer: PeerId) {
        let machine = self.machines.other_mut(peer);
        machine.online = true;
        machine.gone = false;
        machine.last_seen = Some(clock::stamp());
        self.send_logs_again(peer);
        self.worker.handle(WorkerInput::StewardBack { steward: peer }, clock::now());
        self.deputies.handle(gridwell_ledger::DeputyInput::PeerCame { peer }, clock::now());
        self.bring_stowed_home();
        self.gather_inputs();
        self.hand_logs(peer);
        self.announce_to(peer);
        if let Some(route) = self.way_around(peer) {
            let (hops, over) = (route.hops(), route.next());
            let over = over.map(|over| self.machines.name(over));
            tracing::info!(machine = self.machines.name(peer), hops, over, "reached over links of others");
            // The machine may not have noticed that no way led from here to it: it does not announce itself again.
            self.offer_to_sched(peer);
        }
        self.say_asks(peer);
        self.machine_came(peer);
        self.limits_changed();
        self.follow_isolation();
        self.follow_roots();
        self.link_changed(peer);
    }

    /// A machine is reached another way now. What was on the old one may be lost, so all is said again.
    pub(super) fn moved(&mut self, peer: PeerId) {
        self.say_again(peer);
        self.deputies.handle(gridwell_ledger::DeputyInput::PeerMoved { peer }, clock::now());
        self.announce_to(peer);
        self.say_asks(peer);
        self.offer_to_sched(peer);
        self.link_changed(peer);
    }

    /// The scheduler hears of a machine as it announced itself last.
    fn offer_to_sched(&mut self, peer: PeerId) {
        let announced = self.machines.others().get(&peer).and_then(|machine| machine.announced.clone());
        if let Some(announced) = announced {
            let view = self.peer_view(peer, &announced);
            self.sched.handle(SchedInput::PeerChanged { peer, view }, clock::now());
        }
    }

    /// What this worker told a steward may be lost. One that is out of reach hears it when it comes: told that it is back, the
    /// worker would speak to nobody and not speak again.
    fn say_again(&mut self, steward: PeerId) {
        if !self.machines.others().get(&steward).is_some_and(|other| other.online) {
            return;
        }
        self.send_logs_again(steward);
        for input in [WorkerInput::StewardLost { steward, by_wish: false }, WorkerInput::StewardBack { steward }] {
            self.worker.handle(input, clock::now());
        }
    }

    /// What programs wrote goes before the word that they ended.
    fn send_logs_again(&mut self, steward: PeerId) {
        self.outgoing.again(steward);
        self.send_logs(steward);
    }

    /// No way leads to a machine any more.
    pub(super) fn left(&mut self, peer: PeerId) {
        let now = clock::now();
        let machine = self.machines.other_mut(peer);
        machine.online = false;
        machine.last_seen = Some(clock::stamp());
        self.sched.handle(SchedInput::PeerLeft { peer }, now);
        // Who is away by somebody's wish is neither waited for nor missed.
        let by_wish = self.link_rule(peer).policy == LinkPolicy::Forbidden;
        self.worker.handle(WorkerInput::StewardLost { steward: peer, by_wish }, now);
        self.deputies.handle(gridwell_ledger::DeputyInput::PeerLeft { peer }, now);
        if !by_wish {
            self.presence.left(peer, now);
        }
        self.limits_changed();
        self.follow_isolation();
        self.follow_roots();
        self.link_changed(peer);
    }

    /// What may travel over this machine, or how far its jobs go, may be something else than before.
    pub(super) fn follow_travel(&mut self, before: &Settings) {
        let (relay, reach) = (self.machines.settings().relay, self.machines.settings().reach);
        if relay != before.relay {
            self.map.changed_itself();
            let word = if relay { "passes on" } else { "does not pass on" };
            let sentence = format!("this machine {word} what others send to each other");
            self.notice(NoticeKind::Link, NoticeLevel::Info, sentence, None, Some(self.me));
        }
        if reach != before.reach {
            let others = self.machines.others();
            let known: Vec<_> =
                others.iter().filter_map(|(peer, other)| Some((*peer, other.announced.clone()?))).collect();
            for (peer, announced) in known.iter().filter(|(peer, _)| self.machines.others()[peer].online) {
                let view = self.peer_view(*peer, announced);
                self.sched.handle(SchedInput::PeerChanged { peer: *peer, view }, clock::now());
            }
        }
    }

    fn announce_to(&mut self, peer: PeerId) {
        if self.leaving.as_ref().is_some_and(Leaving::is_told) {
            return;
        }
        let announcement = self.announcement();
        if let Err(error) = self.send(peer, &Message::Announce(Box::new(announcement))) {
            tracing::debug!(%error, "an announcement was not sent");
        }
        self.tell_limits_to(peer);
        self.tell_shares_to(peer);
        self.tell_editions_to(peer);
    }
}
