use gridwell_api::{
    ApiError, LinkAnswerRequest, LinkAsksView, LinkHistoryView, LinkLimitRequest, LinkRequest, LinkUndoRequest,
    LinkView, MachineView, Request,
};
use gridwell_model::LinkPolicy;
use gridwell_serve::Client;

use super::End;
use crate::{
    args::{LinkAnswer, LinkArgs, LinkCommand, LinkLimit, LinkUndo, LinksArgs},
    screen::Screen,
    text::{self, Names},
};

pub(super) async fn links(args: &LinksArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let machines: Vec<MachineView> = client.ask(&Request::Machines).await?;
    let mut links: Vec<LinkView> = client.ask(&Request::Links).await?;
    let names = Names::of(&machines);
    if args.all {
        screen.show(&links, |links| text::all_links(links, &names, screen.columns()));
    } else {
        let is_this = |link: &LinkView| machines.iter().any(|machine| machine.this && machine.id == link.from);
        links.retain(is_this);
        screen.show(&links, |links| text::links(links, &names, screen.columns()));
    }
    Ok(End::Done)
}

/// Changes what this machine's owner wants of a link, or answers another one.
pub(super) async fn link(args: LinkArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    match args.command {
        LinkCommand::Pin(end) => want(end.machine, LinkPolicy::Pinned, false, client, screen).await,
        LinkCommand::Auto(end) => want(end.machine, LinkPolicy::Automatic, false, client, screen).await,
        LinkCommand::Forbid(end) => want(end.machine, LinkPolicy::Forbidden, end.anyway, client, screen).await,
        LinkCommand::Limit(LinkLimit { machine, limit }) => {
            let request = LinkLimitRequest { machine, bytes_per_sec: limit.0 };
            show_link(&Request::LinkLimit(request), client, screen).await
        }
        LinkCommand::History => show_history(&Request::LinkHistory, client, screen).await,
        LinkCommand::Undo(LinkUndo { id, anyway }) => {
            show_history(&Request::LinkUndo(LinkUndoRequest { id, anyway }), client, screen).await
        }
        LinkCommand::Requests => show_asks(&Request::LinkAsks, client, screen).await,
        LinkCommand::Allow(LinkAnswer { machine, always }) => {
            show_asks(&Request::LinkAnswer(LinkAnswerRequest { machine, allow: true, always }), client, screen).await
        }
        LinkCommand::Decline(LinkAnswer { machine, always }) => {
            show_asks(&Request::LinkAnswer(LinkAnswerRequest { machine, allow: false, always }), client, screen).await
        }
    }
}

async fn want(to: String, policy: LinkPolicy, cut_off: bool, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let machines: Vec<MachineView> = client.ask(&Request::Machines).await?;
    let this = machines.iter().find(|machine| machine.this);
    let from = this.map(|machine| machine.id.to_string()).unwrap_or_default();
    let request = LinkRequest { from, to, policy, expected: None, cut_off };
    show_link(&Request::Link(request), client, screen).await
}

async fn show_link(request: &Request, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let link: LinkView = client.ask(request).await?;
    let machines: Vec<MachineView> = client.ask(&Request::Machines).await?;
    screen.show(&link, |link| text::link(link, &Names::of(&machines)));
    Ok(End::Done)
}

async fn show_history(request: &Request, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let history: LinkHistoryView = client.ask(request).await?;
    screen.show(&history, |history| text::link_history(history, screen.columns()));
    Ok(End::Done)
}

async fn show_asks(request: &Request, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let asks: LinkAsksView = client.ask(request).await?;
    screen.show(&asks, |asks| text::link_asks(asks, screen.columns()));
    Ok(End::Done)
}
