use std::{
    collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry},
    time::Duration,
};

use gridwell_model::PeerId;

/// The links of the whole grid as one peer knows them: what a [`Behaviour`](super::Behaviour) or a
/// [`Layout`](super::Layout) looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// Every member, with its links.
    members: BTreeMap<PeerId, BTreeMap<PeerId, Edge>>,
    forbidden: BTreeSet<Pair>,
}

/// A link that stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Edge {
    /// Smallest round trip lately, once measured.
    pub rtt: Option<Duration>,
    /// True if an owner pinned it: nothing here touches it.
    pub pinned: bool,
}

/// Two peers in either order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair(PeerId, PeerId);

impl Pair {
    /// The pair of these two.
    #[must_use]
    pub fn of(one: PeerId, other: PeerId) -> Self {
        Self(one.min(other), one.max(other))
    }

    /// Both, the lower id first.
    #[must_use]
    pub const fn ends(self) -> (PeerId, PeerId) {
        (self.0, self.1)
    }

    /// The other end, if `peer` is one.
    #[must_use]
    pub fn other(self, peer: PeerId) -> Option<PeerId> {
        match peer {
            _ if peer == self.0 => Some(self.1),
            _ if peer == self.1 => Some(self.0),
            _ => None,
        }
    }
}

impl Graph {
    /// A grid of these members without links.
    #[must_use]
    pub fn of(members: impl IntoIterator<Item = PeerId>) -> Self {
        let members = members.into_iter().map(|peer| (peer, BTreeMap::new())).collect();
        Self { members, forbidden: BTreeSet::new() }
    }

    /// Adds a link between two members; of others and of a peer with itself there is none.
    pub fn link(&mut self, one: PeerId, other: PeerId, edge: Edge) {
        if one != other && self.has(one) && self.has(other) {
            for (one, other) in [(one, other), (other, one)] {
                self.members.entry(one).or_default().insert(other, edge);
            }
        }
    }

    /// Takes a link out.
    pub fn unlink(&mut self, one: PeerId, other: PeerId) {
        for (one, other) in [(one, other), (other, one)] {
            if let Some(links) = self.members.get_mut(&one) {
                links.remove(&other);
            }
        }
    }

    /// Notes that an owner forbids the link between two peers; one that stands is taken out.
    pub fn forbid(&mut self, one: PeerId, other: PeerId) {
        self.unlink(one, other);
        self.forbidden.insert(Pair::of(one, other));
    }

    /// True if `peer` is a member.
    #[must_use]
    pub fn has(&self, peer: PeerId) -> bool {
        self.members.contains_key(&peer)
    }

    /// The members, by id.
    pub fn members(&self) -> impl Iterator<Item = PeerId> {
        self.members.keys().copied()
    }

    /// The links, by their ends.
    pub fn edges(&self) -> impl Iterator<Item = (Pair, Edge)> {
        let ends =
            self.members.iter().flat_map(|(one, links)| links.iter().map(move |(other, edge)| (one, other, edge)));
        ends.filter(|(one, other, _)| one < other).map(|(one, other, edge)| (Pair(*one, *other), *edge))
    }

    /// The link between two peers, if one stands.
    #[must_use]
    pub fn edge(&self, one: PeerId, other: PeerId) -> Option<Edge> {
        self.members.get(&one)?.get(&other).copied()
    }

    /// False if an owner forbids the link between two peers.
    #[must_use]
    pub fn allows(&self, one: PeerId, other: PeerId) -> bool {
        one != other && !self.forbidden.contains(&Pair::of(one, other))
    }

    /// Who is linked with `peer`, by id, and how.
    pub fn neighbours(&self, peer: PeerId) -> impl Iterator<Item = (PeerId, Edge)> {
        self.members.get(&peer).into_iter().flatten().map(|(other, edge)| (*other, *edge))
    }

    /// Links from `from` to everybody it reaches, itself included with 0.
    #[must_use]
    pub fn hops(&self, from: PeerId) -> BTreeMap<PeerId, usize> {
        let mut hops = BTreeMap::from([(from, 0)]);
        let mut next = VecDeque::from([from]);
        while let Some(peer) = next.pop_front() {
            let far = hops[&peer] + 1;
            for (other, _) in self.neighbours(peer) {
                if let Entry::Vacant(place) = hops.entry(other) {
                    place.insert(far);
                    next.push_back(other);
                }
            }
        }
        hops
    }

