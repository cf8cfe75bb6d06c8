use gridwell_api::{ApiError, LimitRequest, LimitView, Request};
use gridwell_serve::Client;

use super::End;
use crate::{
    args::{LimitArgs, LimitCommand},
    screen::Screen,
    text,
};

/// Shows the limits of the grid, or changes one of this machine.
pub(super) async fn limit(args: LimitArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let request = match args.command {
        LimitCommand::List => LimitRequest::default(),
        LimitCommand::Set(args) => LimitRequest { name: Some(args.name), cap: Some(args.cap) },
        LimitCommand::Remove(args) => LimitRequest { name: Some(args.name), cap: None },
    };
    let limits: Vec<LimitView> = client.ask(&Request::Limit(request)).await?;
    screen.show(&limits, |limits| text::limits(limits, screen.columns()));
    Ok(End::Done)
}
