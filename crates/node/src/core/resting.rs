//! Links of this machine that rest because the layout does without them, and that go once nobody misses them.

use std::{collections::BTreeMap, time::Duration};

use gridwell_links::{
    Input, LinkState as State,
    behaviour::{Edge, Graph, Pair, may_let_go},
};
use gridwell_model::{LinkPolicy, PeerId};
use serde::{Deserialize, Serialize};

use super::Core;
use crate::clock;

/// How soon it is looked again whether a link may be let go.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What became of a link since the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Own {
    /// A behaviour here wants it.
    Adopted,
    /// A behaviour here does without it.
    LetGo,
    /// The other machine does without it, and this one agreed.
    Agreed,
}

impl Core {
    /// Lets the link table follow what is needed now.
    pub(crate) fn follow_layout(&mut self) {
        let now = clock::now();
        let others: Vec<_> = self.links.views().map(|view| (view.peer, view.rests)).collect();
        for (peer, rested) in others {
            let rests = !self.layouts.needs(self.me, peer);
            self.links.handle(Input::RestChanged { peer, rests }, now);
            if rested != rests {
                self.link_changed(peer);
            }
        }
        self.layouts.look_at = Some(now);
        self.layouts_changed();
    }

    /// A behaviour of this machine changed one of its links, or a person did what it suggested.
    pub(super) fn rewire(&mut self, adopt: Option<PeerId>, let_go: Option<PeerId>) {
        self.layouts.own.extend(adopt.map(|peer| (peer, Own::Adopted)));
        self.layouts.own.extend(let_go.map(|peer| (peer, Own::LetGo)));
        self.keep_layouts();
        self.follow_layout();
    }

    /// True if the links are as a behaviour left them.
    pub(super) fn is_as_rewired(&self, adopt: Option<PeerId>, let_go: Option<PeerId>) -> bool {
        let is = |peer: Option<PeerId>, own| peer.is_none_or(|peer| self.layouts.own.get(&peer) == Some(&own));
        is(adopt, Own::Adopted) && is(let_go, Own::LetGo)
    }

    /// The other side said whether it does without its link to this machine.
    pub(super) fn hear_rest(&mut self, peer: PeerId, rests: bool) {
        self.links.handle(Input::RestHeard { peer, rests }, clock::now());
        if rests {
            self.layouts.look_at = Some(clock::now());
        } else if self.layouts.own.get(&peer) == Some(&Own::Agreed) {
            self.layouts.own.remove(&peer);
            self.keep_layouts();
            self.follow_layout();
        }
    }

    /// Agrees where another machine does without a link and nobody would miss it, and lets go what rests at both ends.
    pub(crate) fn look_at_layout(&mut self) {
        let now = clock::now();
        if self.layouts.look_at.is_some_and(|at| at <= now) {
            self.layouts.look_at = None;
            self.agree();
            self.let_go();
        }
        self.run_behaviours();
    }

    fn agree(&mut self) {
        let asked: Vec<_> = self.links.views().filter(|view| view.rests_there && !view.rests).collect();
        let asked = asked.into_iter().filter(|view| view.ours.policy == LinkPolicy::Automatic);
        let asked: Vec<_> = asked.map(|view| view.peer).filter(|peer| !self.layouts.own.contains_key(peer)).collect();
        if asked.is_empty() {
            return;
        }
        let mut graph = self.graph(true);
        let mut agreed = false;
        for peer in asked {
            if may_let_go(&graph, self.me, peer, None) {
                graph.unlink(self.me, peer);
                self.layouts.own.insert(peer, Own::Agreed);
                agreed = true;
                self.links.handle(Input::RestChanged { peer, rests: true }, clock::now());
                self.link_changed(peer);
            } else {
                self.layouts.look_at = Some(clock::now() + LOOK_AGAIN);
            }
        }
        if agreed {
            self.keep_layouts();
        }
    }

    /// Links that rest at both ends go once those that stay lead everywhere that all of them do.
    fn let_go(&mut self) {
        let resting: Vec<_> = self
            .links
            .views()
            .filter(|view| view.rests && view.rests_there && matches!(view.state, State::Up { .. }))
            .map(|view| view.peer)
            .collect();
        if resting.is_empty() {
            return;
        }
        if self.graph(true).hops(self.me).len() < self.graph(false).hops(self.me).len() {
            self.layouts.look_at = Some(clock::now() + LOOK_AGAIN);
            return;
        }
        for peer in resting {
            self.links.handle(Input::LetGo { peer }, clock::now());
            self.link_changed(peer);
        }
        self.layouts_changed();
    }

    /// The links that stand; only those that do not rest at both ends, if `kept`.
    pub(super) fn graph(&self, kept: bool) -> Graph {
        let mut graph = Graph::of(self.members());
        let mut resting: BTreeMap<Pair, usize> = BTreeMap::new();
        for (from, report) in self.map.reports() {
            let pair = Pair::of(from, report.peer);
            if report.wish.forbids() {
                graph.forbid(from, report.peer);
            } else if report.up && graph.allows(from, report.peer) && pair.other(self.me).is_none() {
                let rtt = report.rtt_micros.map(|micros| Duration::from_micros(micros.into()));
                let known = graph.edge(from, report.peer).unwrap_or_default();
                let pinned = known.pinned || report.wish.policy == LinkPolicy::Pinned;
                graph.link(from, report.peer, Edge { rtt: rtt.or(known.rtt), pinned });
                *resting.entry(pair).or_default() += usize::from(report.rests);
            }
        }
        for view in self.links.views() {
            let pinned = self.link_rule(view.peer).policy == LinkPolicy::Pinned;
            match view.state {
                _ if view.ours.forbids() || view.theirs.is_some_and(|wish| wish.forbids()) => {
                    graph.forbid(self.me, view.peer);
                }
                State::Up { rtt_min, .. } => {
                    graph.link(self.me, view.peer, Edge { rtt: rtt_min, pinned });
                    let ends = usize::from(view.rests) + usize::from(view.rests_there);
                    resting.insert(Pair::of(self.me, view.peer), ends);
                }
                State::Down { .. } | State::Dialling => {}
            }
        }
        for (pair, ends) in resting {
            if kept && ends == 2 {
                let (one, other) = pair.ends();
                graph.unlink(one, other);
            }
        }
        graph
    }
}
