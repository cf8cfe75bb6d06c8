use console::style;
use gridwell_api::{DoctorView, Finding, InviteView, JoinedView, MachineState, MachineView, StatusView, WakeView};
use gridwell_model::{Leaning, PeerId, Power, Standing, Tuning, format_bytes};

use super::{clean, fields, moment, number_of, secs, table::Table};

/// The node itself.
pub(crate) fn status(status: &StatusView) -> String {
    let lending = if status.accepts { "yes".to_owned() } else { format!("no: {}", clean(&status.why_not)) };
    let addresses: Vec<_> = status.addresses.iter().map(|address| clean(address)).collect();
    fields(&[
        ("Machine", clean(&status.name)),
        ("Id", status.peer.to_string()),
        ("Grid", status.grid.to_string()),
        ("Machines", format!("{}, {} online", status.machines, status.machines_online)),
        ("Lending", lending),
        (
            "Running",
            format!("{} for {}", number_of(u64::from(status.running), "task"), number_of(status.active_jobs, "job")),
        ),
        ("Safe to close", closing(status)),
        ("Listening", addresses.join("\n           ")),
        ("Data", clean(&status.data)),
        ("Process", format!("{}, up {}", status.pid, secs(Some(status.uptime_secs)))),
        ("Version", clean(&status.version)),
    ])
}

/// Whether the lid may be closed, in one sentence.
fn closing(status: &StatusView) -> String {
    if status.safe_to_close {
        return "yes".to_owned();
    }
    let reasons: Vec<_> = status.close_why.iter().map(|why| clean(why)).collect();
    format!("not yet: {}", reasons.join("; "))
}

/// Who sent the packet that wakes a machine.
pub(crate) fn woken(woken: &WakeView) -> String {
    let sent_by: Vec<_> = woken.sent_by.iter().map(|name| clean(name)).collect();
    format!("{} sent the packet that wakes {}; it is there in a minute, or not", sent_by.join(", "), clean(&woken.name))
}

/// Machines as a table, and below it why some take nothing.
pub(crate) fn machines(machines: &[MachineView], columns: usize) -> String {
    let mut table = Table::new(&["MACHINE", "STATE", ">CORES", ">MEMORY", "GRAPHICS", ">RUNS", ">MADE", "TOOLS"]);
    for machine in machines {
        let hardware = &machine.hardware;
        // A machine that has not announced itself yet is a member of which nothing is known.
        let known = hardware.cpu_count > 0;
        let this = if machine.this { " (this)" } else { "" };
        let gpus: Vec<_> = hardware.gpus.iter().map(|gpu| gpu.name.as_str()).collect();
        let tools: Vec<_> = hardware.tools.iter().map(|tool| tool.name.as_str()).collect();
        table.row([
            format!("{}{this}", machine.name),
            String::new(),
            if known { hardware.cpu_count.to_string() } else { String::new() },
            if known { format_bytes(hardware.memory_bytes) } else { String::new() },
            gpus.join(", "),
            machine.running.to_string(),
            machine.made.to_string(),
            tools.join(", "),
        ]);
        table.styled(1, machine_state(machine.state));
    }
    let mut text = table.render(columns);
    for machine in machines.iter().filter(|machine| !machine.why_not.is_empty()) {
        let what = match machine.standing {
            Standing::Softened if machine.accepts => "works with less",
            Standing::Frozen => "lets work stand still",
            Standing::Packing => "gives work back",
            _ if machine.accepts => continue,
            _ => "takes nothing now",
        };
        text.push_str(&format!("{} {what}: {}\n", clean(&machine.name), why_not(machine)));
    }
    for machine in machines {
        for sick in &machine.sick {
            text.push_str(&format!("{} is {}\n", clean(&machine.name), clean(&sick.sentence)));
        }
        match machine.leaning {
            Some(Leaning::Prefer) => text.push_str(&format!("{} is preferred here\n", clean(&machine.name))),
            Some(Leaning::KeepOff) => text.push_str(&format!("{} gets no work from here\n", clean(&machine.name))),
            None => {}
        }
    }
    for machine in machines.iter().filter(|machine| !machine.via.is_empty()) {
        let name = |id: &PeerId| machines.iter().find(|machine| machine.id == *id).map(|machine| clean(&machine.name));
        let over: Vec<_> = machine.via.iter().map(|id| name(id).unwrap_or_else(|| id.short())).collect();
        text.push_str(&format!("{} is reached over {}\n", clean(&machine.name), over.join(", ")));
    }
    for machine in machines.iter().filter(|machine| !machine.online) {
        if let Some(seen) = machine.last_seen {
            text.push_str(&format!("{} was last seen {}\n", clean(&machine.name), moment(seen)));
        }
    }
    text
}

/// Why a machine takes nothing, with the time at which that ends by itself.
fn why_not(machine: &MachineView) -> String {
    match machine.paused_until {
        Some(until) => format!("its owner paused lending until {}", moment(until)),
        None => clean(&machine.why_not),
    }
}

/// This machine after a change.
pub(crate) fn machine(machine: &MachineView) -> String {
    let labels: Vec<_> = machine.labels.iter().map(|(key, value)| format!("{}={}", clean(key), clean(value))).collect();
    let Tuning { weight, strategy, sharpness } = machine.tuning;
    let lending = if machine.accepts { "yes".to_owned() } else { format!("no: {}", why_not(machine)) };
    fields(&[
        ("Machine", clean(&machine.name)),
        ("Lending", lending),
        ("Running", number_of(u64::from(machine.running), "task")),
        ("Labels", labels.join(", ")),
        ("Gravity", format!("strategy {strategy}, sharpness {sharpness}, weight {weight}")),
        ("Energy", energy(&machine.power)),
    ])
}

