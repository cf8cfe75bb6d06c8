//! Links, members and joining.

use std::{collections::BTreeSet, time::Duration};

use gridwell_api::{
    ApiError, ErrorCode, EventBody, InviteRequest, InviteView, JoinedView, LinkState, LinkView, Notice, NoticeLevel,
    Response,
};
use gridwell_ledger::Input as LedgerInput;
use gridwell_links::{Effect, Input, LinkState as State};
use gridwell_model::{GridId, Incarnation, PeerId, Stamp, Time};
use gridwell_net::{BulkResponder, JoinError, NetEvent, NetHandle};
use gridwell_sched::Input as SchedInput;
use gridwell_store::Store;
use gridwell_trust::{Grid, INVITE_TTL, Identity, InviteLink, Invites, JoinAttempt, LinkError, Offer, Refusal};
use gridwell_wire::{BulkReply, BulkRequest, Hello, JoinAnswer, JoinRequest, Message, PROTOCOL_VERSION};
use gridwell_worker::Input as WorkerInput;
use tokio::{
    io::AsyncSeekExt as _,
    sync::{mpsc, oneshot},
};
use tokio_util::task::TaskTracker;

use super::{Core, Fact, facts::Reply};
use crate::clock;

/// Largest batch of membership records in one message, in bytes: well within a frame.
const RECORDS_BYTES: usize = 32 * 1024;

/// Smallest transfer that tells how fast a path is, in bytes: below it the round trip is most of the time.
const MEASURED_BYTES: u64 = 1_000_000;

/// Longest life of an invite: a week.
const MAX_TTL: Duration = Duration::from_hours(168);

/// Who belongs to this grid, and who is invited.
pub(crate) struct Membership {
    identity: Identity,
    grid: Grid,
    invites: Invites,
    addresses: Vec<String>,
    /// Whether the net lets strangers knock now.
    joinable: bool,
}

/// Keys in the store.
const RECORDS_KEY: &str = "members";
const GRID_KEY: &str = "grid";
const INVITES_KEY: &str = "invites";

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

async fn keep_grid(store: &Store, id: GridId, records: Vec<Vec<u8>>) -> Result<(), gridwell_store::StoreError> {
    let records = postcard::to_stdvec(&records).expect("records are plain data");
    store.put_meta(RECORDS_KEY, records).await?;
    store.put_meta(GRID_KEY, id.0.to_vec()).await
}

/// A join on its way to the inviter.
#[derive(Debug)]
pub(crate) struct JoinPlan {
    link: InviteLink,
}

/// Something for the net that must keep its order: a dial after the members that allow it, after the hello it begins with.
pub(crate) enum NetWish {
    Hello(Box<Hello>),
    Members(BTreeSet<PeerId>),
    Joinable(bool),
    Dial(PeerId, Vec<String>),
    Disconnect(PeerId),
}

/// Wishes for the net that may wait; it takes them at once unless it is stopping.
const NET_WISHES: usize = 4_096;

/// Starts the task that carries wishes to the net, one after the other.
pub(crate) fn net_wishes(net: NetHandle, beside: &TaskTracker) -> mpsc::Sender<NetWish> {
    let (wishes, mut inlet) = mpsc::channel(NET_WISHES);
    beside.spawn(async move {
        while let Some(wish) = inlet.recv().await {
            match wish {
                NetWish::Hello(hello) => net.set_hello(*hello).await,
                NetWish::Members(members) => net.set_members(members).await,
                NetWish::Joinable(joinable) => net.set_joinable(joinable).await,
                NetWish::Dial(peer, addresses) => net.dial(peer, addresses).await,
                NetWish::Disconnect(peer) => net.disconnect(peer).await,
            }
        }
    });
    wishes
}

/// What every link begins with.
pub(crate) fn hello(grid: GridId, incarnation: Incarnation, name: String, addresses: &[String]) -> Hello {
    let addresses = addresses.iter().take(16).cloned().collect();
    Hello { version: PROTOCOL_VERSION, grid, incarnation, name, addresses, clock_ms: clock::stamp().0 }
}

