use crate::{Groups, PAIR_BYTES, tree::Node};

/// A piece of a stream that proves groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The pair of this number: 64 bytes.
    Pair(u64),
    /// This group's bytes.
    Group(u64),
}

impl Part {
    /// Returns how many bytes it takes in a stream of content of `size_bytes`.
    #[must_use]
    pub fn bytes(self, size_bytes: u64) -> u64 {
        match self {
            Self::Pair(_) => PAIR_BYTES,
            Self::Group(number) => Groups::from(number..number + 1).bytes(size_bytes),
        }
    }
}

/// The order in which groups of some content travel with their proof: the pair at each fork before what lies left of it,
/// and that before what lies right of it. Forks above no wanted group are left out.
///
/// Sender and receiver walk the same order, so nothing in the stream tells a length or a place. It is the order of a bao
/// slice with chunk groups of 64 KiB, without the length in front.
///
/// Source: the bao specification, "Slice format".
#[derive(Debug, Clone)]
pub struct Parts {
    groups: Groups,
    /// Subtrees to come, the next one last; each holds a wanted group.
    nodes: Vec<Node>,
}

impl Parts {
    /// The parts that prove `groups` of content of `size_bytes`. Groups past its end are ignored.
    #[must_use]
    pub fn new(size_bytes: u64, groups: Groups) -> Self {
        let nodes = wanted(Node::root(size_bytes), &groups).collect();
        Self { groups, nodes }
    }
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let node = self.nodes.pop()?;
        let Some((left, right)) = node.sides() else { return Some(Part::Group(node.start)) };
        self.nodes.extend(wanted([right, left], &self.groups));
        Some(Part::Pair(right.start - 1))
    }
}

fn wanted(nodes: impl IntoIterator<Item = Node>, groups: &Groups) -> impl Iterator<Item = Node> {
    nodes.into_iter().filter(|node| groups.overlaps(node.groups()))
}

/// Returns how many bytes the parts that prove `groups` of content of `size_bytes` take together, at most
/// `u64::MAX`.
#[must_use]
pub fn stream_bytes(size_bytes: u64, groups: &Groups) -> u64 {
    let mut nodes: Vec<_> = wanted(Node::root(size_bytes), groups).collect();
    let mut pairs = 0;
    while let Some(node) = nodes.pop() {
        if groups.contains_all(node.groups()) {
            pairs += node.end - node.start - 1;
        } else if let Some((left, right)) = node.sides() {
            pairs += 1;
            nodes.extend(wanted([right, left], groups));
        }
    }
    groups.bytes(size_bytes).saturating_add(pairs * PAIR_BYTES)
}
