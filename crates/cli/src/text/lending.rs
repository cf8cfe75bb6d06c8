use std::{fmt::Write as _, time::Duration};

use gridwell_api::{CostView, Isolation, LendWhen, LendingView, ObjectionView, OnReturn, ProgramView, Share};
use gridwell_model::{Standing, format_bytes, format_duration};

use super::{moment, table::Table};
use crate::args::say_hours;

/// How a machine lends: now, and by its rules.
pub(crate) fn lending(view: &LendingView) -> String {
    let mut text = now(view);
    let rules = &view.rules;
    let mut line = |name: &str, words: String| _ = writeln!(text, "{name:<12} {words}");
    line("When", when(rules.when));
    line("Never while", never(view));
    let limits = &rules.limits;
    let cores = limits.cpus.map_or("all cores".to_owned(), |cpus| format!("{cpus} cores"));
    line(
        "Lends",
        format!(
            "{cores} ({} while somebody is there), {} of the memory ({}), {}",
            percent(limits.cpus_in_use),
            percent(limits.memory),
            percent(limits.memory_in_use),
            if limits.graphics { "graphics" } else { "no graphics" },
        ),
    );
    line("Keeps free", format!("{} of the disk", format_bytes(limits.disk_reserve_bytes)));
    let network = limits.network.map_or("as fast as the network is".to_owned(), |limit| {
        format!("at most {} a second each way", format_bytes(limit))
    });
    line("Files", format!("up to {} kept of what is read here, {network}", format_bytes(limits.cache_bytes)));
    line("On return", on_return(rules.on_return));
    if rules.only_mine {
        line("Works for", "jobs of this machine alone".to_owned());
    }
    if rules.mine_wait {
        line("Own jobs", "wait for idleness, too".to_owned());
    }
    if rules.keep_awake {
        line("Stays awake", "while it works, or others work for its jobs".to_owned());
    }
    if view.isolation == Isolation::Namespaces {
        line("Apart by", "namespaces: programs of jobs see nobody else".to_owned());
    }
    if let Some(secs) = rules.sleep_after_secs {
        line("Sleeps", format!("once nobody used it for {}", format_duration(Duration::from_secs(secs))));
    }
    if rules.wake_for_work {
        line("Wakes", "when work waits that no machine takes".to_owned());
    }
    line("Promise", format!("what runs makes room within {}", millis(view.promise_ms)));
    line("Last 7 days", week(view.week));
    text
}

/// The same, with everything that is against it now, what it is known by, and what programs cost.
pub(crate) fn lending_explained(view: &LendingView) -> String {
    let mut text = now(view);
    if view.objections.is_empty() {
        text.push_str("Nothing is against lending.\n");
    } else {
        let mut table = Table::new(&["WHO SAYS SO", "SO", "FOR", "BECAUSE"]);
        for objection in &view.objections {
            table.row([
                objection.flag.clone(),
                rung(&objection.rung).to_owned(),
                scope(&objection.scope).to_owned(),
                because(objection),
            ]);
        }
        text.push_str(&table.render(usize::MAX));
    }
    let (speak, silent): (Vec<_>, Vec<_>) = view.senses.iter().partition(|sense| sense.missing.is_none());
    let names = |senses: Vec<&gridwell_api::SenseView>| {
        senses.iter().map(|sense| sense.sense.replace('_', " ")).collect::<Vec<_>>().join(", ")
    };
    let idle = speak.iter().any(|sense| sense.idle);
    let _ = writeln!(text, "\nKnown by: {}", if speak.is_empty() { "nothing yet".to_owned() } else { names(speak) });
    if !idle {
        text.push_str("Nothing here tells when somebody last used it: it never counts as idle. Lend by hours.\n");
    }
    for sense in silent {
        let why = sense.missing.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  without {}: {why}", sense.sense.replace('_', " "));
    }
    let _ = writeln!(text, "\nLast 7 days: {}", week(view.week));
    if !view.programs.is_empty() {
        text.push('\n');
        text.push_str(&costs(&view.programs));
    }
    text
}

/// What the grid cost this machine's owner, and others.
fn week(cost: CostView) -> String {
    let CostView { times, waited_ms, most_ms, frozen_secs, lost_secs } = cost;
    let time = |secs: f64| format_duration(Duration::from_secs_f64(secs.max(0.0).round()));
    let mut parts = vec![match times {
        0 => "nobody waited for room".to_owned(),
        1 => format!("made room once, within {}", millis(most_ms)),
        _ => format!("made room {times} times, within {} ({} altogether)", millis(most_ms), millis(waited_ms)),
    }];
    parts.extend((frozen_secs >= 1.0).then(|| format!("work stood still for {}", time(frozen_secs))));
    parts.extend((lost_secs >= 1.0).then(|| format!("{} of work were lost", time(lost_secs))));
    parts.join(", ")
}