impl Core {
    pub(crate) fn on_net(&mut self, event: NetEvent) {
        match event {
            NetEvent::Listening { addresses } => {
                let tcp = addresses.into_iter().filter(|address| !address.quic);
                self.membership.addresses = tcp.map(|address| address.host_port).collect();
                self.set_hello();
            }
            NetEvent::LinkUp { peer, hello, address, inbound } => self.on_link_up(peer, &hello, address, inbound),
            NetEvent::LinkDown { peer, why } => self.on_link_down(peer, why),
            NetEvent::Messages { peer, messages } => {
                for message in messages {
                    self.on_message(peer, message);
                }
            }
            NetEvent::DialFailed { peer, why } => {
                self.links.handle(Input::DialFailed { peer, why }, clock::now());
                self.link_changed(peer);
            }
            NetEvent::Refused { peer, address, why } => {
                tracing::info!(machine = peer.map(|peer| peer.short()), %why, "a connection was refused");
                tracing::debug!(%address, "it came from there");
            }
            NetEvent::BulkAsked { peer, request, responder } => self.on_bulk(peer, request, responder),
            NetEvent::JoinAsked { peer, request, answer } => self.on_join_asked(peer, request, answer),
        }
    }

    /// Lets strangers knock while an invite expects them, and no longer.
    pub(crate) fn follow_invites(&mut self) {
        let joinable = self.membership.invites.expects_strangers(clock::stamp());
        if std::mem::replace(&mut self.membership.joinable, joinable) != joinable {
            self.wish_net(NetWish::Joinable(joinable));
        }
    }

    pub(crate) fn set_hello(&self) {
        let name = self.machines.settings().name.clone();
        let hello = hello(self.membership.grid.id(), self.incarnation, name, &self.membership.addresses);
        self.wish_net(NetWish::Hello(Box::new(hello)));
    }

    fn wish_net(&self, wish: NetWish) {
        if self.net_wishes.try_send(wish).is_err() {
            tracing::error!("the net takes no wishes: it is stopping, or stuck");
        }
    }

    fn on_link_up(&mut self, peer: PeerId, hello: &Hello, address: String, inbound: bool) {
        let now = clock::now();
        self.links.handle(Input::Connected { peer, inbound, address }, now);
        self.links.handle(Input::AddressesLearned { peer, addresses: hello.addresses.clone() }, now);
        self.keep_addresses(peer);
        let machine = self.machines.other_mut(peer);
        machine.online = true;
        machine.name.clone_from(&hello.name);
        machine.last_seen = Some(clock::stamp());
        machine.clock_ahead_ms = hello.clock_ms as i64 - clock::stamp().0 as i64;
        let known = machine.incarnation.replace(hello.incarnation);
        if known.is_some_and(|known| known != hello.incarnation) {
            // Another run of its node: every lease it held is gone. At first sight nobody can tell: it renews what it
            // holds, and the rest expires.
            self.tell_ledger(LedgerInput::HolderVanished { peer });
        }
        self.worker.handle(WorkerInput::StewardBack { steward: peer }, now);
        self.send_records(peer, self.membership.grid.encoded());
        let announcement = self.announcement();
        if let Err(error) = self.net.send(peer, &Message::Announce(announcement)) {
            tracing::debug!(%error, "the first announcement was not sent");
        }
        tracing::info!(machine = hello.name, "linked");
        self.link_changed(peer);
    }

    fn on_link_down(&mut self, peer: PeerId, why: String) {
        let now = clock::now();
        tracing::info!(machine = self.machines.name(peer), why, "link lost");
        self.links.handle(Input::Disconnected { peer, why }, now);
        let machine = self.machines.other_mut(peer);
        machine.online = false;
        machine.last_seen = Some(clock::stamp());
        self.sched.handle(SchedInput::PeerLeft { peer }, now);
        self.worker.handle(WorkerInput::StewardLost { steward: peer }, now);
        self.link_changed(peer);
    }

    fn link_changed(&mut self, peer: PeerId) {
        self.changed.links.insert(peer);
        self.changed.machines.insert(peer);
        self.tell_soon();
    }

    pub(crate) fn carry_link(&mut self, effect: Effect) {
        match effect {
            Effect::Dial { peer, addresses } => self.wish_net(NetWish::Dial(peer, addresses)),
            Effect::SendPing { peer, number } => {
                if let Err(error) = self.net.send(peer, &Message::Ping { number }) {
                    tracing::debug!(%error, "a ping was not sent");
                }
            }
            Effect::Disconnect { peer } => self.wish_net(NetWish::Disconnect(peer)),
            Effect::LinkUp { peer } | Effect::LinkDown { peer, .. } => self.link_changed(peer),
        }
    }

