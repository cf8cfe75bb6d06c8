use std::time::Duration;

use clap::Args;

/// `gridwell invite`
#[derive(Debug, Args)]
pub struct InviteArgs {
    /// How long the link stays good, such as 30m or 2h
    #[arg(long = "for", value_name = "TIME", allow_negative_numbers = true, value_parser = invite_time)]
    pub ttl: Option<Duration>,
    /// Approve the machine that comes with it now, unseen, so that nobody is asked later
    #[arg(long)]
    pub approve_now: bool,
}

/// `gridwell join`
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// The link that 'gridwell invite' printed on the other machine
    pub link: String,
}

/// Longest life of an invite, as the node has it: a week.
const MAX_INVITE: Duration = Duration::from_hours(168);

/// Reads how long an invite stays good.
fn invite_time(text: &str) -> Result<Duration, String> {
    let time = gridwell_model::parse_duration(text).map_err(|error| error.to_string())?;
    match time {
        time if time < Duration::from_secs(1) => Err("an invite stays good for at least 1 s".to_owned()),
        time if time > MAX_INVITE => Err("an invite stays good for at most 168 h, a week".to_owned()),
        time => Ok(time),
    }
}