    /// Members that cannot be reached from `from`.
    #[must_use]
    pub fn out_of_reach(&self, from: PeerId) -> BTreeSet<PeerId> {
        let hops = self.hops(from);
        self.members().filter(|peer| !hops.contains_key(peer)).collect()
    }

    /// Links whose loss would cut somebody off (Tarjan 1974: nothing below such a link leads above it another way).
    #[must_use]
    pub fn bridges(&self) -> BTreeSet<Pair> {
        let mut search = Search::default();
        for peer in self.members() {
            if !search.number.contains_key(&peer) {
                search.from(self, peer);
            }
        }
        search.bridges
    }
}

/// A depth-first search, without recursion: grids may be one long line.
#[derive(Default)]
struct Search {
    /// In which order peers were met.
    number: BTreeMap<PeerId, usize>,
    /// The earliest peer that a peer, or anybody below it, leads to.
    low: BTreeMap<PeerId, usize>,
    bridges: BTreeSet<Pair>,
}

impl Search {
    fn from(&mut self, graph: &Graph, root: PeerId) {
        self.meet(root);
        let mut way = vec![(root, None, graph.neighbours(root))];
        while let Some((peer, above, links)) = way.last_mut() {
            let (peer, above) = (*peer, *above);
            match links.next() {
                Some((other, _)) if Some(other) == above => {}
                Some((other, _)) => match self.number.get(&other) {
                    Some(number) => self.lower(peer, *number),
                    None => {
                        self.meet(other);
                        way.push((other, Some(peer), graph.neighbours(other)));
                    }
                },
                None => {
                    way.pop();
                    let Some(above) = above else { continue };
                    if self.low[&peer] > self.number[&above] {
                        self.bridges.insert(Pair::of(above, peer));
                    }
                    self.lower(above, self.low[&peer]);
                }
            }
        }
    }

    fn meet(&mut self, peer: PeerId) {
        let number = self.number.len();
        self.number.insert(peer, number);
        self.low.insert(peer, number);
    }

    fn lower(&mut self, peer: PeerId, to: usize) {
        self.low.entry(peer).and_modify(|low| *low = to.min(*low));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peer(number: u8) -> PeerId {
        PeerId([number; 32])
    }

    fn graph(count: u8, links: &[(u8, u8)]) -> Graph {
        let mut graph = Graph::of((0..count).map(peer));
        for (one, other) in links {
            graph.link(peer(*one), peer(*other), Edge::default());
        }
        graph
    }

    #[test]
    fn strangers_and_mirrors_make_no_links() {
        let mut graph = graph(2, &[(0, 1), (1, 0), (0, 0), (0, 5)]);
        assert_eq!(graph.edges().count(), 1);
        graph.forbid(peer(1), peer(0));
        assert_eq!(graph.edges().count(), 0);
        assert!(!graph.allows(peer(0), peer(1)) && !graph.allows(peer(0), peer(0)));
    }

    #[test]
    fn hops_are_counted_and_islands_are_seen() {
        let graph = graph(5, &[(0, 1), (1, 2), (3, 4)]);
        assert_eq!(graph.hops(peer(0)), [(peer(0), 0), (peer(1), 1), (peer(2), 2)].into());
        assert_eq!(graph.out_of_reach(peer(0)), [peer(3), peer(4)].into());
    }

    #[test]
    fn a_link_on_a_ring_is_no_bridge() {
        let graph = graph(5, &[(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)]);
        assert_eq!(graph.bridges(), [Pair::of(peer(2), peer(3)), Pair::of(peer(3), peer(4))].into());
    }

    proptest! {
        #[test]
        fn bridges_are_the_links_without_which_one_end_is_not_reached(
            links in prop::collection::vec((0..9_u8, 0..9_u8), 0..16),
        ) {
            let graph = graph(9, &links);
            let bridges = graph.bridges();
            for (pair, _) in graph.edges() {
                let (one, other) = pair.ends();
                let mut rest = graph.clone();
                rest.unlink(one, other);
                prop_assert_eq!(bridges.contains(&pair), !rest.hops(one).contains_key(&other), "{:?}", pair);
            }
        }
    }
}
