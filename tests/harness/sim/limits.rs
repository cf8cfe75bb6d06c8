//! Counted licences: who keeps which limit, and whether more programs run on it than it has licences.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_model::{LicenceAsk, LicenceTerm, LimitMessage, PeerId, Time};
use gridwell_sched::{Input as SchedInput, LimitView};
use gridwell_wire::Message;
use gridwell_worker::Input as WorkerInput;

use super::{event::PeerAt, world::Simulation};

impl Simulation {
    /// Lets a peer keep a limit from now on, also over restarts.
    pub fn keep_limit(&mut self, at: PeerAt, name: &str, cap: u32) {
        self.peers[at].limits.insert(name.to_owned(), cap);
        if let Some(node) = &mut self.peers[at].node {
            node.limits.set(name, cap).expect("a limit that can be kept");
        }
        self.pump(at);
    }

    /// Most programs that ran at once on licences of a limit.
    #[must_use]
    pub fn most_licensed(&self, name: &str) -> u32 {
        self.most_licensed.get(name).copied().unwrap_or(0)
    }

    pub(super) fn pump_limits(&mut self, at: PeerAt) -> bool {
        let changed = self.peers[at].node.as_mut().is_some_and(|node| node.limits.reports_changed());
        if changed {
            self.tell_limits(at);
        }
        changed
    }

    /// Tells everybody, this node's own scheduler included, which limits are kept here.
    pub(super) fn tell_limits(&mut self, at: PeerAt) {
        let (now, me) = (self.clock(at), self.peers[at].id);
        let Some(node) = &self.peers[at].node else { return };
        let (reports, others) = (node.limits.reports(now), node.online.iter().copied().collect::<Vec<_>>());
        for other in others {
            self.send(at, self.peers[other].id, Message::Limit(Box::new(LimitMessage::Kept(reports.clone()))));
        }
        self.limit_told(at, me, LimitMessage::Kept(reports));
    }

    /// Tells one peer which limits are kept here.
    pub(super) fn tell_limits_to(&mut self, at: PeerAt, other: PeerAt) {
        let Some(node) = &self.peers[at].node else { return };
        let reports = node.limits.reports(self.clock(at));
        self.send(at, self.peers[other].id, Message::Limit(Box::new(LimitMessage::Kept(reports))));
    }

    pub(super) fn ask_licence(&mut self, at: PeerAt, ask: LicenceAsk) {
        if let Some(keeper) = self.keeper_of(&ask.need.name) {
            self.send(at, keeper, Message::Limit(Box::new(LimitMessage::Ask(ask))));
        }
    }

    /// One peer keeps all limits of a name.
    pub(super) fn keeper_of(&self, name: &str) -> Option<PeerId> {
        self.peers.iter().find(|peer| peer.limits.contains_key(name)).map(|peer| peer.id)
    }

    pub(super) fn limit_told(&mut self, at: PeerAt, from: PeerId, message: LimitMessage) {
        let now = self.clock(at);
        let Some(node) = &mut self.peers[at].node else { return };
        match message {
            LimitMessage::Kept(reports) => {
                node.told_limits.insert(from, reports);
                self.limits_changed(at);
            }
            LimitMessage::Ask(ask) => {
                let granted = node.limits.ask(from, &ask, now);
                let LicenceAsk { lease, need, asked_micros, .. } = ask;
                let answer = LimitMessage::Answer { lease, name: need.name, asked_micros, granted };
                self.send(at, from, Message::Limit(Box::new(answer)));
            }
            LimitMessage::Answer { lease, name, asked_micros, granted } => {
                let asked = Time(asked_micros);
                node.worker.handle(WorkerInput::LicenceAnswered { lease, name, asked, granted }, now);
            }
            LimitMessage::Return { lease, name } => node.limits.give_back(from, lease, &name),
        }
    }

    /// The scheduler hears which licences are free, as far as those who keep them can be reached.
    pub(super) fn limits_changed(&mut self, at: PeerAt) {
        let (now, me) = (self.clock(at), self.peers[at].id);
        let far: BTreeSet<_> =
            self.peers[at].node.iter().flat_map(|node| &node.online).map(|at| self.peers[*at].id).collect();
        let Some(node) = &mut self.peers[at].node else { return };
        let reports = node.told_limits.iter().filter(|(keeper, _)| **keeper == me || far.contains(keeper));
        let limits = reports.flat_map(|(_, reports)| reports).map(|report| {
            let others = report.holders.iter().filter(|holder| holder.steward != me);
            let others = others.map(|holder| holder.count).sum();
            (report.name.clone(), LimitView { cap: report.cap, others, settling: report.settling })
        });
        let limits = limits.collect::<BTreeMap<_, _>>();
        node.sched.handle(SchedInput::LimitsChanged { limits }, now);
    }

    /// No more programs run than there are licences. A machine that sleeps runs none; one that wakes ends them soon.
    pub(super) fn check_licences(&mut self) {
        let awake = self.peers.iter().filter(|peer| {
            peer.asleep.is_none() && (peer.runs == 1 || self.now.since(peer.woke_at) >= LicenceTerm::STOP_WITHIN)
        });
        let sessions = awake.filter_map(|peer| peer.node.as_ref()).flat_map(|node| node.sessions.values());
        let mut used: BTreeMap<String, u32> = BTreeMap::new();
        for session in sessions {
            let Some((running, job)) = session.running.zip(self.jobs.get(&session.job)) else { continue };
            for need in job.spec.steps[running.run.step as usize].needs.limits() {
                *used.entry(need.name).or_default() += need.count;
            }
        }
        for (name, used) in used {
            let cap = self.peers.iter().find_map(|peer| peer.limits.get(&name)).copied().unwrap_or(0);
            if used > cap {
                self.flaw = Some(format!("{used} programs run on {cap} licences of {name}"));
            }
            let most = self.most_licensed.entry(name).or_default();
            *most = (*most).max(used);
        }
    }
}
