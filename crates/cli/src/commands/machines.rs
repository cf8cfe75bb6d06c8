use std::collections::BTreeMap;

use gridwell_api::{ApiError, ForgiveRequest, InviteRequest, InviteView, MachineView, Request, SetRequest, StatusView};
use gridwell_model::Leaning;
use gridwell_serve::Client;

use super::End;
use crate::{
    args::{ForgiveArgs, InviteArgs, LabelArgs, LeanArgs, PauseArgs, RenameArgs, SetArgs, Setting},
    screen::Screen,
    text,
};

pub(super) async fn status(client: &Client, screen: Screen) -> Result<End, ApiError> {
    let status: StatusView = client.ask(&Request::Status).await?;
    screen.show(&status, text::status);
    Ok(End::Done)
}

pub(super) async fn ui(client: &Client, screen: Screen) -> Result<End, ApiError> {
    screen.show(&client.window().await?, |window| window.url.clone());
    Ok(End::Done)
}

pub(super) async fn machines(client: &Client, screen: Screen) -> Result<End, ApiError> {
    let machines: Vec<MachineView> = client.ask(&Request::Machines).await?;
    screen.show(&machines, |machines| text::machines(machines, screen.columns()));
    Ok(End::Done)
}

pub(super) async fn invite(args: InviteArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let approve_now = args.approve_now;
    let ttl_secs = args.ttl.map(|ttl| ttl.as_secs().max(1));
    let request = InviteRequest { ttl_secs, approve_now, ..InviteRequest::default() };
    let invite: InviteView = client.ask(&Request::Invite(request)).await?;
    screen.show(&invite, text::invite);
    if !screen.json() {
        let until = text::moment(invite.expires);
        screen.note(&format!("Good for one machine until {until}. There: gridwell join 'LINK'"));
        screen.note(if approve_now {
            "Whatever machine comes with it is let in: keep it to yourself."
        } else {
            "When it asks to be let in, here: gridwell pair approve"
        });
    }
    Ok(End::Done)
}

pub(super) async fn lend(lend: bool, client: &Client, screen: Screen) -> Result<End, ApiError> {
    set(SetRequest { lend: Some(lend), ..SetRequest::default() }, client, screen).await
}

pub(super) async fn pause(args: &PauseArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    set(SetRequest { pause_secs: Some(args.time.as_secs()), ..SetRequest::default() }, client, screen).await
}

pub(super) async fn rename(args: RenameArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    set(SetRequest { name: Some(args.name), ..SetRequest::default() }, client, screen).await
}

pub(super) async fn label(args: LabelArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let pairs = args.labels.into_iter().map(|(key, value)| (key, Some(value).filter(|value| !value.is_empty())));
    set(SetRequest { labels: pairs.collect::<BTreeMap<_, _>>(), ..SetRequest::default() }, client, screen).await
}

pub(super) async fn lean(args: LeanArgs, leaning: Leaning, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let leaning = (!args.clear).then_some(leaning);
    let leanings = args.machines.into_iter().map(|name| (name, leaning)).collect();
    let _machine: MachineView = client.ask(&Request::Set(SetRequest { leanings, ..SetRequest::default() })).await?;
    machines(client, screen).await
}

pub(super) async fn forgive(args: ForgiveArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let ForgiveArgs { machine, program } = args;
    let _machine: MachineView = client.ask(&Request::Forgive(ForgiveRequest { machine, program })).await?;
    machines(client, screen).await
}

pub(super) async fn tune(args: SetArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let mut request = SetRequest::default();
    for setting in args.settings {
        match setting {
            Setting::Strategy(strategy) => request.strategy = Some(strategy),
            Setting::Sharpness(sharpness) => request.sharpness = Some(sharpness),
            Setting::Weight(weight) => request.weight = Some(weight),
            Setting::Relay(relay) => request.relay = Some(relay),
            Setting::Reach(reach) => request.reach = Some(reach),
            Setting::Copies(bytes) => request.copies_bytes = Some(bytes),
            Setting::ShareCopies(bytes) => request.share_copies_bytes = Some(bytes),
            Setting::Watts(watts) => request.watts = Some(watts),
            Setting::Tariff(tariff) => request.tariff = Some(tariff),
            Setting::IsolatedAfter(time) => request.isolated_after_secs = Some(time.as_secs()),
        }
    }
    set(request, client, screen).await
}

async fn set(request: SetRequest, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let machine: MachineView = client.ask(&Request::Set(request)).await?;
    screen.show(&machine, text::machine);
    Ok(End::Done)
}
