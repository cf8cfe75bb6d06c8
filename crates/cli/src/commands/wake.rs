use gridwell_api::{ApiError, Request, WakeRequest, WakeView};
use gridwell_serve::Client;

use super::End;
use crate::{args::WakeArgs, screen::Screen, text};

/// Has a machine woken that sleeps.
pub(super) async fn wake(args: WakeArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let woken: WakeView = client.ask(&Request::Wake(WakeRequest { machine: args.machine })).await?;
    screen.show(&woken, text::woken);
    Ok(End::Done)
}
