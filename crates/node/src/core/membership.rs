//! Who belongs to the grid: records kept, passed on, and followed by the gate and the link table.

use std::time::Duration;

use gridwell_api::{NoticeKind, NoticeLevel};
use gridwell_links::Input;
use gridwell_model::{GridId, PeerId, Time};
use gridwell_store::Store;
use gridwell_trust::{Grid, Identity, Invites};
use gridwell_wire::Message;

use super::{Core, peers::NetWish};
use crate::clock;

/// Largest batch of membership records in one message, in bytes: well within a frame.
const RECORDS_BYTES: usize = 32 * 1024;

/// Who belongs to this grid, and who is invited.
pub(crate) struct Membership {
    pub(super) identity: Identity,
    pub(super) grid: Grid,
    pub(super) invites: Invites,
    pub(super) addresses: Vec<String>,
    /// Whether the net lets strangers knock now.
    pub(super) joinable: bool,
}

/// Keys in the store.
const RECORDS_KEY: &str = "members";
const GRID_KEY: &str = "grid";
pub(super) const INVITES_KEY: &str = "invites";

impl Membership {
    /// Reads what is kept, or founds a grid with this machine as its only member.
    pub(crate) async fn load(
        store: &Store,
        identity: Identity,
        name: &str,
    ) -> Result<Self, gridwell_store::StoreError> {
        let now = clock::stamp();
        let kept = (store.meta(GRID_KEY).await?, store.meta(RECORDS_KEY).await?);
        let grid = match kept {
            (Some(id), Some(records)) if <[u8; 16]>::try_from(id.as_slice()).is_ok() => {
                let mut grid = Grid::of(GridId(<[u8; 16]>::try_from(id.as_slice()).unwrap_or_default()));
                let records: Vec<Vec<u8>> = postcard::from_bytes(&records).unwrap_or_default();
                grid.merge(records);
                grid
            }
            _ => Grid::found(&identity, name, &[], crate::start::random(), now),
        };
        let invites = store.meta(INVITES_KEY).await?;
        let invites = invites.and_then(|bytes| Invites::decode(&bytes, now).ok()).unwrap_or_default();
        let membership = Self { identity, grid, invites, addresses: Vec::new(), joinable: false };
        membership.keep_grid(store).await?;
        Ok(membership)
    }

    async fn keep_grid(&self, store: &Store) -> Result<(), gridwell_store::StoreError> {
        keep_grid(store, self.grid.id(), self.grid.encoded()).await
    }

    pub(crate) const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Where this machine listens, `HOST:PORT`.
    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// When the last invite is over, if strangers may knock until then.
    pub(crate) fn due(&self) -> Option<Time> {
        let now = clock::stamp();
        let next = self.invites.next_change(now).filter(|_| self.joinable)?;
        Some(clock::now() + Duration::from_millis(next.0 - now.0 + 1))
    }
}

pub(super) async fn keep_grid(
    store: &Store,
    id: GridId,
    records: Vec<Vec<u8>>,
) -> Result<(), gridwell_store::StoreError> {
    let records = postcard::to_stdvec(&records).expect("records are plain data");
    store.put_meta(RECORDS_KEY, records).await?;
    store.put_meta(GRID_KEY, id.0.to_vec()).await
}

impl Core {
    /// Lets the gate and the link table follow the membership.
    pub(crate) fn members_changed(&mut self) {
        let now = clock::now();
        let (members, forbidden) = self.gate();
        self.wish_net(NetWish::Members(members, forbidden));
        let members: Vec<_> = self
            .membership
            .grid
            .members()
            .map(|member| (member.peer, member.name.clone(), member.addresses.clone()))
            .collect();
        for (peer, name, addresses) in members {
            if peer == self.me {
                continue;
            }
            let machine = self.machines.other_mut(peer);
            if machine.name.is_empty() {
                machine.name = name;
            }
            self.links.handle(Input::MemberAdded { peer, addresses, ours: self.linking.of(peer) }, now);
            self.links.handle(Input::AddressesLearned { peer, addresses: self.addresses.of(peer) }, now);
            self.link_changed(peer);
        }
    }

    pub(super) fn on_records(&mut self, from: PeerId, records: &[Vec<u8>]) {
        let known = self.membership.grid.peers();
        let merged = self.membership.grid.merge(records);
        for refusal in &merged.refused {
            tracing::warn!(machine = self.machines.name(from), %refusal, "a membership record was refused");
        }
        if merged.new.is_empty() {
            return;
        }
        self.keep_records();
        self.members_changed();
        for peer in self.membership.grid.peers().difference(&known) {
            self.tell_joined(*peer);
        }
        for peer in self.links.up().filter(|peer| *peer != from).collect::<Vec<_>>() {
            self.send_records(peer, merged.new.clone());
        }
    }

    /// Tells people of a new machine.
    pub(super) fn tell_joined(&mut self, peer: PeerId) {
        let sentence = format!("{} joined the grid", self.machines.name(peer));
        self.notice(NoticeKind::Machine, NoticeLevel::Info, sentence, None, Some(peer));
    }

    pub(super) fn send_records(&self, peer: PeerId, records: Vec<Vec<u8>>) {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut batches = Vec::new();
        for record in records {
            if bytes + record.len() > RECORDS_BYTES {
                batches.push(std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += record.len();
            batch.push(record);
        }
        batches.push(batch);
        for batch in batches {
            if let Err(error) = self.net.send(peer, &Message::Members(batch)) {
                tracing::debug!(%error, "membership records were not sent");
            }
        }
    }

    pub(super) fn keep_records(&self) {
        let (store, id, records) = (self.store.clone(), self.membership.grid.id(), self.membership.grid.encoded());
        self.beside.spawn(async move {
            if let Err(error) = keep_grid(&store, id, records).await {
                tracing::error!(%error, "the members of the grid were not kept");
            }
        });
    }
}
