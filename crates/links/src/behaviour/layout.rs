use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_model::PeerId;

use super::{Graph, Pair};

/// Machines that answer each other within this stand on one site: a switch or two, but not a line between towns.
pub const SITE_RTT: Duration = Duration::from_millis(5);
/// Links between two sites: a second one, so that no machine's end cuts a site off.
const BETWEEN_SITES: usize = 2;

/// A shape for the links of the whole grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Everybody is linked with everybody.
    Mesh,
    /// One after the other, in this order; machines that are not named follow, each behind the one that answers fastest.
    Chain(Vec<PeerId>),
    /// Everybody is linked with this machine only.
    Star(PeerId),
    /// A mesh on each site, two links between each two of them. Machines of one named site belong together; others belong to
    /// whom they answer within [`SITE_RTT`].
    Sites(BTreeMap<PeerId, String>),
}

/// Why a shape cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// It needs links that owners forbid.
    #[error("links that are forbidden would cut off {} machine(s)", .peers.len())]
    CutOff {
        /// Who would not be reached.
        peers: BTreeSet<PeerId>,
    },
    /// It names somebody who is no member.
    #[error("machine {} is not a member", .peer.short())]
    NotAMember {
        /// Who.
        peer: PeerId,
    },
}

impl Layout {
    /// The links of this shape for the members of `graph`, none of them forbidden. Pinned links stand besides.
    ///
    /// # Errors
    ///
    /// See [`LayoutError`].
    pub fn links(&self, graph: &Graph) -> Result<BTreeSet<Pair>, LayoutError> {
        let links = match self {
            Self::Mesh => mesh(&graph.members().collect::<Vec<_>>(), graph),
            Self::Chain(order) => chain(order, graph)?,
            Self::Star(hub) => star(*hub, graph)?,
            Self::Sites(named) => sites(named, graph),
        };
        check(&links, graph)?;
        Ok(links)
    }
}

fn check(links: &BTreeSet<Pair>, graph: &Graph) -> Result<(), LayoutError> {
    let mut planned = Graph::of(graph.members());
    let pinned = graph.edges().filter(|(_, edge)| edge.pinned).map(|(pair, _)| pair);
    for pair in links.iter().copied().chain(pinned) {
        let (one, other) = pair.ends();
        planned.link(one, other, super::Edge::default());
    }
    let Some(first) = graph.members().next() else { return Ok(()) };
    // Name the smaller part: those are the ones that miss something.
    let far = planned.out_of_reach(first);
    let near: BTreeSet<_> = graph.members().filter(|peer| !far.contains(peer)).collect();
    if far.is_empty() {
        return Ok(());
    }
    Err(LayoutError::CutOff { peers: if far.len() <= near.len() { far } else { near } })
}

fn mesh(peers: &[PeerId], graph: &Graph) -> BTreeSet<Pair> {
    let pairs = peers.iter().enumerate().flat_map(|(at, one)| peers[at + 1..].iter().map(move |other| (*one, *other)));
    pairs.filter(|(one, other)| graph.allows(*one, *other)).map(|(one, other)| Pair::of(one, other)).collect()
}

fn star(hub: PeerId, graph: &Graph) -> Result<BTreeSet<Pair>, LayoutError> {
    is_member(hub, graph)?;
    Ok(graph.members().filter(|peer| graph.allows(hub, *peer)).map(|peer| Pair::of(hub, peer)).collect())
}

fn chain(order: &[PeerId], graph: &Graph) -> Result<BTreeSet<Pair>, LayoutError> {
    order.iter().try_for_each(|peer| is_member(*peer, graph))?;
    let mut named = BTreeSet::new();
    let mut order: Vec<PeerId> = order.iter().copied().filter(|peer| named.insert(*peer)).collect();
    let mut rest: BTreeSet<PeerId> = graph.members().filter(|peer| !named.contains(peer)).collect();
    while !rest.is_empty() {
        let last = order.last().copied();
        let far = |peer: &PeerId| {
            let last = last.unwrap_or(*peer);
            (
                !graph.allows(last, *peer),
                graph.edge(last, *peer).and_then(|edge| edge.rtt).unwrap_or(Duration::MAX),
                *peer,
            )
        };
        let next = rest.iter().copied().min_by_key(far).expect("somebody is left");
        rest.remove(&next);
        order.push(next);
    }
    let pairs = order.windows(2).filter(|pair| graph.allows(pair[0], pair[1]));
    Ok(pairs.map(|pair| Pair::of(pair[0], pair[1])).collect())
}

fn sites(named: &BTreeMap<PeerId, String>, graph: &Graph) -> BTreeSet<Pair> {
    let sites = group(named, graph);
    let mut links: BTreeSet<Pair> = sites.iter().flat_map(|site| mesh(site, graph)).collect();
    for (at, one) in sites.iter().enumerate() {
        for other in &sites[at + 1..] {
            links.extend(between(one, other, graph));
        }
    }
    links
}

/// Members by site: grown from machines of one name, and from links within [`SITE_RTT`].
fn group(named: &BTreeMap<PeerId, String>, graph: &Graph) -> Vec<Vec<PeerId>> {
    let is_near = |one: PeerId, other: PeerId| match (named.get(&one), named.get(&other)) {
        (Some(one), Some(other)) => one == other,
        _ => graph.edge(one, other).and_then(|edge| edge.rtt).is_some_and(|rtt| rtt <= SITE_RTT),
    };
    let mut sites: Vec<Vec<PeerId>> = Vec::new();
    // Named machines first, so that an unnamed one between two sites does not make them one.
    let (mut order, unnamed): (Vec<_>, Vec<_>) = graph.members().partition(|peer| named.contains_key(peer));
    order.extend(unnamed);
    for peer in order {
        let site = sites.iter_mut().find(|site| site.iter().any(|other| is_near(peer, *other)));
        match site {
            Some(site) => site.push(peer),
            None => sites.push(vec![peer]),
        }
    }
    sites
}

