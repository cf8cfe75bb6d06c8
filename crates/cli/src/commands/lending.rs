use std::time::Duration;

use gridwell_api::{ApiError, ErrorCode, LendWhen, LendingPause, LendingRequest, LendingRules, LendingView, Request};
use gridwell_serve::Client;

use super::End;
use crate::{
    args::{LendingArgs, LendingCommand, LendingSetArgs, SleepAfter, Switch, WhenKind},
    screen::Screen,
    text,
};

/// How long nobody must have touched a machine, unless its owner says otherwise.
const USUAL_IDLE: Duration = Duration::from_mins(5);

/// Shows how this machine lends, or changes that.
pub(super) async fn lending(args: LendingArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let mut request = LendingRequest::default();
    let mut explain = false;
    match args.command {
        None | Some(LendingCommand::Show) => {}
        Some(LendingCommand::Explain) => explain = true,
        Some(LendingCommand::Set(args)) => {
            let now: LendingView = ask(&LendingRequest::default(), client).await?;
            request.rules = Some(changed(now.rules, &args)?);
            request.isolation = args.isolation.map(Into::into);
        }
        Some(LendingCommand::Pause(args)) => {
            let (how, only) = (args.how.with(args.within), args.only.map(Into::into));
            request.pause = Some(LendingPause { secs: args.time.as_secs(), how, only });
        }
        Some(LendingCommand::Resume(args)) => {
            let only = args.only.map(Into::into);
            request.pause = Some(LendingPause { secs: 0, how: gridwell_api::OnReturn::Soften, only });
        }
    }
    let view = ask(&request, client).await?;
    screen.show(&view, |view| if explain { text::lending_explained(view) } else { text::lending(view) });
    Ok(End::Done)
}

async fn ask(request: &LendingRequest, client: &Client) -> Result<LendingView, ApiError> {
    client.ask(&Request::Lending(Box::new(request.clone()))).await
}

/// The rules after what was asked for.
fn changed(mut rules: LendingRules, args: &LendingSetArgs) -> Result<LendingRules, ApiError> {
    rules.when = when(rules.when, args)?;
    let never = &mut rules.never_while;
    never.programs.extend(args.never.iter().cloned());
    never.programs.retain(|program| !args.never_mind.contains(program));
    let set = |switch: Option<Switch>, at: &mut bool| *at = switch.map_or(*at, |switch| switch == Switch::On);
    set(args.not_on_battery, &mut never.on_battery);
    set(args.not_full_screen, &mut never.full_screen);
    set(args.not_graphics_busy, &mut never.graphics_busy);
    set(args.not_metered, &mut never.metered);
    set(args.graphics, &mut rules.limits.graphics);
    set(args.only_mine, &mut rules.only_mine);
    set(args.mine_wait, &mut rules.mine_wait);
    set(args.keep_awake, &mut rules.keep_awake);
    set(args.wake_for_work, &mut rules.wake_for_work);
    if let Some(SleepAfter(after)) = args.sleep_after {
        rules.sleep_after_secs = after.map(|after| after.as_secs());
    }
    if let Some(celsius) = args.not_hotter {
        rules.never_while.hotter_than = (celsius > 0).then_some(celsius);
    }
    let limits = &mut rules.limits;
    limits.cpus = args.cores.or(limits.cpus);
    limits.cpus_in_use = args.cores_in_use.unwrap_or(limits.cpus_in_use);
    limits.memory = args.memory.unwrap_or(limits.memory);
    limits.memory_in_use = args.memory_in_use.unwrap_or(limits.memory_in_use);
    limits.disk_reserve_bytes = args.disk_reserve.unwrap_or(limits.disk_reserve_bytes);
    limits.cache_bytes = args.cache.unwrap_or(limits.cache_bytes);
    limits.network = args.network.map_or(limits.network, |network| network.0);
    args.ladder.iter().for_each(|rung| rung.put(&mut rules.ladder));
    if let Some(how) = args.on_return {
        rules.on_return = how.with(args.within);
    }
    Ok(rules)
}

fn when(before: LendWhen, args: &LendingSetArgs) -> Result<LendWhen, ApiError> {
    let (kind, after, hours) = parts(before);
    let after_secs = args.after.or(after).unwrap_or(USUAL_IDLE).as_secs();
    let hours = args.hours.map(|hours| hours.0).or(hours);
    // Who names hours or a time means one that heeds them.
    let kind = args.when.unwrap_or(match kind {
        WhenKind::Dedicated | WhenKind::Always if args.hours.is_some() => WhenKind::Within,
        WhenKind::Dedicated | WhenKind::Always if args.after.is_some() => WhenKind::Idle,
        kind => kind,
    });
    let needed = || {
        ApiError::new(ErrorCode::BadValue, "within which hours?").help("name them: --hours 'mon-fri 18-24, sat-sun'")
    };
    Ok(match kind {
        WhenKind::Dedicated => LendWhen::Dedicated,
        WhenKind::Always => LendWhen::Always,
        WhenKind::Idle => LendWhen::Idle { after_secs },
        WhenKind::Within => LendWhen::Within { hours: hours.ok_or_else(needed)? },
        WhenKind::IdleWithin => LendWhen::IdleWithin { after_secs, hours: hours.ok_or_else(needed)? },
        WhenKind::IdleOrWithin => LendWhen::IdleOrWithin { after_secs, hours: hours.ok_or_else(needed)? },
    })
}

const fn parts(when: LendWhen) -> (WhenKind, Option<Duration>, Option<[u32; 7]>) {
    let secs = Duration::from_secs;
    match when {
        LendWhen::Dedicated => (WhenKind::Dedicated, None, None),
        LendWhen::Always => (WhenKind::Always, None, None),
        LendWhen::Idle { after_secs } => (WhenKind::Idle, Some(secs(after_secs)), None),
        LendWhen::Within { hours } => (WhenKind::Within, None, Some(hours)),
        LendWhen::IdleWithin { after_secs, hours } => (WhenKind::IdleWithin, Some(secs(after_secs)), Some(hours)),
        LendWhen::IdleOrWithin { after_secs, hours } => (WhenKind::IdleOrWithin, Some(secs(after_secs)), Some(hours)),
    }
}
