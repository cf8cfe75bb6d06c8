//! How many copies of their shares owners want: signed by them, known to all who may read, and kept while they are away.

use std::collections::BTreeMap;

use gridwell_api::{ApiError, ErrorCode, Response, ShareReplicateRequest};
use gridwell_files::{Groups, Purpose, group_count};
use gridwell_model::{BlobId, CopyReport, Edition, GridId, ListRef, PeerId, Role, ShareId};
use gridwell_net::BulkResponder;
use gridwell_store::{Store, StoreError};
use gridwell_trust::{open_edition, seal_edition};
use gridwell_wire::{BulkReply, Message, TreeWish};

use super::{Core, Fact, bulk::send_proof, door::storage, facts::Reply};
use crate::{clock, tree::ShareKey};

/// Key in the store.
const KEY: &str = "editions";

/// The newest edition of each share of which copies are wished, or were.
#[derive(Debug, Default)]
pub(crate) struct Editions(BTreeMap<ShareKey, (Edition, Vec<u8>)>);

impl Editions {
    /// Reads what is kept. What was signed for another grid is forgotten.
    pub(crate) async fn load(store: &Store, grid: GridId) -> Result<Self, StoreError> {
        let kept = store.meta(KEY).await?.and_then(|bytes| postcard::from_bytes::<Vec<Vec<u8>>>(&bytes).ok());
        let opened = kept.into_iter().flatten().filter_map(|sealed| Some((open_edition(&sealed, grid).ok()?, sealed)));
        Ok(Self(opened.map(|(edition, sealed)| ((edition.owner, edition.share), (edition, sealed))).collect()))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Edition> {
        self.0.values().map(|(edition, _)| edition)
    }

    fn get(&self, key: ShareKey) -> Option<&Edition> {
        self.0.get(&key).map(|(edition, _)| edition)
    }

    /// Takes an edition in, unless a newer one is known; of what an owner took away only so much is remembered.
    fn take(&mut self, edition: Edition, sealed: Vec<u8>) -> bool {
        let key = (edition.owner, edition.share);
        if self.get(key).is_some_and(|known| known.revision >= edition.revision) {
            return false;
        }
        let theirs = self.0.iter().filter(|((owner, _), _)| *owner == edition.owner);
        if theirs.clone().count() >= Edition::MAX && !self.0.contains_key(&key) {
            let oldest = theirs.filter(|(_, (known, _))| !known.wants_copies());
            let Some(oldest) = oldest.min_by_key(|(_, (known, _))| known.revision).map(|(key, _)| *key) else {
                return false;
            };
            self.0.remove(&oldest);
        }
        self.0.insert(key, (edition, sealed));
        true
    }

    fn kept(&self) -> Vec<u8> {
        let sealed: Vec<_> = self.0.values().map(|(_, sealed)| sealed).collect();
        postcard::to_stdvec(&sealed).expect("bytes are plain data")
    }
}

impl Core {
    /// From now on so many machines are to have each file of a share, this one among them.
    pub(super) fn replicate(&mut self, request: &ShareReplicateRequest, reply: Reply) {
        let Some(share) = self.sharing.named(&request.name) else {
            let message = format!("this machine has no share '{}'", request.name);
            let error = ApiError::new(ErrorCode::BadReference, message).help("list them with: gridwell share list");
            let _gone = reply.send(Err(error));
            return;
        };
        let copies = u8::try_from(request.copies).ok().filter(|copies| (1..=Edition::MAX_COPIES).contains(copies));
        let Some(copies) = copies else {
            let message = format!("{} copies are not between 1 and {}", request.copies, Edition::MAX_COPIES);
            let error = ApiError::new(ErrorCode::BadValue, message);
            let _gone = reply.send(Err(error.help("1 is this machine's own, and no others")));
            return;
        };
        let list = self.editions.get((self.me, share)).and_then(|known| known.list).filter(|_| copies > 1);
        self.publish(share, copies, list, Some(reply));
    }

    /// A share of this machine is taken away: copies of it go.
    pub(super) fn take_copies_back(&mut self, share: ShareId) {
        if let Some(known) = self.editions.get((self.me, share)).cloned() {
            self.publish_as(Edition { copies: 0, list: None, ..known }, None);
        }
    }