    fn on_message(&mut self, peer: PeerId, message: Message) {
        match message {
            // The net has taken the first one; another one is only news of name and addresses.
            Message::Hello(hello) => {
                let input = Input::AddressesLearned { peer, addresses: hello.addresses };
                self.links.handle(input, clock::now());
                self.keep_addresses(peer);
            }
            Message::Announce(announcement) => self.on_announced(peer, announcement),
            Message::Members(records) => self.on_records(peer, &records),
            Message::Ping { number } => {
                if let Err(error) = self.net.send(peer, &Message::Pong { number }) {
                    tracing::debug!(%error, "a ping was not answered");
                }
            }
            Message::Pong { number } => self.links.handle(Input::PongReceived { peer, number }, clock::now()),
            message @ (Message::Offer(_)
            | Message::Settled { .. }
            | Message::Revoke { .. }
            | Message::Forget { .. }) => {
                self.on_steward_message(peer, message);
            }
            message @ (Message::Accept { .. }
            | Message::Decline { .. }
            | Message::Renew(_)
            | Message::Report { .. }
            | Message::Log(_)) => self.on_worker_message(peer, message),
        }
    }

    /// Bytes go to those who have a right to them: who works for a job of ours, and who waits for our results.
    fn on_bulk(&self, peer: PeerId, request: BulkRequest, responder: BulkResponder) {
        let BulkRequest::Blob { blob, job, offset } = request;
        let shown = self.homes.get(&job).is_some_and(|home| home.shows(blob));
        let allowed = shown || self.holds_for(peer, job, blob);
        let (blobs, facts) = (self.store.blobs().clone(), self.facts.clone());
        self.beside.spawn(async move {
            let begun = clock::now();
            let mut sent_bytes = 0;
            let sent = if allowed {
                match blobs.open_blob(blob).await {
                    Ok((file, size_bytes)) => {
                        let mut file = tokio::fs::File::from_std(file);
                        let from = offset.min(size_bytes);
                        match file.seek(std::io::SeekFrom::Start(from)).await {
                            Ok(_) => {
                                sent_bytes = size_bytes - from;
                                responder.send(sent_bytes, file).await
                            }
                            Err(error) => Err(error),
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, %job, "bytes that were asked for cannot be read");
                        responder.refuse(BulkReply::Missing).await
                    }
                }
            } else {
                responder.refuse(BulkReply::Refused).await
            };
            if let Err(error) = sent {
                tracing::debug!(%error, %job, machine = peer.short(), "bytes were not sent to their end");
            } else if sent_bytes >= MEASURED_BYTES {
                let secs = clock::now().since(begun).as_secs_f64().max(1e-6);
                let _stopped = facts.send(Fact::Measured(peer, sent_bytes as f64 / secs)).await;
            }
        });
    }

    pub(crate) fn round_trip(&self, peer: PeerId) -> Duration {
        match self.links.view(peer).map(|view| view.state) {
            Some(State::Up { rtt_min, rtt_ewma, .. }) => rtt_min.or(rtt_ewma).unwrap_or(Duration::from_millis(1)),
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn link_view(&self, peer: PeerId) -> Option<LinkView> {
        let view = self.links.view(peer)?;
        let stats = self.net.stats(peer).unwrap_or_default();
        let (state, address, rtt) = match view.state {
            State::Up { address, rtt_min, rtt_ewma, .. } => (LinkState::Up, address, rtt_ewma.or(rtt_min)),
            State::Dialling => (LinkState::Connecting, view.addresses.first().cloned().unwrap_or_default(), None),
            State::Down { .. } => (LinkState::Down, view.addresses.first().cloned().unwrap_or_default(), None),
        };
        let ago = clock::now().since(view.since);
        Some(LinkView {
            peer,
            name: self.machines.name(peer),
            state,
            address,
            rtt_ms: rtt.map(|rtt| rtt.as_secs_f64() * 1e3),
            since: Stamp(clock::stamp().0.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(0))),
            received_bytes: stats.received_bytes,
            sent_bytes: stats.sent_bytes,
            last_error: view.last_error.map(|(_, error)| error).unwrap_or_default(),
        })
    }

    /// Lets the gate and the link table follow the membership.
    pub(crate) fn members_changed(&mut self) {
        let now = clock::now();
        self.wish_net(NetWish::Members(self.membership.grid.peers()));
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
            self.links.handle(Input::MemberAdded { peer, addresses }, now);
            self.links.handle(Input::AddressesLearned { peer, addresses: self.addresses.of(peer) }, now);
            self.link_changed(peer);
        }
    }

