//! Who belongs to the grid, and how the gate, the link table and everything that was lent follow.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_api::{ApiError, ErrorCode, MembersView, NoticeKind, NoticeLevel};
use gridwell_ledger::Input as LedgerInput;
use gridwell_links::Input;
use gridwell_model::{GridId, PeerId, Role, Stamp, Time};
use gridwell_sched::Input as SchedInput;
use gridwell_store::{Store, StoreError};
use gridwell_trust::{Grid, Identity, Invites, Standing};
use gridwell_wire::Message;
use gridwell_worker::Input as WorkerInput;

use super::{Core, peers::NetWish};
use crate::clock;

/// Refusals remembered so that each is told once.
const MAX_TOLD: usize = 256;

/// Who belongs to this grid, and who is invited.
pub(crate) struct Membership {
    pub(super) identity: Identity,
    pub(super) grid: Grid,
    pub(super) invites: Invites,
    pub(super) addresses: Vec<String>,
    /// Whether the net lets strangers knock now.
    pub(super) joinable: bool,
    /// Who may link, as everything that follows the membership knows.
    pub(super) known: BTreeSet<PeerId>,
    /// Whose membership log has come since its link came up.
    pub(super) heard: BTreeSet<PeerId>,
    /// What others said before that.
    pub(super) early: BTreeMap<PeerId, Vec<Message>>,
    /// Refusals of members that were told.
    told: BTreeSet<String>,
    /// Refusals of strangers that were told: apart, because they may call themselves what they like.
    told_of_strangers: BTreeSet<String>,
    /// When certificates are looked at again.
    pub(super) look_at: Time,
    /// What listeners know of the members.
    pub(super) told_view: Option<MembersView>,
}

/// Keys in the store.
pub(super) const GRID_KEY: &str = "grid";
pub(super) const INVITES_KEY: &str = "invites";

impl Membership {
    /// Reads what is kept, or founds a grid with this machine as its only member.
    pub(crate) async fn load(store: &Store, identity: Identity, name: &str) -> Result<Self, StoreError> {
        let now = clock::stamp();
        let kept = store.meta(GRID_KEY).await?.and_then(|bytes| read_grid(&bytes));
        let grid = match kept {
            Some(grid) => grid,
            None => {
                let grid = Grid::found(&identity, name, &[], crate::start::random(), now);
                store.put_meta(GRID_KEY, grid_bytes(&grid)).await?;
                grid
            }
        };
        let invites = store.meta(INVITES_KEY).await?;
        let invites = invites.and_then(|bytes| Invites::decode(&bytes, now).ok()).unwrap_or_default();
        Ok(Self {
            identity,
            grid,
            invites,
            addresses: Vec::new(),
            joinable: false,
            known: BTreeSet::new(),
            heard: BTreeSet::new(),
            early: BTreeMap::new(),
            told: BTreeSet::new(),
            told_of_strangers: BTreeSet::new(),
            look_at: clock::now(),
            told_view: None,
        })
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
        self.invites.next_change(now).filter(|_| self.joinable).map(|next| time_of(next, now))
    }

    /// True for a refusal that was not told before.
    pub(super) fn is_news(&mut self, refusal: &str) -> bool {
        self.told.len() < MAX_TOLD && self.told.insert(refusal.to_owned())
    }

    /// The same, for connections of those who do not belong to the grid.
    pub(super) fn is_news_of_stranger(&mut self, refusal: String) -> bool {
        self.told_of_strangers.len() < MAX_TOLD && self.told_of_strangers.insert(refusal)
    }
}

pub(super) fn time_of(stamp: Stamp, now: Stamp) -> Time {
    clock::now() + Duration::from_millis(stamp.0.saturating_sub(now.0).saturating_add(1))
}

/// The grid as it is kept: its id and its log.
pub(super) fn grid_bytes(grid: &Grid) -> Vec<u8> {
    postcard::to_stdvec(&(grid.id(), grid.encoded())).expect("a log is plain data")
}

fn read_grid(bytes: &[u8]) -> Option<Grid> {
    let (id, updates): (GridId, Vec<Vec<u8>>) = postcard::from_bytes(bytes).ok()?;
    let mut grid = Grid::of(id);
    grid.merge(updates);
    (grid.members().count() > 0).then_some(grid)
}

impl Core {
    /// True if `peer` may do that on this machine now: the one place that knows.
    pub(crate) fn may(&self, peer: PeerId, role: Role) -> bool {
        peer == self.me || self.membership.grid.may(peer, role, clock::stamp())
    }

    /// True if this machine's jobs may run on others.
    pub(crate) fn may_run_elsewhere(&self) -> bool {
        self.membership.grid.may(self.me, Role::Run, clock::stamp())
    }

