use std::time::Duration;

use gridwell_model::{MOST_HOPS, PeerId};

use super::{Edge, Graph};

/// True if `me` may let its link to `old` go, once it has one to `new`: everybody stays within reach, no link becomes the
/// only way to somebody, and nobody ends up too far away.
#[must_use]
pub fn may_let_go(graph: &Graph, me: PeerId, old: PeerId, new: Option<PeerId>) -> bool {
    if graph.edge(me, old).is_none_or(|edge| edge.pinned) {
        return false;
    }
    let mut after = graph.clone();
    if let Some(new) = new {
        after.link(me, new, Edge::default());
    }
    after.unlink(me, old);
    let far = |graph: &Graph, peer| graph.hops(peer).into_values().max().unwrap_or(0);
    graph.hops(me).len() == after.hops(me).len()
        && after.bridges().is_subset(&graph.bridges())
        && [me, old].into_iter().all(|peer| far(&after, peer) <= MOST_HOPS.max(far(graph, peer)))
}

/// The links of `me` that nobody pinned, the slowest first; those that are not measured count as fast.
pub(super) fn slowest_first(graph: &Graph, me: PeerId) -> Vec<(PeerId, Duration)> {
    let links = graph.neighbours(me).filter(|(_, edge)| !edge.pinned);
    let mut links: Vec<_> = links.map(|(peer, edge)| (peer, edge.rtt.unwrap_or_default())).collect();
    links.sort_by_key(|(peer, rtt)| (std::cmp::Reverse(*rtt), *peer));
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u8) -> PeerId {
        PeerId([number; 32])
    }

    fn ring(count: u8) -> Graph {
        let mut graph = Graph::of((0..count).map(peer));
        for at in 0..count {
            graph.link(peer(at), peer((at + 1) % count), Edge::default());
        }
        graph
    }

    #[test]
    fn a_ring_is_not_opened_and_a_chord_may_go() {
        let mut graph = ring(5);
        assert!(!may_let_go(&graph, peer(0), peer(1), None), "it would make bridges");
        graph.link(peer(0), peer(2), Edge::default());
        assert!(may_let_go(&graph, peer(0), peer(2), None));
        graph.link(peer(0), peer(2), Edge { pinned: true, ..Edge::default() });
        assert!(!may_let_go(&graph, peer(0), peer(2), None), "pinned");
        assert!(!may_let_go(&graph, peer(0), peer(3), None), "no link");
    }

    #[test]
    fn nobody_ends_up_further_away_than_requests_travel() {
        let mut graph = ring(16);
        graph.link(peer(0), peer(8), Edge::default());
        assert!(!may_let_go(&graph, peer(0), peer(8), None));
        assert!(may_let_go(&graph, peer(0), peer(8), Some(peer(9))));
    }
}
