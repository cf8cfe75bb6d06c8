use gridwell_api::{ApiError, HandOverRequest, HandedOverView, Request};
use gridwell_serve::Client;

use super::{End, jobs::named};
use crate::{args::HandOverArgs, screen::Screen, text};

/// Lets another machine go on with jobs of this one.
pub(super) async fn hand_over(args: HandOverArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let job = match args.job {
        Some(job) => Some(named(job, client).await?),
        None => None,
    };
    let request = HandOverRequest { job, to: args.to };
    let handed: Vec<HandedOverView> = client.ask(&Request::HandOver(request)).await?;
    screen.show(&handed, |handed| text::handed_over(handed));
    Ok(End::Done)
}