    /// Lets the gate, the link table and what was lent follow the membership.
    pub(crate) fn members_changed(&mut self) {
        if !self.membership.grid.is_member(self.me) {
            self.start_anew();
        }
        let now = clock::now();
        let known = self.membership.grid.peers(clock::stamp());
        let gone: Vec<_> = self.membership.known.difference(&known).copied().collect();
        self.membership.known = known;
        self.membership.plan_look();
        let (members, forbidden) = self.gate();
        self.wish_net(NetWish::Members(members, forbidden));
        gone.into_iter().for_each(|peer| self.part_with(peer));
        let members: Vec<_> = self
            .membership
            .grid
            .members()
            .filter(|member| self.membership.known.contains(&member.peer))
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
        self.follow_layout();
        self.follow_roles();
        self.tell_shares();
        self.follow_roots();
        self.tell_members();
    }

    /// Ends everything with a peer that is no member any more: what it holds of ours, what runs of its, its link.
    fn part_with(&mut self, peer: PeerId) {
        let now = clock::now();
        let name = self.machines.name(peer);
        let sentence = match self.membership.grid.standing(peer, clock::stamp()) {
            Standing::Gone => format!("the guest pass of {name} is over"),
            _ => match self.membership.grid.revoked().get(&peer).and_then(|revoked| revoked.by) {
                Some(by) if by == peer => format!("{name} left the grid"),
                Some(by) => format!("{name} was revoked by {}", self.machines.name(by)),
                None => format!("{name} is not a member any more"),
            },
        };
        tracing::info!(machine = name, peer = %peer.short(), "a machine is no member any more");
        self.links.handle(Input::MemberRemoved { peer }, now);
        self.sched.handle(SchedInput::PeerLeft { peer }, now);
        self.deputies.handle(gridwell_ledger::DeputyInput::PeerRevoked { peer }, now);
        self.tell_ledger(LedgerInput::HolderVanished { peer });
        self.end_jobs_of(peer);
        self.forget_links_of(peer);
        self.forget_shares_of(peer);
        self.forget_asks(peer);
        self.membership.heard.remove(&peer);
        self.membership.early.remove(&peer);
        self.presence.forget(peer);
        self.machines.remove(peer);
        self.changed.machines.remove(&peer);
        self.events.tell_gone(peer);
        self.changed.links.insert(peer);
        self.tell_soon();
        self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, None, Some(peer));
    }

    /// Whose jobs may not run here any more stops running; what may run elsewhere is told to the scheduler.
    fn follow_roles(&mut self) {
        let stewards: BTreeSet<_> = self.guests.values().map(super::guest::Guest::steward).collect();
        for steward in stewards {
            if !self.may(steward, Role::Run) {
                self.end_jobs_of(steward);
            }
        }
        let announced = self.machines.others().iter().filter(|(_, machine)| machine.online);
        let announced: Vec<_> =
            announced.filter_map(|(peer, machine)| Some((*peer, machine.announced.clone()?))).collect();
        for (peer, announced) in announced {
            let view = self.peer_view(peer, &announced);
            self.sched.handle(SchedInput::PeerChanged { peer, view }, clock::now());
        }
        // Whoever had an expired certificate was not listened to.
        self.changed.announce = true;
        self.tell_soon();
    }

    fn end_jobs_of(&mut self, steward: PeerId) {
        let jobs = self.guests.iter().filter(|(_, guest)| guest.steward() == steward).map(|(job, _)| *job);
        for job in jobs.collect::<Vec<_>>() {
            self.worker.handle(WorkerInput::JobForgotten { job }, clock::now());
        }
    }

    /// This machine was revoked: it is on its own from here on, as a new one is, and can be let in again.
    fn start_anew(&mut self) {
        let by = self.membership.grid.revoked().get(&self.me).and_then(|revoked| revoked.by);
        let sentence = match by {
            Some(by) if by == self.me => "this machine left its grid and is on its own now".to_owned(),
            Some(by) => format!("this machine was revoked by {} and is on its own now", self.machines.name(by)),
            None => "this machine was revoked and is on its own now".to_owned(),
        };
        tracing::warn!(sentence);
        let name = self.machines.settings().name.clone();
        let membership = &mut self.membership;
        membership.grid =
            Grid::found(&membership.identity, &name, &membership.addresses, crate::start::random(), clock::stamp());
        membership.invites = Invites::default();
        drop(self.keep_grid());
        drop(self.keep(INVITES_KEY, self.membership.invites.encode()));
        self.set_hello();
        self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, None, Some(self.me));
    }

    /// True if this machine may let others in.
    pub(super) fn may_admit(&self) -> bool {
        self.membership.grid.may(self.me, Role::Admin, clock::stamp())
    }

    /// This machine may not do what a person wants.
    pub(super) fn not_an_admin(&self, deed: &str) -> ApiError {
        let admins = self.membership.grid.members().filter(|member| member.roles.contains(&Role::Admin));
        let names: Vec<_> = admins.map(|member| self.machines.name(member.peer)).collect();
        ApiError::new(ErrorCode::Forbidden, format!("this machine may not {deed}: it is not an admin of its grid"))
            .help(format!("ask at one that is: {}", names.join(", ")))
    }
}
