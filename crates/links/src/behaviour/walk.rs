use gridwell_model::{PeerId, Time};

use super::{
    Behaviour, Change, Graph, Why,
    safe::{may_let_go, slowest_first},
};
use crate::backoff::Jitter;

/// Moves the end of a link, taken by chance, to a neighbour of the machine that is there now. A few links of chance keep a
/// large grid close together.
#[derive(Debug, Clone)]
pub struct Walk {
    chance: Jitter,
}

impl Walk {
    /// The seed decides every choice.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { chance: Jitter::new(seed) }
    }
}

impl Behaviour for Walk {
    fn name(&self) -> &'static str {
        "walk"
    }

    fn propose(&mut self, graph: &Graph, me: PeerId, _now: Time) -> Option<Change> {
        let links: Vec<_> = slowest_first(graph, me).into_iter().map(|(peer, _)| peer).collect();
        let old = *self.chance.pick(&links)?;
        let is_new = |peer: &PeerId| graph.allows(me, *peer) && graph.edge(me, *peer).is_none();
        let next: Vec<_> = graph.neighbours(old).map(|(peer, _)| peer).filter(is_new).collect();
        let new = *self.chance.pick(&next)?;
        may_let_go(graph, me, old, Some(new)).then_some(Change {
            adopt: Some(new),
            let_go: Some(old),
            why: Why::Chance,
        })
    }
}
