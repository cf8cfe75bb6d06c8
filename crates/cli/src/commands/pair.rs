//! Pairing at the command line: show a code, type it, decide.

use std::{io, time::Duration};

use gridwell_api::{
    ApiError, ErrorCode, Event, EventBody, InvitationView, JoinedView, MachineView, NearbyView, PairAnswerRequest,
    PairCodeRequest, PairEnterRequest, PairShowRequest, PairSide, PairState, PairingView, PairingsView, Request,
    SetRequest, StatusView,
};
use gridwell_serve::{Client, EventStream};
use tokio::{signal::unix::Signal, sync::oneshot};

use super::{End, follow::on_interrupt};
use crate::{
    args::{JoinArgs, PairArgs, PairCommand, PairShowArgs, PairTargetArgs},
    screen::Screen,
    text,
};

pub(super) async fn pair(args: PairArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    match args.command {
        PairCommand::Show(args) => show(&args, client, screen).await,
        PairCommand::Hide => {
            let pairings: PairingsView = client.ask(&Request::PairHide).await?;
            screen.show(&pairings, |_| "No code is shown any more.".to_owned());
            Ok(End::Done)
        }
        PairCommand::Code(args) => {
            let request = PairCodeRequest { code: args.code, at: args.at };
            enter(&Request::PairCode(request), client, screen).await
        }
        PairCommand::Enter(args) => {
            let request = PairEnterRequest { link: args.link, at: args.at };
            enter(&Request::PairEnter(request), client, screen).await
        }
        PairCommand::Nearby(args) if args.on || args.off => {
            let request = SetRequest { nearby: Some(args.on), ..SetRequest::default() };
            let _machine: MachineView = client.ask(&Request::Set(request)).await?;
            let pairings: PairingsView = client.ask(&Request::Pairings).await?;
            screen.show(&pairings, text::nearby_is);
            Ok(End::Done)
        }
        PairCommand::Nearby(_) => {
            let found: Vec<NearbyView> = client.ask(&Request::Nearby).await?;
            screen.show(&found, |found| text::nearby(found, screen.columns()));
            Ok(End::Done)
        }
        PairCommand::Approve(args) => answer(args, true, client, screen).await,
        PairCommand::Reject(args) => answer(args, false, client, screen).await,
        PairCommand::List => {
            let pairings: PairingsView = client.ask(&Request::Pairings).await?;
            screen.show(&pairings, text::pairings);
            Ok(End::Done)
        }
    }
}

/// `gridwell join`: the same as entering by a link.
pub(super) async fn join(args: JoinArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    enter(&Request::PairEnter(PairEnterRequest { link: args.link, at: None }), client, screen).await
}

async fn answer(args: PairTargetArgs, approve: bool, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let request = PairAnswerRequest { pairing: args.machine, approve };
    let pairing: PairingView = client.ask(&Request::PairAnswer(request)).await?;
    screen.show(&pairing, |pairing| text::clean(&pairing.sentence));
    // Who approved and did not get it, because the machine went away, is told with the exit code, too.
    Ok(if approve && pairing.state != PairState::Joined { End::Failed } else { End::Done })
}

/// Asks to be let in and waits until that is decided.
async fn enter(request: &Request, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let mut interrupt = on_interrupt()?;
    let mut watch = PairingWatch::open(client).await?;
    let asked = tokio::select! {
        asked = client.ask::<PairingView>(request) => asked?,
        _ = interrupt.recv() => return give_up(String::new(), client).await,
    };
    screen.note(&text::asking(&asked));
    let ended = tokio::select! {
        ended = watch.ended(asked.id) => ended?,
        _ = interrupt.recv() => return give_up(asked.id.to_string(), client).await,
    };
    if ended.state != PairState::Joined {
        let code = ended.error.unwrap_or(ErrorCode::PeerUnreachable);
        return Err(ApiError::new(code, ended.sentence));
    }
    let status: StatusView = client.ask(&Request::Status).await?;
    let machines: Vec<MachineView> = client.ask(&Request::Machines).await?;
    let machines = machines.into_iter().map(|machine| machine.name).collect();
    screen.show(&JoinedView { grid: status.grid, machines }, text::joined);
    Ok(End::Done)
}

async fn give_up(pairing: String, client: &Client) -> Result<End, ApiError> {
    let _ended: Result<PairingView, _> =
        client.ask(&Request::PairAnswer(PairAnswerRequest { pairing, approve: false })).await;
    Ok(End::Interrupted)
}

