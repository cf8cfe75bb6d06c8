use gridwell_api::{ApiError, BehaviourMode, BehaviourRequest, LayoutRequest, LayoutView, Request};
use gridwell_serve::Client;

use super::End;
use crate::{
    args::{BehaviourArgs, BehaviourCommand, LayoutArgs},
    screen::Screen,
    text,
};

pub(super) async fn layout(args: LayoutArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let LayoutArgs { kind, machines, preview, undo } = args;
    let request = LayoutRequest { kind, machines, preview, undo, expected: None };
    let layout: LayoutView = client.ask(&Request::Layout(request)).await?;
    screen.show(&layout, |layout| text::layout(layout, preview));
    Ok(End::Done)
}

pub(super) async fn behaviour(args: BehaviourArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let request = match args.command {
        BehaviourCommand::List => Request::Layout(LayoutRequest::default()),
        BehaviourCommand::On(args) => paced(args.name, args.every, BehaviourMode::On),
        BehaviourCommand::Suggest(args) => paced(args.name, args.every, BehaviourMode::Suggest),
        BehaviourCommand::Off(args) => paced(args.name, None, BehaviourMode::Off),
        BehaviourCommand::Once(args) => Request::Behaviour(BehaviourRequest { once: true, ..named(args.name) }),
        BehaviourCommand::Accept(args) => {
            Request::Behaviour(BehaviourRequest { accept: Some(true), ..named(args.name) })
        }
        BehaviourCommand::Dismiss(args) => {
            Request::Behaviour(BehaviourRequest { accept: Some(false), ..named(args.name) })
        }
    };
    let layout: LayoutView = client.ask(&request).await?;
    screen.show(&layout, |layout| text::behaviours(layout, screen.columns()));
    Ok(End::Done)
}

fn named(name: String) -> BehaviourRequest {
    BehaviourRequest { name, mode: None, every_secs: None, once: false, accept: None }
}

fn paced(name: String, every: Option<std::time::Duration>, mode: BehaviourMode) -> Request {
    let every_secs = every.map(|every| u32::try_from(every.as_secs()).unwrap_or(u32::MAX));
    Request::Behaviour(BehaviourRequest { mode: Some(mode), every_secs, ..named(name) })
}
