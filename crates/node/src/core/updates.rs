//! The membership log: what comes, what is written here, and how both reach everybody.

use gridwell_api::{NoticeKind, NoticeLevel, Response};
use gridwell_model::PeerId;
use gridwell_store::StoreError;
use gridwell_trust::UpdateError;
use gridwell_wire::Message;

use super::{
    Core, Fact, Membership,
    facts::Reply,
    membership::{GRID_KEY, grid_bytes},
    storage,
};
use crate::clock;

/// Largest batch of updates in one message, in bytes: well within a frame.
const UPDATES_BYTES: usize = 32 * 1024;

impl Core {
    pub(super) fn on_updates(&mut self, from: PeerId, updates: &[Vec<u8>]) {
        let merged = self.membership.grid.merge(updates);
        for refusal in &merged.refused {
            self.on_refused_update(from, refusal);
        }
        if merged.new.is_empty() {
            return;
        }
        drop(self.keep_grid());
        self.spread(Some(from), &merged.new);
        let grid = self.membership.grid.id();
        self.members_changed();
        if self.membership.grid.id() == grid {
            for peer in merged.joined.into_iter().filter(|peer| *peer != self.me).collect::<Vec<_>>() {
                self.tell_joined(peer);
            }
            self.bear_witness();
        }
    }

    /// Tells of a refusal once: in the log, and to people if a key of the grid is misused.
    fn on_refused_update(&mut self, from: PeerId, refusal: &UpdateError) {
        if !self.membership.is_news(&refusal.to_string()) {
            return;
        }
        let machine = self.machines.name(from);
        tracing::warn!(machine, by = refusal.by().map(|by| by.short()), %refusal, "a membership update was refused");
        if let UpdateError::NotAllowed { by, .. } | UpdateError::Forked { by } = refusal {
            let author = self.machines.name(*by);
            let sentence = match refusal {
                UpdateError::Forked { .. } => {
                    format!(
                        "the key of {author} signed two histories of the grid: its data folder was copied or stolen"
                    )
                }
                _ => format!("{author} tried what it may not do: {refusal}"),
            };
            self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, None, Some(*by));
        }
    }

    /// A peer has sent its whole log: what it says counts from now on, and so does what it said too early.
    pub(super) fn on_updates_end(&mut self, peer: PeerId) {
        self.membership.heard.insert(peer);
        self.look_at_certificates();
        for message in self.membership.early.remove(&peer).unwrap_or_default() {
            self.on_message(peer, message);
        }
    }

    /// Tells people of a new machine.
    pub(super) fn tell_joined(&mut self, peer: PeerId) {
        let sentence = format!("{} joined the grid", self.machines.name(peer));
        self.notice(NoticeKind::Machine, NoticeLevel::Info, sentence, None, Some(peer));
    }

    /// Hands new updates to every linked peer but the one they came from.
    pub(super) fn spread(&self, from: Option<PeerId>, updates: &[Vec<u8>]) {
        for peer in self.links.up().filter(|peer| Some(*peer) != from) {
            self.send_updates(peer, updates);
        }
    }

    pub(super) fn send_updates(&self, peer: PeerId, updates: &[Vec<u8>]) {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut batches = Vec::new();
        for update in updates {
            if bytes + update.len() > UPDATES_BYTES {
                batches.push(std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += update.len();
            batch.push(update.clone());
        }
        batches.push(batch);
        for batch in batches {
            if let Err(error) = self.net.send(peer, &Message::Members(batch)) {
                tracing::debug!(%error, "membership updates were not sent");
            }
        }
    }

    /// Keeps the log; what is kept later is written later. Says when it is on disk.
    pub(super) fn keep_grid(&self) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let kept = self.keep(GRID_KEY, grid_bytes(&self.membership.grid));
        async { kept.await.unwrap_or(Err(StoreError::Closed)) }
    }

    /// What this machine's node has written into the log itself is kept, then told, then followed.
    pub(super) fn keep_and_spread(&mut self, from: usize) {
        let updates = self.membership.grid.encoded_from(from);
        let kept = self.keep_grid();
        self.spawn(async move { Fact::MembersWritten(updates, kept.await, None) });
    }

    /// What this machine wrote into the log is on disk: others hear of it, the revoked one included, then it is followed here.
    pub(crate) fn on_members_written(
        &mut self,
        updates: &[Vec<u8>],
        kept: Result<(), StoreError>,
        asked: Option<(Reply, Response)>,
    ) {
        if kept.is_ok() {
            self.spread(None, updates);
        }
        // What takes away counts at once, also if the disk is full.
        self.members_changed();
        if let Some((reply, answer)) = asked {
            let _gone = reply.send(kept.map_err(|error| storage(&error)).map(|()| answer));
        }
    }

    /// Puts on record that this machine, an admin, knows of a new one.
    fn bear_witness(&mut self) {
        if !self.membership.grid.wants_witness(self.me) {
            return;
        }
        let name = self.machines.settings().name.clone();
        let Membership { grid, identity, addresses, .. } = &mut self.membership;
        let from = grid.len();
        match grid.describe(identity, &name, addresses, clock::stamp()) {
            Ok(()) => self.keep_and_spread(from),
            Err(error) => tracing::warn!(%error, "a new admin was not put on record"),
        }
    }
}
