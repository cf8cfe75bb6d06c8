//! What people are told of a pairing.

use gridwell_api::{ApiError, ErrorCode, PairMethod, PairState};
use gridwell_model::{Role, format_duration};
use gridwell_net::VisitError as NetError;
use gridwell_trust::{APPROVAL, PairRefusal, Terms, VisitError};
use gridwell_wire::PROTOCOL_VERSION;

use super::entering::{SAME_GRID, SEE_MACHINES};

const ASK_AGAIN: &str = "ask for a new one: gridwell pair show, or gridwell invite, on a machine of that grid";

/// What the host shows of a guest.
pub(super) fn of_guest(name: &str, terms: &Terms, state: PairState) -> String {
    let minutes = APPROVAL.as_secs() / 60;
    match state {
        PairState::Reaching | PairState::Waiting => {
            format!("{name} asks to be let in{}: approve it if it shows the same four words", as_what(terms))
        }
        PairState::Joined => format!("{name} joined the grid{}", as_what(terms)),
        PairState::Rejected => format!("{name} was not let in: it was rejected here"),
        PairState::TimedOut => format!("{name} was not let in: nobody answered here within {minutes} minutes"),
        PairState::Cancelled => format!("{name} was not let in: it gave up or went away"),
        PairState::Failed => format!("{name} was not let in: this machine cannot let anybody in now"),
    }
}

/// What a machine becomes, unless it becomes one of one's own.
fn as_what(terms: &Terms) -> String {
    let roles = Role::list(&terms.roles);
    match terms.guest_for {
        Some(stay) => format!(" for {} with the roles: {roles}", format_duration(stay)),
        None if *terms == Terms::default() => String::new(),
        None => format!(" with the roles: {roles}"),
    }
}

/// What a guest shows of its host while nothing is decided.
pub(super) fn of_host(name: &str, state: PairState) -> String {
    if state == PairState::Reaching {
        format!("asking {name}")
    } else {
        format!("waiting for a person at {name} to let this machine in: both must show the same four words")
    }
}

/// Nobody was visited.
pub(super) fn unreached(error: &NetError) -> ApiError {
    match error {
        NetError::Closed { .. } => ApiError::new(ErrorCode::NoInvitation, error.to_string()).help(ASK_AGAIN),
        _ => ApiError::new(ErrorCode::PeerUnreachable, error.to_string())
            .help("check that the inviting machine is awake, runs gridwell and can be reached from here"),
    }
}

/// The host said no, or is not whom this machine looks for.
pub(super) fn refused(machine: &str, method: PairMethod, error: &VisitError) -> ApiError {
    let (code, message) = match error {
        VisitError::Refused(refusal) => reason(machine, method, *refusal),
        VisitError::Version { version } => {
            (ErrorCode::OtherVersion, format!("{machine} pairs by version {version}, this machine by another"))
        }
        VisitError::FalseHost => {
            (ErrorCode::CodeWrong, format!("{machine} does not know what was typed here: it is another machine"))
        }
        VisitError::OtherGrid => (ErrorCode::OtherGrid, format!("{machine} belongs to another grid now")),
        VisitError::SameGrid => (ErrorCode::AlreadyMember, SAME_GRID.to_owned()),
        VisitError::NotAMember => {
            (ErrorCode::OtherGrid, format!("the membership log of {machine} does not make this machine a member"))
        }
        VisitError::Confused => (ErrorCode::OtherVersion, format!("{machine} said something that makes no sense")),
    };
    let help = match code {
        ErrorCode::OtherVersion => "install the same version on both machines",
        ErrorCode::AlreadyMember => SEE_MACHINES,
        ErrorCode::Busy => "try again in a minute",
        ErrorCode::PairingRejected => "",
        _ => ASK_AGAIN,
    };
    ApiError::new(code, message).help(help)
}

fn reason(machine: &str, method: PairMethod, refusal: PairRefusal) -> (ErrorCode, String) {
    let what = match method {
        PairMethod::Code => "code",
        PairMethod::Link => "invite",
    };
    match refusal {
        PairRefusal::NoCode => (ErrorCode::NoInvitation, format!("{machine} shows no code now")),
        PairRefusal::WrongCode => (
            ErrorCode::CodeWrong,
            format!(
                "the code is not the one that {machine} shows, and after a wrong guess that one is not good any more"
            ),
        ),
        PairRefusal::Burnt => (
            ErrorCode::CodeWrong,
            format!("somebody tried a wrong code on {machine} before, so this one is not good any more"),
        ),
        PairRefusal::Used => (ErrorCode::InviteUsed, format!("the {what} was used already")),
        PairRefusal::Expired => (ErrorCode::InviteExpired, format!("the {what} has expired")),
        PairRefusal::Unknown => (ErrorCode::InviteTampered, format!("{machine} does not know this invite")),
        PairRefusal::TakenBack => (ErrorCode::NoInvitation, format!("{machine} took the {what} back")),
        PairRefusal::Busy => (ErrorCode::Busy, format!("too many machines ask {machine} at once")),
        PairRefusal::Rejected => (ErrorCode::PairingRejected, format!("{machine} did not let this machine in")),
        PairRefusal::TimedOut => (ErrorCode::PairingTimedOut, format!("nobody answered at {machine} in time")),
        PairRefusal::OtherVersion { speaks } => (
            ErrorCode::OtherVersion,
            format!("{machine} speaks protocol version {speaks}, this machine {PROTOCOL_VERSION}"),
        ),
        _ => (ErrorCode::PeerUnreachable, format!("{machine} lets nobody in now: {refusal}")),
    }
}
