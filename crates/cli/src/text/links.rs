use std::collections::{BTreeMap, BTreeSet};

use console::style;
use gridwell_api::{LinkState, LinkView, MachineView};
use gridwell_model::{LinkPolicy, PeerId, format_bytes};

use super::{asks::asked, clean, fields, moment, table::Table};

/// What people call machines.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<PeerId, String>);

impl Names {
    /// The names of these.
    pub(crate) fn of(machines: &[MachineView]) -> Self {
        Self(machines.iter().map(|machine| (machine.id, machine.name.clone())).collect())
    }

    fn get(&self, machine: PeerId) -> String {
        self.0.get(&machine).cloned().unwrap_or_else(|| machine.short())
    }
}

/// Links of this machine as a table, and below it why some are down, and who wants what of them.
pub(crate) fn links(links: &[LinkView], names: &Names, columns: usize) -> String {
    if links.is_empty() {
        return "No links. Let another machine join with 'gridwell invite'.".to_owned();
    }
    let mut table =
        Table::new(&["MACHINE", "STATE", "POLICY", ">ROUND TRIP", ">RATE", ">RECEIVED", ">SENT", "SINCE", "ADDRESS"]);
    for link in links {
        table.row([
            link.name.clone(),
            String::new(),
            policy(link.policy),
            round_trip(link),
            rate(link),
            format_bytes(link.received_bytes),
            format_bytes(link.sent_bytes),
            moment(link.since),
            link.address.clone(),
        ]);
        table.styled(1, state(link));
    }
    let mut text = table.render(columns);
    for link in links {
        if link.policy != LinkPolicy::Automatic {
            text.push_str(&format!("{}: {}\n", clean(&link.name), wanted(link, names)));
        }
        if let Some(limit) = limit(link) {
            text.push_str(&format!("{}: {limit}\n", clean(&link.name)));
        }
        if let Some(ask) = link.ask {
            text.push_str(&format!("{}: {}\n", clean(&link.name), asked(ask)));
        }
        // A forbidden link is down because it is forbidden; everything else is worth a word.
        if link.policy != LinkPolicy::Forbidden
            && link.state != LinkState::Up
            && !link.last_error.is_empty()
            && !link.rests
        {
            text.push_str(&format!("{}: {}\n", clean(&link.name), clean(&link.last_error)));
        }
    }
    text
}

/// Every link of the grid that is known here, each once.
pub(crate) fn all_links(links: &[LinkView], names: &Names, columns: usize) -> String {
    let mut table = Table::new(&["FROM", "TO", "STATE", "POLICY", ">ROUND TRIP", "SINCE"]);
    let mut shown = BTreeSet::new();
    // This machine's own links come first: it knows them better than those who tell of them.
    for link in links.iter().filter(|link| shown.insert(ends(link))) {
        table.row([
            names.get(link.from),
            link.name.clone(),
            String::new(),
            policy(link.policy),
            round_trip(link),
            moment(link.since),
        ]);
        table.styled(2, state(link));
    }
    table.render(columns)
}

/// One link after a change.
pub(crate) fn link(link: &LinkView, names: &Names) -> String {
    let mut lines = vec![
        ("Link", format!("{} – {}", clean(&names.get(link.from)), clean(&link.name))),
        ("State", state(link)),
        ("Policy", wanted(link, names)),
    ];
    lines.extend(limit(link).map(|limit| ("Limit", limit)));
    lines.extend(link.ask.map(|ask| ("Request", asked(ask).to_owned())));
    let text = fields(&lines);
    match link.policy {
        LinkPolicy::Forbidden => format!("{text}No job, file or message travels between the two machines.\n"),
        LinkPolicy::Automatic | LinkPolicy::Pinned => text,
    }
}

fn ends(link: &LinkView) -> (PeerId, PeerId) {
    (link.from.min(link.peer), link.from.max(link.peer))
}

fn round_trip(link: &LinkView) -> String {
    link.rtt_ms.map(|rtt| format!("{rtt:.1} ms")).unwrap_or_default()
}

/// `12 MB/s`, once a file went over it.
fn rate(link: &LinkView) -> String {
    link.bytes_per_sec.map(|rate| format!("{}/s", format_bytes(rate as u64))).unwrap_or_default()
}

/// How fast files may go, if that is limited here.
fn limit(link: &LinkView) -> Option<String> {
    let limit = format_bytes(link.limit_bytes_per_sec?);
    Some(format!("files go at most {limit} a second each way"))
}

