//! Whole grids under one behaviour, with latencies that are given.

use std::{collections::BTreeMap, time::Duration};

use super::*;

fn peer(number: usize) -> PeerId {
    PeerId([number as u8; 32])
}

/// A grid in which every peer follows a behaviour of its own, looked at each minute.
struct World {
    graph: Graph,
    /// Round trips in milliseconds.
    rtt: Vec<Vec<u64>>,
    behaviours: Vec<Box<dyn Behaviour>>,
    now: Time,
    changes: Vec<(PeerId, Change)>,
}

impl World {
    /// Peers in a ring, each linked with the next.
    fn ring(rtt: Vec<Vec<u64>>, behaviour: impl Fn(usize) -> Box<dyn Behaviour>) -> Self {
        let count = rtt.len();
        let mut world = Self {
            graph: Graph::of((0..count).map(peer)),
            behaviours: (0..count).map(behaviour).collect(),
            rtt,
            now: Time::ZERO,
            changes: Vec::new(),
        };
        for at in 0..count {
            world.link(at, (at + 1) % count);
        }
        world
    }

    fn link(&mut self, one: usize, other: usize) {
        let rtt = Some(Duration::from_millis(self.rtt[one][other]));
        self.graph.link(peer(one), peer(other), Edge { rtt, pinned: false });
    }

    /// Carries out what they propose, one after the other, and checks that nobody is ever cut off.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now = self.now + Duration::from_mins(1);
            for at in 0..self.behaviours.len() {
                let Some(change) = self.behaviours[at].propose(&self.graph, peer(at), self.now) else { continue };
                if let Some(new) = change.adopt {
                    self.link(at, usize::from(new.0[0]));
                }
                if let Some(old) = change.let_go {
                    self.graph.unlink(peer(at), old);
                }
                self.changes.push((peer(at), change));
                assert!(self.graph.out_of_reach(peer(0)).is_empty(), "somebody was cut off");
            }
        }
    }

    fn links(&self) -> Vec<(usize, usize)> {
        let ends = self.graph.edges().map(|(pair, _)| pair.ends());
        ends.map(|(one, other)| (usize::from(one.0[0]), usize::from(other.0[0]))).collect()
    }

    fn total_ms(&self) -> u128 {
        self.graph.edges().filter_map(|(_, edge)| edge.rtt).map(|rtt| rtt.as_millis()).sum()
    }
}

/// Two sites of three machines, 2 ms within and 40 ms between; in the ring every second one stands on the other site.
fn two_sites() -> Vec<Vec<u64>> {
    (0..6).map(|one| (0..6).map(|other| if one % 2 == other % 2 { 2 } else { 40 }).collect()).collect()
}

/// Peers on a line, so many milliseconds apart.
fn along_a_line(at: &[u64]) -> Vec<Vec<u64>> {
    at.iter().map(|one| at.iter().map(|other| one.abs_diff(*other)).collect()).collect()
}

fn nearest(_: usize) -> Box<dyn Behaviour> {
    Box::new(Nearest::new(Duration::from_mins(1)))
}

#[test]
fn nearest_links_each_site_and_stays_put() {
    let mut world = World::ring(two_sites(), nearest);
    world.run(Duration::from_hours(12));
    for (one, other) in [(0, 2), (2, 4), (0, 4), (1, 3), (3, 5), (1, 5)] {
        assert!(world.graph.edge(peer(one), peer(other)).is_some(), "{one}–{other} in {:?}", world.links());
    }
    let between = world.links().into_iter().filter(|(one, other)| one % 2 != other % 2).count();
    assert!(between >= 2, "no only way between the sites: {:?}", world.links());
    let (links, changes) = (world.links(), world.changes.len());
    world.run(Duration::from_hours(48));
    assert_eq!((world.links(), world.changes.len()), (links, changes), "it has settled");
}

#[test]
fn nearest_follows_when_the_latencies_change() {
    let mut world = World::ring(along_a_line(&[0, 70, 10, 80, 20, 90, 30, 100]), nearest);
    let before = world.total_ms();
    world.run(Duration::from_hours(24));
    assert!(world.total_ms() < before, "{} < {before}", world.total_ms());
    let links = world.links();
    // The machines move: who was near is far.
    world.rtt = along_a_line(&[0, 10, 70, 20, 80, 30, 90, 40]);
    for (one, other) in links.iter().copied() {
        world.link(one, other);
    }
    let before = world.total_ms();
    world.run(Duration::from_hours(24));
    assert!(world.total_ms() < before, "{} < {before}", world.total_ms());
    assert_ne!(world.links(), links);
}

#[test]
fn nearest_leaves_pinned_and_forbidden_links_alone() {
    let mut world = World::ring(two_sites(), nearest);
    let pinned = Edge { rtt: Some(Duration::from_millis(40)), pinned: true };
    world.graph.link(peer(0), peer(1), pinned);
    world.graph.forbid(peer(0), peer(2));
    world.run(Duration::from_hours(12));
    assert_eq!(world.graph.edge(peer(0), peer(1)), Some(pinned));
    assert_eq!(world.graph.edge(peer(0), peer(2)), None);
}

#[test]
fn one_who_is_near_enough_is_left_alone() {
    // 30 ms against 28 ms is no reason to move.
    let mut rtt = vec![vec![30; 8]; 8];
    (rtt[0][2], rtt[2][0]) = (28, 28);
    let mut world = World::ring(rtt, nearest);
    world.run(Duration::from_hours(6));
    let swaps = world.changes.iter().filter(|(_, change)| matches!(change.why, Why::IsNearer { .. })).count();
    assert_eq!(swaps, 0, "{:?}", world.changes);
}

#[test]
fn too_many_links_are_thinned_out_and_too_few_filled_up() {
    let mut world = World::ring(vec![vec![10; 14]; 14], nearest);
    for one in 0..14 {
        for other in one + 1..14 {
            world.link(one, other);
        }
    }
    world.run(Duration::from_hours(12));
    let mut degrees: BTreeMap<usize, usize> = BTreeMap::new();
    for (one, other) in world.links() {
        *degrees.entry(one).or_default() += 1;
        *degrees.entry(other).or_default() += 1;
    }
    assert!(degrees.values().all(|degree| (3..=8).contains(degree)), "{degrees:?}");
}

#[test]
fn a_walk_moves_links_and_never_cuts_anybody_off() {
    let mut world = World::ring(vec![vec![5; 8]; 8], |at| Box::new(Walk::new(at as u64)));
    world.link(0, 4);
    world.link(2, 6);
    let before = world.links();
    world.run(Duration::from_hours(2));
    assert_ne!(world.links(), before);
    assert_eq!(world.links().len(), before.len(), "a walk neither makes nor loses links");
}
