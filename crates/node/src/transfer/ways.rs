//! How bytes of another machine are asked for.

use std::collections::BTreeSet;

use gridwell_links::Pair;
use gridwell_model::{Hindrance, ListRef, PeerId, ShareId};
use gridwell_wire::BulkRequest;
use tokio::sync::{mpsc, oneshot};

use crate::{core::Fact, tree::JobOutputs};

/// Asks the loop for ways: it owns the routes, and the key that signs what travels on them.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    facts: mpsc::Sender<Fact>,
}

/// How to ask a machine for bytes.
#[derive(Debug)]
pub(crate) enum Way {
    /// On the link with it.
    Direct(BulkRequest),
    /// Over links of others: the request, signed, and the machines on its path, both ends included.
    Over(BulkRequest, Vec<PeerId>),
    /// No way leads there.
    None,
}

impl Ways {
    pub(crate) const fn new(facts: mpsc::Sender<Fact>) -> Self {
        Self { facts }
    }

    /// The way to `from` now that leads over none of the links `avoided`.
    pub(super) async fn to(&self, from: PeerId, request: BulkRequest, avoided: BTreeSet<Pair>) -> Way {
        let (answer, answered) = oneshot::channel();
        if self.facts.send(Fact::WayWanted(from, request, avoided, answer)).await.is_err() {
            return Way::None;
        }
        // The loop has stopped: nothing leads anywhere.
        answered.await.unwrap_or(Way::None)
    }

    /// What the jobs made of which this machine is steward.
    pub(crate) async fn jobs(&self) -> Vec<JobOutputs> {
        let (answer, answered) = oneshot::channel();
        if self.facts.send(Fact::JobsWanted(answer)).await.is_err() {
            return Vec::new();
        }
        // The loop has stopped: nothing is here any more.
        answered.await.unwrap_or_default()
    }

    /// The link between two machines did not carry bytes: others are tried.
    pub(super) async fn broke(&self, one: PeerId, other: PeerId, why: Hindrance) {
        // The loop has stopped: nobody needs ways.
        let _ = self.facts.send(Fact::WayBroke(one, other, why)).await;
    }

    /// The files of a share of this machine are listed, for those who keep copies.
    pub(crate) async fn listed(&self, share: ShareId, list: ListRef) {
        // The loop has stopped: nobody is told.
        let _ = self.facts.send(Fact::Listed(share, list)).await;
    }

    /// Others are to hear which copies are kept here.
    pub(crate) async fn copies_changed(&self) {
        // The loop has stopped: nobody is told.
        let _ = self.facts.send(Fact::CopiesChanged).await;
    }

    /// Bytes of a file, as people know it, came from a machine that were not its content.
    pub(crate) async fn came_wrong(&self, from: PeerId, file: String) {
        // The loop has stopped: nobody is told.
        let _ = self.facts.send(Fact::CameWrong(from, file)).await;
    }
}