    pub(super) fn on_listed(&mut self, share: ShareId, list: ListRef) {
        let known = self.editions.get((self.me, share)).filter(|known| known.wants_copies());
        if let Some(copies) = known.filter(|known| known.list != Some(list)).map(|known| known.copies) {
            self.publish(share, copies, Some(list), None);
        }
    }

    fn publish(&mut self, share: ShareId, copies: u8, list: Option<ListRef>, reply: Option<Reply>) {
        let Some((name, to)) = self.sharing.own(share) else { return };
        let (name, to) = (name.clone(), to.clone());
        self.publish_as(Edition { owner: self.me, share, revision: 0, name, to, copies, list }, reply);
    }

    /// Signs the next edition of a share and writes it down; then others hear of it.
    fn publish_as(&mut self, edition: Edition, reply: Option<Reply>) {
        let before = self.editions.get((edition.owner, edition.share)).map_or(0, |known| known.revision);
        // A machine that lost what it knew goes on with later ones all the same.
        let edition = Edition { revision: clock::stamp().0.max(before + 1), ..edition };
        let sealed = seal_edition(&edition, self.membership.grid.id(), &self.membership.identity);
        let share = edition.share;
        self.editions.take(edition, sealed);
        let kept = self.keep(KEY, self.editions.kept());
        self.spawn(async move { Fact::EditionKept(kept.await.unwrap_or(Err(StoreError::Closed)), share, reply) });
    }

    pub(super) fn on_edition_kept(&mut self, kept: Result<(), StoreError>, share: ShareId, reply: Option<Reply>) {
        let key = (self.me, share);
        if let Some((edition, sealed)) = self.editions.0.get(&key).cloned() {
            self.tree.copies.follow(edition.clone());
            self.spread_edition(&edition, &sealed, self.me);
        }
        let answer = kept.map(|()| Response::Shares(self.share_views())).map_err(|error| storage(&error));
        match (reply, answer) {
            (Some(reply), answer) => _ = reply.send(answer),
            (None, Err(error)) => tracing::warn!(%error, "the files of a share were not written down"),
            (None, Ok(_)) => {}
        }
    }

    /// A machine tells what the owner of a share wants.
    pub(super) fn on_edition(&mut self, from: PeerId, sealed: &[u8]) {
        let edition = match open_edition(sealed, self.membership.grid.id()) {
            Ok(edition) => edition,
            Err(error) => return tracing::debug!(%error, from = from.short(), "an edition of a share is not heeded"),
        };
        if edition.owner == self.me {
            return self.on_own_edition(&edition);
        }
        let counts = self.membership.grid.is_member(edition.owner) && edition.to.includes(self.me);
        if !counts || !self.editions.take(edition.clone(), sealed.to_vec()) {
            return;
        }
        // It is told again by whoever comes: nobody waits for it.
        drop(self.keep(KEY, self.editions.kept()));
        self.spread_edition(&edition, sealed, from);
        self.tree.copies.follow(edition);
        self.follow_roots();
    }

    /// Others know a later edition of a share of this machine, which has been set back: what holds now has to be later still.
    fn on_own_edition(&mut self, theirs: &Edition) {
        let known = self.editions.get((self.me, theirs.share)).cloned();
        if let Some(known) = known.filter(|known| known.revision < theirs.revision) {
            let ahead = Edition { revision: theirs.revision, ..known.clone() };
            self.editions.0.entry((self.me, theirs.share)).and_modify(|(known, _)| *known = ahead);
            self.publish_as(known, None);
        }
    }

    /// Passes an edition on to those who see the share.
    fn spread_edition(&mut self, edition: &Edition, sealed: &[u8], from: PeerId) {
        let others = self.machines.others().iter().filter(|(_, machine)| machine.online).map(|(peer, _)| *peer);
        let readers: Vec<_> = others.filter(|peer| *peer != from && self.reads(*peer, edition)).collect();
        for peer in readers {
            self.tell(peer, &Message::Edition(sealed.to_vec()));
        }
    }

    /// True if a machine other than the owner may read a share, and keep copies of it.
    fn reads(&self, peer: PeerId, edition: &Edition) -> bool {
        edition.to.includes(peer) && peer != edition.owner && self.may(peer, Role::Files)
    }

