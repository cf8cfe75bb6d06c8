//! Who belongs to the grid: see it, change it, recover it.

use std::io;

use gridwell_api::{
    ApiError, ErrorCode, GovernedView, InviteRequest, InviteView, MachineView, MembersView, RecoverRequest,
    RecoveryWordsView, Request, RevokeRequest, RoleRequest,
};
use gridwell_model::{Role, format_duration};
use gridwell_serve::Client;

use super::{End, pair::typed_line};
use crate::{
    args::{GuestArgs, RecoverArgs, RecoverCommand, RecoverUseArgs, RevokeArgs, RoleArgs},
    screen::Screen,
    text,
};

pub(super) async fn members(client: &Client, screen: Screen) -> Result<End, ApiError> {
    let members: MembersView = client.ask(&Request::Members).await?;
    screen.show(&members, |members| text::members(members, screen.columns()));
    Ok(End::Done)
}

pub(super) async fn role(args: RoleArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let RoleArgs { machine, give, take } = args;
    let request = RoleRequest { machine, give: give.into_iter().collect(), take: take.into_iter().collect() };
    govern(&Request::Role(request), client, screen).await
}

/// Names what ends, and asks.
pub(super) async fn revoke(args: RevokeArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    if !args.yes {
        let machines: Vec<MachineView> = client.ask(&Request::Machines).await?;
        // Whoever is not among them is refused by the node, which says why.
        if let Some(machine) = machines.iter().find(|machine| text::is_called(machine, &args.machine)) {
            if !screen.asks_people() {
                let error =
                    ApiError::new(ErrorCode::BadRequest, format!("revoking {} was not confirmed", machine.name));
                return Err(error.help("say so with --yes"));
            }
            screen.note(&text::before_revoking(machine));
            if !text::is_yes(&typed_line().await) {
                screen.note("Nothing was changed.");
                return Ok(End::Failed);
            }
        }
    }
    govern(&Request::Revoke(RevokeRequest { machine: args.machine }), client, screen).await
}

pub(super) async fn guest(args: GuestArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let roles = if args.roles.is_empty() { vec![Role::Run] } else { args.roles };
    let roles = roles.into_iter().collect();
    let words = Role::list(&roles);
    let guest_secs = Some(args.stay.as_secs());
    let request = InviteRequest { ttl_secs: None, approve_now: false, roles: Some(roles), guest_secs };
    let invite: InviteView = client.ask(&Request::Invite(request)).await?;
    screen.show(&invite, text::invite);
    if !screen.json() {
        let stay = format_duration(args.stay);
        screen.note(&format!("Lets one machine in for {stay}, with the roles: {words}. There: gridwell join 'LINK'"));
        screen.note("When it asks to be let in, here: gridwell pair approve");
    }
    Ok(End::Done)
}

pub(super) async fn recover(args: RecoverArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    match args.command {
        RecoverCommand::Show => {
            let members: MembersView = client.ask(&Request::Members).await?;
            screen.show(&serde_json::json!({ "recovery": members.recovery }), |_| text::recovery(&members));
            Ok(End::Done)
        }
        RecoverCommand::Set => {
            let words: RecoveryWordsView = client.ask(&Request::RecoverSet).await?;
            screen.show(&words, text::recovery_words);
            Ok(End::Done)
        }
        RecoverCommand::Confirm => govern(&Request::RecoverConfirm, client, screen).await,
        RecoverCommand::Use(RecoverUseArgs { revoke }) => {
            screen.note("The 24 recovery words, on one line:");
            let words = if screen.asks_people() { typed_line().await } else { whole_input()? };
            govern(&Request::Recover(RecoverRequest { words, revoke }), client, screen).await
        }
    }
}

async fn govern(request: &Request, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let done: GovernedView = client.ask(request).await?;
    screen.show(&done, |done| text::sentence(&text::clean(&done.sentence)));
    Ok(End::Done)
}

/// What is piped in, as far as words reach.
fn whole_input() -> Result<String, ApiError> {
    use io::Read as _;
    /// Far over 24 words.
    const MOST: u64 = 4_096;
    let mut words = String::new();
    let read = io::stdin().take(MOST).read_to_string(&mut words);
    read.map_err(|error| ApiError::new(ErrorCode::NotUtf8, format!("the words could not be read: {error}")))?;
    Ok(words)
}
