//! The side of a machine that wants in: one visit at a time.

use std::time::Duration;

use gridwell_api::{
    ApiError, ErrorCode, JoinedView, NearbyView, NoticeKind, NoticeLevel, PairCodeRequest, PairEnterRequest,
    PairMethod, PairSide, PairState, PairingView, Response,
};
use gridwell_links::Input;
use gridwell_model::{PeerId, Time};
use gridwell_net::{Talk, VisitError as NetError};
use gridwell_store::StoreError;
use gridwell_trust::{Code, Grid, Heard, InviteLink, Key, LinkError, Visit, Visitor};
use zeroize::Zeroizing;

use super::{
    super::{
        Core, Fact,
        facts::Reply,
        membership::{GRID_KEY, grid_bytes},
        words::number,
    },
    ended, fingerprint, stamp_at, words,
};
use crate::{clock, core::storage};

/// How long the host may take for an answer of its program: dialling several addresses takes longest.
const ANSWER: Duration = Duration::from_secs(90);
/// How much later than the host this machine stops waiting for a person there.
const MARGIN: Duration = Duration::from_secs(20);

/// A visit that is under way.
#[derive(Debug)]
pub(super) struct Entering {
    pub(super) visit: Visit,
    pub(super) deadline: Time,
    /// Taken when the host is reached.
    key: Option<Key>,
    visitor: Option<Visitor>,
    host: Option<PeerId>,
    addresses: Vec<String>,
    /// Who asked, until answered.
    reply: Option<Reply>,
    /// Answer at the end, not when a person at the host is asked.
    to_the_end: bool,
}

/// How a person wants in.
struct Wish {
    key: Key,
    host: Option<PeerId>,
    addresses: Vec<String>,
    to_the_end: bool,
}

impl Wish {
    const fn of_code(code: Code, addresses: Vec<String>) -> Self {
        Self { key: Key::Code(code), host: None, addresses, to_the_end: false }
    }
}

impl Core {
    /// The one step of scripts: answers when this machine is a member, or is not let in.
    pub(crate) fn join(&mut self, text: &str, reply: Reply) {
        let wish = wish_of_link(text, None, true);
        self.enter(wish, reply);
    }

    pub(crate) fn enter_by_link(&mut self, request: &PairEnterRequest, reply: Reply) {
        let wish = wish_of_link(&request.link, request.at.as_ref(), false);
        self.enter(wish, reply);
    }

    pub(crate) fn enter_by_code(&mut self, request: &PairCodeRequest, reply: Reply) {
        let code = Code::parse(&request.code);
        let code = code.map_err(|error| ApiError::new(ErrorCode::CodeMalformed, error.to_string()));
        let at = request.at.clone().filter(|at| !at.is_empty());
        match (code, at) {
            (Ok(code), None) => {
                let looking = self.look_around();
                self.spawn(async move { Fact::FoundForCode(code, looking.await, reply) });
            }
            (code, at) => self.enter(code.map(|code| Wish::of_code(code, at.into_iter().collect())), reply),
        }
    }

    /// A code is tried on one machine only: where several show one, a person chooses.
    pub(crate) fn on_found_for_code(&mut self, code: Code, found: Result<Vec<NearbyView>, ApiError>, reply: Reply) {
        let wish = found.and_then(|found| match found.as_slice() {
            [one] => Ok(Wish::of_code(code, one.addresses.clone())),
            [] => Err(ApiError::new(ErrorCode::NoInvitation, "no machine nearby shows a code").help(NAME_ADDRESS)),
            several => {
                let named = |one: &NearbyView| format!("{} at {}", one.machine, one.addresses.join(" or "));
                let names: Vec<_> = several.iter().map(named).collect();
                let message = format!("several machines nearby show a code: {}", names.join(", "));
                Err(ApiError::new(ErrorCode::AmbiguousMachine, message).help(NAME_ADDRESS))
            }
        });
        self.enter(wish, reply);
    }

