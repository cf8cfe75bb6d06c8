use gridwell_api::{ApiError, LinkRequest, LinkView, MachineView, Request};
use gridwell_serve::Client;

use super::End;
use crate::{
    args::{LinkArgs, LinksArgs},
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

/// Changes what this machine's owner wants of a link.
pub(super) async fn link(args: LinkArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let machines: Vec<MachineView> = client.ask(&Request::Machines).await?;
    let this = machines.iter().find(|machine| machine.this);
    let request = LinkRequest {
        from: this.map(|machine| machine.id.to_string()).unwrap_or_default(),
        to: args.machine,
        policy: args.wish.into(),
        expected: None,
        cut_off: args.anyway,
    };
    let link: LinkView = client.ask(&Request::Link(request)).await?;
    screen.show(&link, |link| text::link(link, &Names::of(&machines)));
    Ok(End::Done)
}