/// The policy in a table, where the usual one says nothing.
fn policy(policy: LinkPolicy) -> String {
    if policy == LinkPolicy::Automatic { String::new() } else { policy_word(policy).to_owned() }
}

const fn policy_word(policy: LinkPolicy) -> &'static str {
    match policy {
        LinkPolicy::Automatic => "automatic",
        LinkPolicy::Pinned => "pinned",
        LinkPolicy::Forbidden => "forbidden",
    }
}

/// `pinned, changed on mill 2026-11-22 14:02:10`.
fn wanted(link: &LinkView, names: &Names) -> String {
    let word = policy_word(link.policy);
    link.changed.map_or_else(
        || word.to_owned(),
        |(machine, when)| format!("{word}, changed on {} {}", clean(&names.get(machine)), moment(when)),
    )
}

fn state(link: &LinkView) -> String {
    let coloured = match link.state {
        LinkState::Down if link.rests && link.policy == LinkPolicy::Automatic => style("resting").dim(),
        LinkState::Connecting => style("connecting").yellow(),
        LinkState::Up => style("up").green(),
        LinkState::Down => style("down").red(),
    };
    coloured.to_string()
}

#[cfg(test)]
mod tests {
    use console::strip_ansi_codes;
    use gridwell_model::Stamp;

    use super::*;

    const MILL: PeerId = PeerId([0; 32]);
    const FORGE: PeerId = PeerId([1; 32]);

    fn a_link() -> LinkView {
        LinkView {
            from: MILL,
            peer: FORGE,
            name: "forge".into(),
            state: LinkState::Down,
            policy: LinkPolicy::Automatic,
            revision: 0,
            changed: None,
            address: "/ip4/10.0.0.2/tcp/7766".into(),
            rtt_ms: None,
            since: Stamp(0),
            received_bytes: 0,
            sent_bytes: 0,
            last_error: "connection refused".into(),
            ask: None,
            bytes_per_sec: None,
            rests: false,
            limit_bytes_per_sec: None,
        }
    }

    fn names() -> Names {
        Names([(MILL, "mill".to_owned()), (FORGE, "forge".to_owned())].into())
    }

    #[test]
    fn a_broken_link_says_why() {
        let text = strip_ansi_codes(&links(&[a_link()], &names(), 80)).into_owned();
        assert!(text.ends_with("forge: connection refused\n") && !text.contains("POLICY"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn a_link_that_nobody_needs_rests_and_is_not_broken() {
        let resting = LinkView { rests: true, ..a_link() };
        let text = strip_ansi_codes(&links(&[resting], &names(), 80)).into_owned();
        assert!(text.contains("resting") && !text.contains("connection refused"), "{text}");
    }

    #[test]
    fn a_forbidden_link_says_who_forbids_it() {
        let forbidden = LinkView { policy: LinkPolicy::Forbidden, changed: Some((FORGE, Stamp(1_000))), ..a_link() };
        let text = strip_ansi_codes(&links(std::slice::from_ref(&forbidden), &names(), 200)).into_owned();
        assert!(text.contains("forge: forbidden, changed on forge 1970-01-01"), "{text}");
        assert!(!text.contains("connection refused"), "{text}");
        let text = strip_ansi_codes(&link(&forbidden, &names())).into_owned();
        assert!(text.contains("mill – forge") && text.contains("No job, file or message"), "{text}");
    }

    #[test]
    fn a_limited_link_says_how_fast_files_go() {
        let limited = LinkView { limit_bytes_per_sec: Some(5_000_000), last_error: String::new(), ..a_link() };
        let said = "files go at most 5.0 MB a second each way";
        let text = strip_ansi_codes(&links(std::slice::from_ref(&limited), &names(), 200)).into_owned();
        assert!(text.ends_with(&format!("forge: {said}\n")), "{text}");
        assert!(strip_ansi_codes(&link(&limited, &names())).contains(said), "{text}");
    }

    #[test]
    fn all_links_of_a_grid_are_shown_once_each() {
        let told = LinkView { from: FORGE, peer: MILL, name: "mill".into(), ..a_link() };
        let other = LinkView { from: FORGE, peer: PeerId([2; 32]), name: "quarry".into(), ..a_link() };
        let text = strip_ansi_codes(&all_links(&[a_link(), told, other], &names(), 80)).into_owned();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("mill   forge") && text.contains("forge  quarry"), "{text}");
    }
}