/// Shows a code; at a terminal, waits for the machine and asks whether to let it in.
async fn show(args: &PairShowArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let mut interrupt = on_interrupt()?;
    let stays = screen.asks_people();
    let mut watch = if stays { Some(PairingWatch::open(client).await?) } else { None };
    let request = PairShowRequest { ttl_secs: args.ttl.map(|ttl| ttl.as_secs()) };
    let invitation: InvitationView = client.ask(&Request::PairShow(request)).await?;
    let qr = screen.is_terminal().then(|| text::qr(&invitation.link, screen.columns())).flatten();
    screen.show(&invitation, |invitation| text::invitation(invitation, qr.as_deref()));
    let Some(watch) = &mut watch else {
        if !screen.json() {
            screen.note("When the machine asks: gridwell pair list, then gridwell pair approve");
        }
        return Ok(End::Done);
    };
    screen.note("Waiting for the machine; Ctrl-C takes the code back.");
    loop {
        let guest = tokio::select! {
            guest = watch.next_guest(invitation.expires.0) => guest?,
            _ = interrupt.recv() => {
                let _hidden: Result<PairingsView, _> = client.ask(&Request::PairHide).await;
                return Ok(End::Interrupted);
            }
        };
        let Some(guest) = guest else {
            return Err(ApiError::new(ErrorCode::InviteExpired, "the code has expired, and no machine came with it"));
        };
        if let Some(end) = ask_about(&guest, watch, &mut interrupt, client, screen).await? {
            return Ok(end);
        }
    }
}

/// Asks a person about a machine. Nothing if it went away, so that another one may come.
async fn ask_about(
    guest: &PairingView,
    watch: &mut PairingWatch,
    interrupt: &mut Signal,
    client: &Client,
    screen: Screen,
) -> Result<Option<End>, ApiError> {
    screen.note(&text::question(guest));
    let ended = tokio::select! {
        typed = typed_line() => {
            let approve = text::is_yes(&typed);
            let request = PairAnswerRequest { pairing: guest.id.to_string(), approve };
            client.ask::<PairingView>(&Request::PairAnswer(request)).await?
        }
        ended = watch.ended(guest.id) => ended?,
        _ = interrupt.recv() => {
            let request = PairAnswerRequest { pairing: guest.id.to_string(), approve: false };
            let _ended: Result<PairingView, _> = client.ask(&Request::PairAnswer(request)).await;
            return Ok(Some(End::Interrupted));
        }
    };
    screen.note(&text::clean(&ended.sentence));
    Ok(match ended.state {
        PairState::Joined => Some(End::Done),
        PairState::Rejected => Some(End::Failed),
        _ => None,
    })
}

/// What a person types; empty when nobody can type. The thread that waits for it ends with the program.
pub(super) async fn typed_line() -> String {
    let (typed, line) = oneshot::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _unread = io::stdin().read_line(&mut text);
        let _gone = typed.send(text);
    });
    line.await.unwrap_or_default()
}

/// Pairings of a node, as its events tell them.
struct PairingWatch {
    events: EventStream,
    waiting: Vec<PairingView>,
}

impl PairingWatch {
    async fn open(client: &Client) -> Result<Self, ApiError> {
        Ok(Self { events: client.events(None, Duration::ZERO).await?, waiting: Vec::new() })
    }

    /// The pairing of that id, once it has ended.
    async fn ended(&mut self, id: u64) -> Result<PairingView, ApiError> {
        loop {
            let told = self.waiting.iter().position(|pairing| pairing.id == id && pairing.state.is_ended());
            if let Some(at) = told {
                return Ok(self.waiting.remove(at));
            }
            self.hear().await?;
        }
    }

    /// The next machine that waits for a person here; nothing if none came until that moment.
    async fn next_guest(&mut self, expires: u64) -> Result<Option<PairingView>, ApiError> {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let left = Duration::from_millis(expires).saturating_sub(now);
        let over = tokio::time::sleep(left);
        tokio::pin!(over);
        loop {
            let waits = |pairing: &PairingView| pairing.side == PairSide::Host && pairing.state == PairState::Waiting;
            if let Some(at) = self.waiting.iter().position(waits) {
                let guest = self.waiting.remove(at);
                let went = self.waiting.iter().any(|later| later.id == guest.id && later.state.is_ended());
                if !went {
                    return Ok(Some(guest));
                }
                continue;
            }
            tokio::select! {
                () = &mut over => return Ok(None),
                heard = self.hear() => heard?,
            }
        }
    }

    async fn hear(&mut self) -> Result<(), ApiError> {
        let gone = || ApiError::new(ErrorCode::Stopping, "the node has stopped");
        for Event { body, .. } in self.events.next().await?.ok_or_else(gone)? {
            match body {
                EventBody::Snapshot(snapshot) => {
                    self.waiting.extend(snapshot.pairings.into_iter().filter(|pairing| !pairing.state.is_ended()));
                }
                EventBody::PairingChanged(pairing) => self.waiting.push(*pairing),
                _ => {}
            }
        }
        Ok(())
    }
}