    fn on_records(&mut self, from: PeerId, records: &[Vec<u8>]) {
        let merged = self.membership.grid.merge(records);
        for refusal in &merged.refused {
            tracing::warn!(machine = self.machines.name(from), %refusal, "a membership record was refused");
        }
        if merged.new.is_empty() {
            return;
        }
        self.keep_records();
        self.members_changed();
        for peer in self.links.up().filter(|peer| *peer != from).collect::<Vec<_>>() {
            self.send_records(peer, merged.new.clone());
        }
    }

    fn send_records(&self, peer: PeerId, records: Vec<Vec<u8>>) {
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

    fn keep_records(&self) {
        let (store, id, records) = (self.store.clone(), self.membership.grid.id(), self.membership.grid.encoded());
        self.beside.spawn(async move {
            if let Err(error) = keep_grid(&store, id, records).await {
                tracing::error!(%error, "the members of the grid were not kept");
            }
        });
    }

    pub(crate) fn invite(&mut self, request: &InviteRequest, reply: Reply) {
        let ttl = request.ttl_secs.map_or(INVITE_TTL, Duration::from_secs).min(MAX_TTL);
        let offer = Offer {
            grid: self.membership.grid.id(),
            inviter: self.me,
            addresses: &self.membership.addresses,
            now: clock::stamp(),
            ttl,
        };
        let link = match self.membership.invites.create(&offer, crate::start::random(), crate::start::random()) {
            Ok(link) => link,
            Err(error) => {
                let _gone = reply.send(Err(ApiError::new(ErrorCode::WrongState, error.to_string())));
                return;
            }
        };
        let view = InviteView { link: link.to_text(), expires: link.expires };
        self.membership.joinable = true;
        let (store, net, invites) = (self.store.clone(), self.net.clone(), self.membership.invites.encode());
        // The link leaves this machine only once the invite is kept and strangers may knock.
        self.beside.spawn(async move {
            let kept = store.put_meta(INVITES_KEY, invites).await;
            net.set_joinable(true).await;
            let answer = kept.map(|()| Response::Invite(view));
            let _gone = reply.send(answer.map_err(|error| ApiError::new(ErrorCode::Storage, error.to_string())));
        });
    }

    fn on_join_asked(&mut self, peer: PeerId, request: JoinRequest, answer: oneshot::Sender<JoinAnswer>) {
        if request.version != PROTOCOL_VERSION {
            let _gone = answer.send(JoinAnswer::Version { version: PROTOCOL_VERSION });
            return;
        }
        let attempt = JoinAttempt {
            grid: request.grid,
            joiner: peer,
            name: request.name,
            addresses: request.addresses,
            invite: request.invite,
            proof: request.proof,
        };
        let Membership { identity, grid, invites, .. } = &mut self.membership;
        match invites.redeem(&attempt, grid, identity, clock::stamp()) {
            Ok(record) => {
                tracing::info!(machine = record.name, "joined the grid");
                let notice = Notice {
                    level: NoticeLevel::Info,
                    sentence: format!("{} joined the grid", record.name),
                    job: None,
                    machine: Some(peer),
                };
                self.events.tell(EventBody::Notice(notice));
                self.welcome(answer);
            }
            Err(refusal) => {
                tracing::info!(machine = peer.short(), %refusal, "a join was refused");
                let _gone = answer.send(match refusal {
                    Refusal::Used => JoinAnswer::Used,
                    Refusal::Expired => JoinAnswer::Expired,
                    Refusal::Unknown => JoinAnswer::Unknown,
                    Refusal::OtherGrid => JoinAnswer::OtherGrid,
                });
            }
        }
    }

    /// Keeps the new member and the used invite, opens the gate, then answers.
    fn welcome(&mut self, answer: oneshot::Sender<JoinAnswer>) {
        let records = self.membership.grid.encoded();
        for peer in self.links.up().collect::<Vec<_>>() {
            self.send_records(peer, records.clone());
        }
        self.members_changed();
        let (store, net, peers) = (self.store.clone(), self.net.clone(), self.membership.grid.peers());
        let (id, invites) = (self.membership.grid.id(), self.membership.invites.encode());
        self.beside.spawn(async move {
            let kept = async {
                store.put_meta(INVITES_KEY, invites).await?;
                keep_grid(&store, id, records.clone()).await
            };
            if let Err(error) = kept.await {
                tracing::error!(%error, "a new member was not kept");
                return;
            }
            net.set_members(peers).await;
            let _gone = answer.send(JoinAnswer::Joined { members: records });
        });
    }

    pub(crate) fn join(&self, text: &str, reply: Reply) {
        let link = match InviteLink::parse(text) {
            Ok(link) => link,
            Err(error) => {
                let code = match error {
                    LinkError::NotALink => ErrorCode::InviteMalformed,
                    LinkError::Damaged => ErrorCode::InviteTampered,
                    LinkError::Version { .. } => ErrorCode::OtherVersion,
                };
                let _gone = reply.send(Err(ApiError::new(code, error.to_string())));
                return;
            }
        };
        if let Err(error) = self.may_join(&link) {
            let _gone = reply.send(Err(error));
            return;
        }
        let request = JoinRequest {
            version: PROTOCOL_VERSION,
            grid: link.grid,
            joiner: self.me,
            name: self.machines.settings().name.clone(),
            addresses: self.membership.addresses.clone(),
            invite: link.invite,
            proof: link.proof(self.me),
        };
        let net = self.net.clone();
        self.spawn(async move {
            let answer = net.join(link.addresses.clone(), link.inviter, request).await;
            let answer = answer.map_err(|error| join_failed(&error));
            Fact::JoinAnswered(Box::new(JoinPlan { link }), answer, reply)
        });
    }

    fn may_join(&self, link: &InviteLink) -> Result<(), ApiError> {
        let already = |message: &str, help: &str| Err(ApiError::new(ErrorCode::AlreadyMember, message).help(help));
        if link.inviter == self.me {
            return already("this invite was made by this machine itself", "give the link to another machine");
        }
        if link.grid == self.membership.grid.id() {
            return already("this machine belongs to that grid already", "see its machines with: gridwell machines");
        }
        if self.membership.grid.members().count() > 1 {
            return already(
                "this machine belongs to another grid already",
                "start it with a fresh data folder (--data DIR) to join a second grid",
            );
        }
        Ok(())
    }

    pub(crate) fn on_join_answered(&mut self, plan: JoinPlan, answer: Result<JoinAnswer, ApiError>, reply: Reply) {
        let joined = answer.and_then(|answer| self.adopt_grid(&plan.link, answer));
        let _gone = reply.send(joined.map(Response::Joined));
    }

    fn adopt_grid(&mut self, link: &InviteLink, answer: JoinAnswer) -> Result<JoinedView, ApiError> {
        let members = match answer {
            JoinAnswer::Joined { members } => members,
            JoinAnswer::Used => {
                return Err(ApiError::new(ErrorCode::InviteUsed, "the invite was used already").help(ASK_AGAIN));
            }
            JoinAnswer::Expired => {
                return Err(ApiError::new(ErrorCode::InviteExpired, "the invite has expired").help(ASK_AGAIN));
            }
            JoinAnswer::Unknown => {
                return Err(
                    ApiError::new(ErrorCode::InviteTampered, "the inviter does not know this invite").help(ASK_AGAIN)
                );
            }
            JoinAnswer::OtherGrid => {
                return Err(
                    ApiError::new(ErrorCode::OtherGrid, "the inviter belongs to another grid now").help(ASK_AGAIN)
                );
            }
            JoinAnswer::Version { version } => {
                let message = format!("the inviter speaks protocol version {version}, this machine {PROTOCOL_VERSION}");
                return Err(
                    ApiError::new(ErrorCode::OtherVersion, message).help("install the same version on both machines")
                );
            }
        };
        let mut grid = Grid::of(link.grid);
        grid.merge(members);
        if !grid.is_member(self.me) || !grid.is_member(link.inviter) {
            return Err(ApiError::new(ErrorCode::OtherGrid, "the inviter's records do not make this machine a member"));
        }
        self.membership.grid = grid;
        self.keep_records();
        self.set_hello();
        self.members_changed();
        let reached = Input::AddressesLearned { peer: link.inviter, addresses: link.addresses.clone() };
        self.links.handle(reached, clock::now());
        self.keep_addresses(link.inviter);
        tracing::info!(grid = %link.grid, "joined a grid");
        let names = self.membership.grid.members().map(|member| member.name.clone()).collect();
        Ok(JoinedView { grid: link.grid, machines: names })
    }
}

const ASK_AGAIN: &str = "ask for a new one: gridwell invite on a machine of that grid";

fn join_failed(error: &JoinError) -> ApiError {
    ApiError::new(ErrorCode::PeerUnreachable, error.to_string())
        .help("check that the inviting machine is awake, runs gridwell and can be reached from here")
}