/// What is known of the energy that a machine takes; nothing if nothing is.
fn energy(power: &Power) -> String {
    let parts = [
        power.watts.map(|watts| format!("{watts} W at full work")),
        power.tariff.map(|tariff| format!("{tariff} for a kWh")),
        power.measured.then(|| "what processors take is measured".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// An invite: the link alone on its line, so that it can be copied or piped.
pub(crate) fn invite(invite: &InviteView) -> String {
    clean(&invite.link)
}

/// The grid that was joined.
pub(crate) fn joined(joined: &JoinedView) -> String {
    let names: Vec<_> = joined.machines.iter().map(|name| clean(name)).collect();
    format!("Joined. The grid has {}: {}", number_of(names.len() as u64, "machine"), names.join(", "))
}

/// What a check-up found.
pub(crate) fn doctor(doctor: &DoctorView) -> String {
    let mut text: String = doctor.findings.iter().map(finding).collect();
    let bad = doctor.findings.iter().filter(|finding| !finding.ok).count() as u64;
    text.push_str(&if bad == 0 {
        "Everything works.".to_owned()
    } else {
        format!("{} to look at.", number_of(bad, "thing"))
    });
    text
}

/// The same as plain text, with what somebody who helps has to know first.
pub(crate) fn report(doctor: &DoctorView, about: Option<&str>, status: Option<&StatusView>) -> String {
    let mut text =
        format!("gridwell {}, {} {}\n", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    if let Some(status) = status {
        let (name, peer, addresses) = (clean(&status.name), status.peer.short(), status.addresses.join(", "));
        text.push_str(&format!(
            "machine {name} ({peer}), version {}, listens on {addresses}\n",
            clean(&status.version)
        ));
        text.push_str(&format!("{} of {} machines online\n", status.machines_online, status.machines));
    }
    if let Some(about) = about {
        text.push_str(&format!("about {}\n", clean(about)));
    }
    for finding in &doctor.findings {
        let mark = if finding.ok { "ok " } else { "BAD" };
        text.push_str(&format!("{mark} {}: {}\n", clean(&finding.what), clean(&finding.sentence)));
    }
    text
}

fn finding(finding: &Finding) -> String {
    let mark = if finding.ok { style("✓").green() } else { style("!").red() };
    let line = format!("{mark} {}: {}\n", clean(&finding.what), clean(&finding.sentence));
    if finding.next_step.is_empty() { line } else { format!("{line}    {}\n", clean(&finding.next_step)) }
}

fn machine_state(state: MachineState) -> String {
    let coloured = match state {
        MachineState::Ready => style("ready").green(),
        MachineState::Working => style("working").blue(),
        MachineState::InUse => style("in use").bold(),
        MachineState::Paused => style("paused").yellow(),
        MachineState::Offline => style("offline").dim(),
        MachineState::Problem => style("problem").red(),
    };
    coloured.to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use console::strip_ansi_codes;
    use gridwell_api::Share;
    use gridwell_model::{Hardware, Load};

    use super::*;

    #[test]
    fn a_machine_that_takes_nothing_says_why() {
        let machine = MachineView {
            id: PeerId([1; 32]),
            name: "lab-mini".into(),
            this: true,
            online: true,
            state: MachineState::Paused,
            hardware: Hardware { cpu_count: 8, memory_bytes: 16_000_000_000, ..Hardware::default() },
            labels: BTreeMap::new(),
            load: Load::default(),
            lends: Share::default(),
            free: Share::default(),
            accepts: false,
            why_not: "its owner paused it".into(),
            running: 0,
            made: 3,
            standing: gridwell_model::Standing::default(),
            paused_until: None,
            version: String::new(),
            last_seen: None,
            tuning: Tuning::default(),
            power: Power::default(),
            leaning: None,
            awaited: false,
            wakes_for_work: false,
            isolated_since: None,
            confinement: None,
            via: Vec::new(),
            sick: Vec::new(),
        };
        let text = strip_ansi_codes(&machines(&[machine], 80)).into_owned();
        assert!(text.contains("lab-mini (this)") && text.contains("paused") && text.contains("16 GB"), "{text}");
        assert!(text.ends_with("lab-mini takes nothing now: its owner paused it\n"), "{text}");
    }

    #[test]
    fn findings_carry_their_next_step() {
        let bad = Finding {
            what: "tool blender".into(),
            ok: false,
            sentence: "not found on this machine".into(),
            next_step: "Install it.".into(),
        };
        let text = strip_ansi_codes(&doctor(&DoctorView { findings: vec![bad] })).into_owned();
        assert_eq!(text, "! tool blender: not found on this machine\n    Install it.\n1 thing to look at.");
        assert!(doctor(&DoctorView::default()).ends_with("Everything works."));
    }

    #[test]
    fn a_report_is_plain_and_says_about_whom() {
        let bad =
            Finding { what: "link".into(), ok: false, sentence: "no way leads there".into(), next_step: "x".into() };
        let text = report(&DoctorView { findings: vec![bad] }, Some("quarry"), None);
        assert!(
            text.starts_with("gridwell ") && text.ends_with("about quarry\nBAD link: no way leads there\n"),
            "{text}"
        );
    }
}