/// The live line.
fn now(view: &LendingView) -> String {
    let standing = match view.standing {
        Standing::Offering => "lends, nobody asks",
        Standing::Working => "works",
        Standing::Yours => "yours",
        Standing::Draining => "finishes what it has",
        Standing::Softened => "works, with less",
        Standing::Frozen => "work stands still",
        Standing::Packing => "work goes back",
        Standing::Paused => "paused",
        Standing::Trouble => "a program does not end",
    };
    let what = if view.why_not.is_empty() { room(view.others) } else { format!("nothing: {}", view.why_not) };
    let mut text = format!("{:<12} {standing}\n{:<12} {what}\n", "Now", "For others");
    if !view.why_not.is_empty() && view.own.cpus > 0.0 {
        let _ = writeln!(text, "{:<12} {}", "For itself", room(view.own));
    }
    let until = [("Paused", view.paused_until), ("Graphics", view.graphics_until), ("Network", view.network_until)];
    for (name, until) in until.into_iter().filter_map(|(name, until)| Some((name, until?))) {
        let _ = writeln!(text, "{name:<12} until {}", moment(until));
    }
    text
}

fn room(share: Share) -> String {
    let graphics = match share.gpus {
        0 => String::new(),
        1 => ", 1 graphics card".to_owned(),
        count => format!(", {count} graphics cards"),
    };
    format!("{} cores, {} of memory{graphics}", share.cpus, format_bytes(share.memory_bytes))
}

fn percent(share: f32) -> String {
    format!("{:.0} %", share * 100.0)
}

fn millis(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{:.1} s", Duration::from_millis(ms).as_secs_f64()) }
}

fn when(when: LendWhen) -> String {
    let time = |secs| format_duration(Duration::from_secs(secs));
    match when {
        LendWhen::Dedicated => "always: it is there for the grid".to_owned(),
        LendWhen::Always => "always, with less while somebody is there".to_owned(),
        LendWhen::Idle { after_secs } => format!("nobody has touched it for {}", time(after_secs)),
        LendWhen::Within { hours } => format!("within {}", say_hours(hours)),
        LendWhen::IdleWithin { after_secs, hours } => {
            format!("within {}, and nobody has touched it for {}", say_hours(hours), time(after_secs))
        }
        LendWhen::IdleOrWithin { after_secs, hours } => {
            format!("within {}, or nobody has touched it for {}", say_hours(hours), time(after_secs))
        }
    }
}

fn never(view: &LendingView) -> String {
    let never = &view.rules.never_while;
    let mut all: Vec<String> = never.programs.iter().map(|program| format!("{program} runs")).collect();
    let flags = [
        (never.on_battery, "on battery"),
        (never.full_screen, "a program covers the screen"),
        (never.graphics_busy, "others use the graphics (these alone)"),
        (never.metered, "the network costs by the byte"),
    ];
    all.extend(flags.into_iter().filter(|(on, _)| *on).map(|(_, words)| words.to_owned()));
    all.extend(never.hotter_than.map(|celsius| format!("hotter than {celsius} °C")));
    if all.is_empty() { "nothing named".to_owned() } else { all.join(", ") }
}

fn on_return(how: OnReturn) -> String {
    match how {
        OnReturn::Soften => "work goes on with less".to_owned(),
        OnReturn::Finish { within_secs } => {
            let time = format_duration(Duration::from_secs(within_secs));
            format!("work goes on with less for {time}, then stands still")
        }
        OnReturn::Freeze => "work stands still".to_owned(),
        OnReturn::Pack => "work goes back".to_owned(),
        OnReturn::End => "work ends at once".to_owned(),
    }
}

fn rung(rung: &str) -> &str {
    match rung {
        "hold" => "nothing new",
        "soften" => "less",
        "freeze" => "stand still",
        "pack" => "go back",
        other => other,
    }
}

fn scope(scope: &str) -> &str {
    match scope {
        "desktop" => "others, on the desktop's graphics",
        other => other,
    }
}

fn because(objection: &ObjectionView) -> String {
    let ObjectionView { sentence, figures, .. } = objection;
    if figures.is_empty() { sentence.clone() } else { format!("{sentence} ({figures})") }
}

fn costs(programs: &[ProgramView]) -> String {
    let mut table = Table::new(&["PROGRAM", "MAKES ROOM", ">STOOD STILL", ">LOST"]);
    for program in programs {
        let steps = program.steps.iter().map(|step| format!("{} within {}", step.step, millis(step.most_ms)));
        let name = if program.program.is_empty() { "(commands)" } else { &program.program };
        table.row([
            name.to_owned(),
            steps.collect::<Vec<_>>().join(", "),
            format!("{:.0} s", program.frozen_secs),
            format!("{:.0} s", program.lost_secs),
        ]);
    }
    table.render(usize::MAX)
}