    fn enter(&mut self, wish: Result<Wish, ApiError>, reply: Reply) {
        let Wish { key, host, addresses, to_the_end } = match wish.and_then(|wish| self.may_enter(wish)) {
            Ok(wish) => wish,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let visit = self.pairing.next_visit();
        let method = if matches!(key, Key::Code(_)) { PairMethod::Code } else { PairMethod::Link };
        let machine = addresses.first().cloned().or_else(|| host.map(|host| host.short())).unwrap_or_default();
        let net = self.net.clone();
        let dialled = addresses.clone();
        self.spawn(async move { Fact::HostReached(visit, net.visit(host, dialled).await) });
        self.show_pairing(PairingView {
            id: visit,
            side: PairSide::Guest,
            method,
            sentence: words::of_host(&machine, PairState::Reaching),
            machine,
            peer: host,
            fingerprint: host.map(fingerprint).unwrap_or_default(),
            address: addresses.first().cloned().unwrap_or_default(),
            words: Vec::new(),
            state: PairState::Reaching,
            error: None,
            since: clock::stamp(),
            until: None,
        });
        let deadline = clock::now() + ANSWER;
        let (key, reply) = (Some(key), Some(reply));
        self.pairing.entering =
            Some(Entering { visit, deadline, key, visitor: None, host, addresses, reply, to_the_end });
    }

    fn may_enter(&self, wish: Wish) -> Result<Wish, ApiError> {
        let already = |message: &str, help: &str| Err(ApiError::new(ErrorCode::AlreadyMember, message).help(help));
        if wish.host == Some(self.me) {
            return already("this invite was made by this machine itself", "give the link to another machine");
        }
        if matches!(&wish.key, Key::Link(link) if link.grid == self.membership.grid.id()) {
            return already(SAME_GRID, SEE_MACHINES);
        }
        if self.membership.grid.members().count() > 1 {
            return already(
                "this machine belongs to another grid already",
                "start it with a fresh data folder (--data DIR) to join a second grid",
            );
        }
        if self.pairing.entering.is_some() {
            let error = ApiError::new(ErrorCode::WrongState, "this machine asks to be let in already");
            return Err(error.help("give that up first: gridwell pair reject"));
        }
        Ok(wish)
    }

    pub(crate) fn on_host_reached(&mut self, visit: Visit, reached: Result<(PeerId, Talk), NetError>) {
        // Given up meanwhile: dropping the conversation ends it.
        let Some(entering) = self.pairing.entering.as_mut().filter(|entering| entering.visit == visit) else { return };
        let (host, talk) = match reached {
            Ok(reached) => reached,
            Err(error) => return self.entering_failed(&words::unreached(&error)),
        };
        entering.host = Some(host);
        let Some(key) = entering.key.take() else { return };
        let address = entering.addresses.first().cloned().unwrap_or_default();
        let (visitor, knock) = Visitor::knock(key, host, &self.caller(), crate::start::random());
        if let Some(entering) = &mut self.pairing.entering {
            entering.visitor = Some(visitor);
        }
        self.listen_to(visit, address, talk);
        self.pairing.say(visit, knock);
    }

    pub(super) fn hear_host(&mut self, bytes: &[u8]) {
        let Some(entering) = &mut self.pairing.entering else { return };
        let (visit, Some(visitor)) = (entering.visit, &mut entering.visitor) else { return };
        match visitor.hear(bytes, Zeroizing::new(crate::start::random())) {
            Ok(Heard::Say(bytes)) => self.pairing.say(visit, bytes),
            Ok(Heard::More) => {}
            Ok(Heard::Waits { machine, words, patience }) => {
                entering.deadline = clock::now() + patience + MARGIN;
                self.wait_for_people(machine, words, clock::now() + patience);
            }
            Ok(Heard::Joined(grid)) => self.adopt(visit, grid),
            Err(error) => {
                let machine = visitor.machine().to_owned();
                let method = self.pairing.views.get(&visit).map_or(PairMethod::Link, |view| view.method);
                self.entering_failed(&words::refused(&machine, method, &error));
            }
        }
    }

    fn wait_for_people(&mut self, machine: String, words: Vec<String>, until: Time) {
        let Some(entering) = &mut self.pairing.entering else { return };
        let Some(mut view) = self.pairing.views.get(&entering.visit).cloned() else { return };
        tracing::info!(%machine, words = words.join(" "), "waiting to be let in");
        view.sentence = words::of_host(&machine, PairState::Waiting);
        view.peer = entering.host;
        view.fingerprint = entering.host.map(fingerprint).unwrap_or_default();
        (view.machine, view.words, view.state) = (machine, words, PairState::Waiting);
        view.until = Some(stamp_at(until));
        if !entering.to_the_end
            && let Some(reply) = entering.reply.take()
        {
            let _gone = reply.send(Ok(Response::Pairing(Box::new(view.clone()))));
        }
        self.show_pairing(view);
    }

    /// This machine belongs to another grid from now on: first on disk.
    fn adopt(&mut self, visit: Visit, grid: Grid) {
        self.pairing.lines.remove(&visit);
        if let Some(entering) = &mut self.pairing.entering {
            // From here on it is the disk that takes its time.
            entering.visitor = None;
            entering.deadline = clock::now() + Duration::from_hours(1);
        }
        let kept = self.keep(GRID_KEY, grid_bytes(&grid));
        self.spawn(async move {
            let kept = kept.await.unwrap_or(Err(StoreError::Closed));
            Fact::GridKept(visit, Box::new(grid), kept)
        });
    }

    pub(crate) fn on_grid_kept(&mut self, visit: Visit, grid: Grid, kept: Result<(), StoreError>) {
        if let Err(error) = kept {
            return self.entering_failed(&storage(&error));
        }
        let Some(entering) = self.pairing.entering.take_if(|entering| entering.visit == visit) else { return };
        self.take_code_back();
        self.membership.grid = grid;
        self.set_hello();
        self.members_changed();
        self.sign_editions_anew();
        let names: Vec<String> = self.membership.grid.members().map(|member| member.name.clone()).collect();
        let mut sentence = format!("joined a grid of {}", number(names.len() as u64, "machine"));
        if let Some(host) = entering.host {
            let reached = Input::AddressesLearned { peer: host, addresses: entering.addresses };
            self.links.handle(reached, clock::now());
            self.keep_addresses(host);
            let machines = number(names.len() as u64, "machine");
            sentence = format!("joined the grid of {}: {machines}", self.machines.name(host));
        }
        tracing::info!(grid = %self.membership.grid.id(), "joined a grid");
        if let Some(mut view) = self.pairing.views.get(&visit).cloned() {
            ended(&mut view, PairState::Joined);
            view.sentence.clone_from(&sentence);
            self.show_pairing(view);
        }
        self.notice(NoticeKind::Machine, NoticeLevel::Info, sentence, None, Some(self.me));
        if let Some(reply) = entering.reply {
            let grid = self.membership.grid.id();
            let _gone = reply.send(Ok(Response::Joined(JoinedView { grid, machines: names })));
        }
    }

    pub(super) fn host_went(&mut self) {
        let Some(entering) = &self.pairing.entering else { return };
        // A conversation that ended well is over before it is written down.
        if entering.visitor.is_some() {
            let error = ApiError::new(ErrorCode::PeerUnreachable, "the other machine broke off");
            self.entering_failed(&error.help("check that it is awake and runs gridwell, and ask again"));
        }
    }

    pub(super) fn host_is_silent(&mut self) {
        let waiting = self.pairing.entering.as_ref().and_then(|entering| self.pairing.views.get(&entering.visit));
        let asked = waiting.is_some_and(|view| view.state == PairState::Waiting);
        let error = if asked {
            ApiError::new(ErrorCode::PairingTimedOut, "nobody answered at the other machine in time")
        } else {
            ApiError::new(ErrorCode::PeerUnreachable, "the other machine says nothing")
        };
        self.entering_failed(&error.help("ask again when somebody is there"));
    }

    /// The person at this machine does not want in any more.
    pub(super) fn give_up(&mut self) {
        let error = ApiError::new(ErrorCode::PairingCancelled, "this machine does not ask to be let in any more");
        self.entering_failed(&error);
    }

    fn entering_failed(&mut self, error: &ApiError) {
        let Some(entering) = self.pairing.entering.take() else { return };
        self.pairing.lines.remove(&entering.visit);
        if let Some(mut view) = self.pairing.views.get(&entering.visit).cloned() {
            let state = match error.code {
                ErrorCode::PairingRejected => PairState::Rejected,
                ErrorCode::PairingTimedOut => PairState::TimedOut,
                ErrorCode::PairingCancelled => PairState::Cancelled,
                _ => PairState::Failed,
            };
            tracing::info!(machine = view.machine, error = error.message, "not let in");
            ended(&mut view, state);
            view.sentence.clone_from(&error.message);
            view.error = Some(error.code);
            self.show_pairing(view);
        }
        if let Some(reply) = entering.reply {
            let _gone = reply.send(Err(error.clone()));
        }
    }
}

const NAME_ADDRESS: &str = "name its address: --at HOST:PORT, as 'gridwell pair show' prints it there";
pub(super) const SAME_GRID: &str = "this machine belongs to that grid already";
pub(super) const SEE_MACHINES: &str = "see its machines with: gridwell machines";

fn wish_of_link(text: &str, at: Option<&String>, to_the_end: bool) -> Result<Wish, ApiError> {
    let link = InviteLink::parse(text).map_err(|error| {
        let code = match error {
            LinkError::NotALink => ErrorCode::InviteMalformed,
            LinkError::Damaged => ErrorCode::InviteTampered,
            LinkError::Version { .. } => ErrorCode::OtherVersion,
        };
        ApiError::new(code, error.to_string())
    })?;
    let at = at.filter(|at| !at.is_empty()).cloned();
    let addresses = at.into_iter().chain(link.addresses.iter().cloned()).collect();
    Ok(Wish { host: Some(link.inviter), addresses, key: Key::Link(Box::new(link)), to_the_end })
}