    /// Tells a machine that has come what owners want, and what is kept here.
    pub(super) fn tell_editions_to(&mut self, peer: PeerId) {
        let sees = |edition: &Edition| edition.owner == peer || self.reads(peer, edition);
        let editions = self.editions.0.values().filter(|(edition, _)| sees(edition));
        let editions = editions.map(|(_, sealed)| Message::Edition(sealed.clone()));
        let reports = self.tree.copies.reports();
        let reports = reports.into_iter().filter(|(edition, _)| sees(edition));
        let words: Vec<_> = editions.chain(reports.map(|(_, report)| Message::Copies(report))).collect();
        words.iter().for_each(|word| self.tell(peer, word));
    }

    /// Tells everybody which copies are kept here.
    pub(super) fn tell_copies(&mut self) {
        let others = self.machines.others().iter().filter(|(_, machine)| machine.online);
        let online: Vec<_> = others.map(|(peer, _)| *peer).collect();
        for (edition, report) in self.tree.copies.reports() {
            let word = Message::Copies(report);
            for peer in &online {
                if *peer == edition.owner || self.reads(*peer, &edition) {
                    self.tell(*peer, &word);
                }
            }
        }
    }

    /// A machine tells which copies it keeps.
    pub(super) fn on_copies(&self, from: PeerId, report: CopyReport) {
        if self.may(from, Role::Files) {
            self.tree.copies.heard(from, report);
        }
    }

    fn tell(&mut self, peer: PeerId, word: &Message) {
        if let Err(error) = self.send(peer, word) {
            tracing::debug!(%error, "a machine was not told of copies");
        }
    }

    /// Whoever keeps copies hears which machines there are.
    pub(super) fn follow_reach(&self) {
        let others = self.machines.others().iter();
        self.tree.copies.reach(others.map(|(peer, machine)| (*peer, machine.online, self.may(*peer, Role::Files))));
    }

    /// A machine is no member any more: nobody follows what it wanted.
    pub(super) fn forget_editions_of(&mut self, owner: PeerId) {
        let known = self.editions.0.len();
        self.editions.0.retain(|(of, _), _| *of != owner);
        self.tree.copies.forget(owner);
        if self.editions.0.len() != known {
            drop(self.keep(KEY, self.editions.kept()));
        }
    }

    /// This machine is in another grid: what is wished of its shares holds there, too.
    pub(super) fn sign_editions_anew(&mut self) {
        let mine = self.editions.all().filter(|edition| edition.owner == self.me && edition.wants_copies());
        let mine: Vec<_> = mine.cloned().collect();
        self.editions.0.clear();
        mine.into_iter().for_each(|edition| self.publish_as(edition, None));
    }

    /// Gives groups of a copy that is kept here, or of a list, to a machine that sees the share.
    pub(super) fn give_copy(
        &mut self,
        peer: PeerId,
        key: ShareKey,
        blob: BlobId,
        (first, count): (u64, u64),
        responder: BulkResponder,
    ) {
        if let Err(reply) = self.may_look(peer) {
            return self.refuse_bytes(responder, reply);
        }
        if !self.tree.copies.may_give(key, blob, peer) {
            return self.refuse_bytes(responder, BulkReply::Refused);
        }
        let (objects, facts) = (self.store.objects().clone(), self.facts.clone());
        self.readers.began(peer);
        self.beside.spawn(async move {
            // To give something to others is no use of it here.
            let object = objects.find(blob, Purpose::Relayed).await.ok().flatten();
            let sent = match object.as_ref().map(|object| (object, object.hold())) {
                Some((object, _held)) => {
                    let end = first.checked_add(count).filter(|end| *end <= group_count(object.size_bytes()));
                    let end = end.filter(|_| (1..=TreeWish::MAX_GROUPS).contains(&count));
                    match end.filter(|end| object.present().contains_all(first..*end)) {
                        Some(end) => send_proof(object.prove(Groups::from(first..end)), responder).await,
                        None => responder.refuse(BulkReply::Missing).await,
                    }
                }
                None => responder.refuse(BulkReply::Missing).await,
            };
            if let Err(error) = sent {
                tracing::debug!(%error, machine = peer.short(), "a copy was not sent to its end");
            }
            // The loop has stopped: nobody counts readers any more.
            let _ = facts.send(Fact::Served(peer)).await;
        });
    }
}
