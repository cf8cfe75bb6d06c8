//! Jobs of other machines that this one keeps, as people see them.

use gridwell_api::{CopyView, Response};
use gridwell_ledger::Ledger;
use gridwell_model::JobId;

use super::{Core, facts::Reply, views::counts};

impl Core {
    /// Answers with the copies kept here, read beside the loop.
    pub(super) fn list_copies(&self, reply: Reply) {
        let copies: Vec<_> = self.deputies.copies().take(CopyView::MAX_LISTED).collect();
        let facts: Vec<_> = copies
            .into_iter()
            .map(|claim| {
                let steward_online = self.machines.others().get(&claim.steward).is_some_and(|other| other.online);
                let names = (self.machines.name(claim.origin), self.machines.name(claim.steward));
                (claim, names, steward_online, self.copying.heard.get(&claim.job).copied())
            })
            .collect();
        let store = self.store.clone();
        self.beside.spawn(async move {
            let mut views = Vec::with_capacity(facts.len());
            for (claim, (origin_name, steward_name), steward_online, as_of) in facts {
                let Some((name, state, counts)) = read(&store, claim.job).await else { continue };
                let (id, steward) = (claim.job, claim.steward);
                views.push(CopyView {
                    id,
                    name,
                    state,
                    counts,
                    origin_name,
                    steward,
                    steward_name,
                    steward_online,
                    as_of,
                });
            }
            // The asker has gone: nobody waits for the answer.
            let _gone = reply.send(Ok(Response::Copies(views)));
        });
    }
}

/// What a copy says; nothing of one that has just gone, or is being written for the first time.
async fn read(
    store: &gridwell_store::Store,
    job: JobId,
) -> Option<(String, gridwell_model::JobState, gridwell_api::TaskCounts)> {
    let stored = store.job(job).await.ok()?;
    let (spec, _, summary) = Ledger::look_at_copy(job, stored.snapshot.as_deref(), &stored.entries).ok()?;
    Some((spec.name.clone(), summary.state, counts(&summary.counts)))
}