/// The fastest links between two sites, of different machines where there are such.
fn between(one: &[PeerId], other: &[PeerId], graph: &Graph) -> Vec<Pair> {
    let far = |pair: &(PeerId, PeerId)| {
        (graph.edge(pair.0, pair.1).and_then(|edge| edge.rtt).unwrap_or(Duration::MAX), Pair::of(pair.0, pair.1))
    };
    let mut pairs: Vec<_> = one.iter().flat_map(|one| other.iter().map(move |other| (*one, *other))).collect();
    pairs.retain(|(one, other)| graph.allows(*one, *other));
    pairs.sort_by_key(far);
    let mut links: Vec<(PeerId, PeerId)> = Vec::new();
    while links.len() < BETWEEN_SITES && links.len() < pairs.len() {
        let shared = |pair: &(PeerId, PeerId)| links.iter().filter(|(a, b)| *a == pair.0 || *b == pair.1).count();
        let left = pairs.iter().copied().filter(|pair| !links.contains(pair));
        links.extend(left.min_by_key(shared));
    }
    links.into_iter().map(|(one, other)| Pair::of(one, other)).collect()
}

fn is_member(peer: PeerId, graph: &Graph) -> Result<(), LayoutError> {
    if graph.has(peer) { Ok(()) } else { Err(LayoutError::NotAMember { peer }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::behaviour::Edge;

    fn peer(number: u8) -> PeerId {
        PeerId([number; 32])
    }

    fn pairs(links: &[(u8, u8)]) -> BTreeSet<Pair> {
        links.iter().map(|(one, other)| Pair::of(peer(*one), peer(*other))).collect()
    }

    /// Everybody is linked with everybody; the round trip is the distance of the positions.
    fn placed(at: &[u64]) -> Graph {
        let mut graph = Graph::of((0..at.len() as u8).map(peer));
        for (one, a) in at.iter().enumerate() {
            for (other, b) in at.iter().enumerate().skip(one + 1) {
                let rtt = Some(Duration::from_millis(a.abs_diff(*b)));
                graph.link(peer(one as u8), peer(other as u8), Edge { rtt, pinned: false });
            }
        }
        graph
    }

    #[test]
    fn a_chain_follows_the_names_then_who_is_nearest() {
        let graph = placed(&[0, 30, 10, 20]);
        assert_eq!(Layout::Chain(vec![peer(0)]).links(&graph).unwrap(), pairs(&[(0, 2), (2, 3), (3, 1)]));
        let order = [3, 1, 0, 2].map(peer).to_vec();
        assert_eq!(Layout::Chain(order).links(&graph).unwrap(), pairs(&[(3, 1), (1, 0), (0, 2)]));
    }

    #[test]
    fn a_star_has_one_middle() {
        let graph = placed(&[0, 1, 2, 3]);
        assert_eq!(Layout::Star(peer(2)).links(&graph).unwrap(), pairs(&[(2, 0), (2, 1), (2, 3)]));
        assert_eq!(Layout::Star(peer(9)).links(&graph), Err(LayoutError::NotAMember { peer: peer(9) }));
    }

    #[test]
    fn sites_are_meshes_with_two_links_between() {
        let graph = placed(&[0, 1, 2, 100, 101, 103]);
        let links = Layout::Sites(BTreeMap::new()).links(&graph).unwrap();
        assert_eq!(links, pairs(&[(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5), (2, 3), (1, 4)]));
        let named = [(peer(2), "b".to_owned()), (peer(3), "b".to_owned()), (peer(0), "a".to_owned())].into();
        let links = Layout::Sites(named).links(&graph).unwrap();
        assert!(links.contains(&Pair::of(peer(2), peer(3))) && links.contains(&Pair::of(peer(0), peer(1))));
    }

    #[test]
    fn a_shape_that_needs_a_forbidden_link_says_whom_it_would_cut_off() {
        let mut graph = placed(&[0, 1, 2, 3]);
        graph.forbid(peer(2), peer(1));
        let refused = Layout::Star(peer(2)).links(&graph);
        assert_eq!(refused, Err(LayoutError::CutOff { peers: [peer(1)].into() }));
        graph.link(peer(0), peer(1), Edge { rtt: None, pinned: true });
        assert!(Layout::Star(peer(2)).links(&graph).is_ok(), "a pinned link joins it");
    }

    proptest! {
        #[test]
        fn no_shape_uses_a_forbidden_link_or_leaves_anybody_out(
            at in prop::collection::vec(0..200_u64, 1..10),
            forbidden in prop::collection::vec((0..10_u8, 0..10_u8), 0..6),
            which in 0..4_usize,
        ) {
            let mut graph = placed(&at);
            for (one, other) in forbidden {
                graph.forbid(peer(one), peer(other));
            }
            let layouts =
                [Layout::Mesh, Layout::Chain(Vec::new()), Layout::Star(peer(0)), Layout::Sites(BTreeMap::new())];
            if let Ok(links) = layouts[which].links(&graph) {
                let mut planned = Graph::of(graph.members());
                for pair in links {
                    let (one, other) = pair.ends();
                    prop_assert!(graph.allows(one, other));
                    planned.link(one, other, Edge::default());
                }
                prop_assert!(planned.out_of_reach(peer(0)).is_empty());
            }
        }
    }
}
