//! Why this machine and another one do not see each other: what is known here, what others see, and what answers where.

use std::{net::IpAddr, time::Duration};

use gridwell_api::{DoctorRequest, DoctorView, Finding, Response};
use gridwell_links::LinkState as State;
use gridwell_model::{LinkPolicy, PeerId};
use gridwell_net::{Reach, reach};
use gridwell_probe::{Network, networks};
use gridwell_trust::Standing;

use super::{
    Core,
    facts::Reply,
    map::rtt,
    words::{about, names},
};
use crate::clock;

/// Addresses that are knocked at: what one machine has, and a few it had before.
const TRIED: usize = 8;
/// Clocks further apart than this are worth a word: certificates and invites end by them.
const CLOCKS_APART: Duration = Duration::from_secs(60);

/// What is known of two machines, as plain data.
#[derive(Debug, Clone)]
struct Case {
    this: String,
    name: String,
    seen: Seen,
    /// Who forbids the link, and how long ago it was said.
    forbidden: Option<(String, String)>,
    rests: bool,
    expired: bool,
    addresses: Vec<String>,
    /// Other machines that are reached from here, and those of them that are linked with the other one.
    others: Vec<String>,
    seen_by: Vec<String>,
    clock_ahead_ms: i64,
    version: String,
    /// How long ago the last try failed, and why.
    last_error: Option<(String, String)>,
    listens: Vec<String>,
    networks: Vec<Network>,
}

/// How a machine is seen from here.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Linked(Option<Duration>),
    Over(Vec<String>),
    Away,
}

impl Core {
    /// Says why another machine is seen or not; knocks at its addresses beside the loop where there is no link.
    pub(super) fn doctor_of(&self, request: &DoctorRequest, reply: Reply) {
        let peer = match self.find_machine(&request.machine) {
            Ok(peer) if peer == self.me => {
                self.doctor(reply);
                return;
            }
            Ok(peer) => peer,
            Err(error) => {
                let _gone = reply.send(self.doctor_of_gone(&request.machine).ok_or(error));
                return;
            }
        };
        let case = self.case(peer);
        let knocks = !matches!(case.seen, Seen::Linked(_)) && case.forbidden.is_none();
        self.beside.spawn(async move {
            let mut case = case;
            let mut tried = Vec::new();
            if knocks {
                // The system is asked on a thread that may wait.
                case.networks = tokio::task::spawn_blocking(networks).await.unwrap_or_default();
                let knocking = case.addresses.iter().take(TRIED).map(|address| reach(address));
                let answers = futures::future::join_all(knocking).await;
                tried = case.addresses.iter().take(TRIED).cloned().zip(answers).collect();
            }
            let findings = findings(&case, &tried);
            let _gone = reply.send(Ok(Response::Doctor(DoctorView { findings })));
        });
    }

    /// What there is to say of a machine that was a member.
    fn doctor_of_gone(&self, text: &str) -> Option<Response> {
        let mut revoked = self.membership.grid().revoked().iter();
        let (_, gone) = revoked.find(|(peer, gone)| {
            gone.name.eq_ignore_ascii_case(text) || (text.len() >= 4 && peer.to_string().starts_with(text))
        })?;
        let by = gone.by.map_or_else(|| "the recovery words".to_owned(), |by| self.machines.name(by));
        let sentence = format!("{} was revoked by {by}: no machine of the grid links with it", gone.name);
        let step = "let it in again: gridwell invite, or gridwell pair show";
        Some(Response::Doctor(DoctorView { findings: vec![bad("membership", sentence, step)] }))
    }

    fn case(&self, peer: PeerId) -> Case {
        let now = clock::now();
        let view = self.links.view(peer);
        let name = |peer: PeerId| self.machines.name(peer);
        let ago = |ago: Duration| format!("{} ago", about(ago));
        let via = self.via(peer);
        let seen = match view.as_ref().map(|view| &view.state) {
            Some(state @ State::Up { .. }) => Seen::Linked(rtt(state)),
            _ if !via.is_empty() => Seen::Over(via.into_iter().map(name).collect()),
            _ => Seen::Away,
        };
        let rule = self.link_rule(peer);
        let forbidden = rule
            .changed
            .filter(|_| rule.policy == LinkPolicy::Forbidden)
            .map(|(at, stamp)| (name(at), ago(Duration::from_millis(clock::stamp().0.saturating_sub(stamp.0)))));
        let machine = self.machines.others().get(&peer);
        let others = self.machines.others().iter().filter(|(other, machine)| **other != peer && machine.online);
        let seen_by = self.map.reports().filter(|(from, report)| *from != self.me && report.peer == peer && report.up);
        Case {
            this: name(self.me),
            name: name(peer),
            seen,
            forbidden,
            rests: view.as_ref().is_some_and(|view| view.rests || view.rests_there),
            expired: self.membership.grid().standing(peer, clock::stamp()) == Standing::Expired,
            addresses: view.as_ref().map(|view| view.addresses.clone()).unwrap_or_default(),
            others: others.map(|(other, _)| name(*other)).collect(),
            seen_by: seen_by.map(|(from, _)| name(from)).collect(),
            clock_ahead_ms: machine.map_or(0, |machine| machine.clock_ahead_ms),
            version: machine
                .and_then(|machine| machine.announced.as_ref())
                .map(|it| it.version.clone())
                .unwrap_or_default(),
            last_error: view.and_then(|view| view.last_error).map(|(at, why)| (ago(now.since(at)), why)),
            listens: self.membership.addresses().to_vec(),
            networks: Vec::new(),
        }
    }
}

fn finding(what: impl Into<String>, ok: bool, sentence: impl Into<String>, next_step: impl Into<String>) -> Finding {
    Finding { what: what.into(), ok, sentence: sentence.into(), next_step: next_step.into() }
}

fn good(what: impl Into<String>, sentence: impl Into<String>) -> Finding {
    finding(what, true, sentence, "")
}

fn bad(what: impl Into<String>, sentence: impl Into<String>, next_step: impl Into<String>) -> Finding {
    finding(what, false, sentence, next_step)
}

/// What a person should know, the nearest first.
fn findings(case: &Case, tried: &[(String, Reach)]) -> Vec<Finding> {
    let mut found = vec![link(case)];
    if let Seen::Linked(_) = case.seen {
        found.extend(clock_apart(case));
        found.extend(versions(case));
        return found;
    }
    found.extend(case.expired.then(|| {
        let sentence = format!("the certificate of {} is over", case.name);
        bad("membership", sentence, "an admin's machine renews it as soon as the two are linked")
    }));
    if case.forbidden.is_some() {
        return found;
    }
    found.extend(others(case));
    found.extend(tried.iter().map(|(address, reach)| address_finding(case, address, reach)));
    found.extend(where_it_lies(case, tried));
    found.extend(listens(case));
    found.extend(case.last_error.as_ref().map(|(ago, why)| bad("last try", format!("{ago}: {why}"), "")));
    found.extend(clock_apart(case));
    found.extend(versions(case));
    found
}

fn link(case: &Case) -> Finding {
    let Case { this, name, .. } = case;
    match &case.seen {
        Seen::Linked(rtt) => {
            let far = rtt.map(|rtt| format!(", {:.1} ms away", rtt.as_secs_f64() * 1e3)).unwrap_or_default();
            good("link", format!("{name} is linked{far}"))
        }
        _ if case.forbidden.is_some() => {
            let (by, ago) = case.forbidden.clone().unwrap_or_default();
            let other = if by == *this { name } else { this };
            bad("link", format!("the link was forbidden on {by} {ago}"), format!("on {by}: gridwell link auto {other}"))
        }
        Seen::Over(machines) if case.rests => {
            good("link", format!("the layout does without this link: {name} is reached over {}", names(machines)))
        }
        Seen::Over(machines) => {
            let over = names(machines);
            good(
                "link",
                format!("{name} is reached over {over}: work and files go there, more slowly than over a link"),
            )
        }
        Seen::Away => {
            let step = format!("see at the other end, too: gridwell doctor {this}");
            bad("link", format!("no way leads from {this} to {name}"), step)
        }
    }
}

/// What the other machines of the grid see.
fn others(case: &Case) -> Option<Finding> {
    let Case { this, name, others, seen_by, .. } = case;
    if !seen_by.is_empty() {
        let who = names(seen_by);
        let see = if seen_by.len() == 1 { "sees" } else { "see" };
        return Some(good(
            "other machines",
            format!("{who} {see} {name}, so {name} runs; {this} cannot reach it directly"),
        ));
    }
    if others.is_empty() {
        return None;
    }
    let sentence = format!("none of the machines that {this} reaches ({}) sees {name} either", names(others));
    let step = format!("it is switched off, asleep or without network: wake {name}, and see that gridwell runs there");
    Some(bad("other machines", sentence, step))
}

fn address_finding(case: &Case, address: &str, reach: &Reach) -> Finding {
    let (name, what) = (&case.name, format!("address {address}"));
    match reach {
        Reach::Answers => good(what, "a program answers there"),
        Reach::NobodyListens => bad(
            what,
            "a machine is there, but nobody listens on that port",
            format!("start gridwell on {name}; if it runs, 'gridwell status' there says on which port"),
        ),
        Reach::NoAnswer => bad(
            what,
            "no answer",
            format!("a firewall or a VPN drops it, or {name} is off: let its TCP port in on {name}"),
        ),
        Reach::NoWay => bad(what, "no way leads to that network from here", "connect this machine to that network"),
        Reach::Unknown(why) => bad(what, why.clone(), "name another one when you pair the two again"),
    }
}

/// How the addresses that do not answer lie to the networks of this machine.
fn where_it_lies(case: &Case, tried: &[(String, Reach)]) -> Vec<Finding> {
    if tried.iter().any(|(_, reach)| *reach == Reach::Answers) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let hosts: Vec<_> = tried.iter().filter_map(|(address, _)| host(address)).collect();
    if tried.is_empty() {
        let step = format!("pair the two again, with an address: gridwell pair code CODE --at {}:PORT", case.name);
        found.push(bad("addresses", format!("{} does not know where {} is", case.this, case.name), step));
    } else if !hosts.is_empty() && hosts.iter().all(IpAddr::is_loopback) {
        let sentence = format!("{} listens for programs on its own machine only", case.name);
        found.push(bad(
            "addresses",
            sentence,
            format!("start it there with --listen 0.0.0.0:7766 if it is not {}", case.this),
        ));
    }
    let outside = |host: &&IpAddr| !host.is_loopback() && !case.networks.iter().any(|network| network.holds(**host));
    if let Some(host) = hosts.iter().find(outside) {
        let own = case.networks.iter().filter(|network| network.address.is_ipv4() == host.is_ipv4());
        let own: Vec<_> = own.map(|it| format!("{}/{} on {}", it.address, it.prefix, it.interface)).collect();
        let own = if own.is_empty() { "none".to_owned() } else { names(&own) };
        let sentence = format!("{host} is in none of this machine's networks ({own}): a router has to lead there");
        found.push(bad("networks", sentence, "connect both to one network, or link both with a machine in between"));
    }
    if let Some(vpn) = case.networks.iter().find(|network| network.is_vpn()) {
        let sentence = format!("this machine uses a VPN ({}), which may keep it from machines nearby", vpn.interface);
        found.push(bad("vpn", sentence, "let it leave local networks alone, or try without it"));
    }
    found
}

/// Whether the other machine could dial this one.
fn listens(case: &Case) -> Option<Finding> {
    let local = case.listens.iter().filter_map(|address| host(address)).all(|host| host.is_loopback());
    let elsewhere = case.addresses.iter().filter_map(|address| host(address)).any(|host| !host.is_loopback());
    (local && elsewhere).then(|| {
        let sentence =
            format!("{} listens for programs on this machine only, so {} cannot dial it", case.this, case.name);
        bad("listens", sentence, "start it with --listen 0.0.0.0:7766")
    })
}

fn clock_apart(case: &Case) -> Option<Finding> {
    let apart = Duration::from_millis(case.clock_ahead_ms.unsigned_abs());
    (apart > CLOCKS_APART).then(|| {
        let which = if case.clock_ahead_ms > 0 { "ahead of" } else { "behind" };
        let sentence = format!("the clock of {} was {} {which} the one of {}", case.name, about(apart), case.this);
        bad("clock", sentence, "set both by the network: certificates and invites end by them")
    })
}

fn versions(case: &Case) -> Option<Finding> {
    let ours = env!("CARGO_PKG_VERSION");
    (!case.version.is_empty() && case.version != ours).then(|| {
        let sentence = format!("{} runs gridwell {}, {} runs {ours}", case.name, case.version, case.this);
        bad("version", sentence, "bring both to the same one")
    })
}

/// The number in `HOST:PORT` or in a multiaddress.
fn host(address: &str) -> Option<IpAddr> {
    if let Some(rest) = address.strip_prefix('/') {
        return rest.split('/').nth(1)?.parse().ok();
    }
    address.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mill asks about quarry, which it does not see.
    fn away() -> Case {
        let network =
            Network { interface: "eth0".into(), address: IpAddr::from([10, 0, 0, 2]), prefix: 24, multicast: None };
        Case {
            this: "mill".into(),
            name: "quarry".into(),
            seen: Seen::Away,
            forbidden: None,
            rests: false,
            expired: false,
            addresses: vec!["10.0.0.7:4242".into()],
            others: vec!["attic".into()],
            seen_by: Vec::new(),
            clock_ahead_ms: 0,
            version: env!("CARGO_PKG_VERSION").into(),
            last_error: None,
            listens: vec!["10.0.0.2:7766".into()],
            networks: vec![network],
        }
    }

    /// What is found where the address of quarry answers so.
    fn found(case: &Case, reach: Reach) -> Vec<(String, bool, String)> {
        let tried: Vec<_> = case.addresses.iter().map(|address| (address.clone(), reach.clone())).collect();
        findings(case, &tried).into_iter().map(|it| (it.what, it.ok, it.sentence)).collect()
    }

    fn says(found: &[(String, bool, String)], what: &str, ok: bool, words: &str) {
        assert!(found.iter().any(|it| it.0 == what && it.1 == ok && it.2.contains(words)), "{what} {words}: {found:?}");
    }

    #[test]
    fn an_address_says_whether_it_refuses_is_silent_or_cannot_be_reached() {
        for (reach, ok, words) in [
            (Reach::Answers, true, "a program answers there"),
            (Reach::NobodyListens, false, "nobody listens on that port"),
            (Reach::NoAnswer, false, "no answer"),
            (Reach::NoWay, false, "no way leads to that network"),
            (Reach::Unknown("no such name".into()), false, "no such name"),
        ] {
            says(&found(&away(), reach), "address 10.0.0.7:4242", ok, words);
        }
    }

    #[test]
    fn what_others_see_tells_a_machine_that_is_off_from_a_way_that_is_missing() {
        let off = found(&away(), Reach::NoAnswer);
        says(&off, "other machines", false, "none of the machines that mill reaches (attic) sees quarry either");
        let seen = Case { seen_by: vec!["attic".into()], ..away() };
        says(&found(&seen, Reach::NoAnswer), "other machines", true, "attic sees quarry, so quarry runs");
        let over = Case { seen: Seen::Over(vec!["attic".into()]), ..seen };
        says(&found(&over, Reach::NoAnswer), "link", true, "quarry is reached over attic");
    }

    #[test]
    fn networks_and_vpns_are_named_where_nothing_answers() {
        let elsewhere = Case { addresses: vec!["10.9.0.7:4242".into()], ..away() };
        says(
            &found(&elsewhere, Reach::NoAnswer),
            "networks",
            false,
            "10.9.0.7 is in none of this machine's networks (10.0.0.2/24 on eth0)",
        );
        assert!(found(&elsewhere, Reach::Answers).iter().all(|it| it.0 != "networks"));
        let vpn =
            Network { interface: "wg0".into(), address: IpAddr::from([10, 8, 0, 2]), prefix: 24, multicast: None };
        says(&found(&Case { networks: vec![vpn], ..away() }, Reach::NoAnswer), "vpn", false, "uses a VPN (wg0)");
        says(
            &found(&Case { addresses: vec![], ..away() }, Reach::NoAnswer),
            "addresses",
            false,
            "does not know where quarry is",
        );
        let local = Case { addresses: vec!["/ip4/127.0.0.1/tcp/7766".into()], ..away() };
        says(&found(&local, Reach::NobodyListens), "addresses", false, "listens for programs on its own machine only");
        let deaf = Case { listens: vec!["127.0.0.1:7766".into()], ..away() };
        says(&found(&deaf, Reach::NoAnswer), "listens", false, "quarry cannot dial it");
    }

    #[test]
    fn what_owners_and_admins_decided_comes_before_any_network() {
        let forbidden = Case { forbidden: Some(("quarry".into(), "3 min ago".into())), ..away() };
        let said = findings(&forbidden, &[]);
        assert_eq!((said.len(), said[0].next_step.as_str()), (1, "on quarry: gridwell link auto mill"), "{said:?}");
        says(
            &found(&Case { expired: true, ..away() }, Reach::NoAnswer),
            "membership",
            false,
            "certificate of quarry is over",
        );
        let rests = Case { seen: Seen::Over(vec!["attic".into()]), rests: true, ..away() };
        says(&found(&rests, Reach::Answers), "link", true, "the layout does without this link");
    }

    #[test]
    fn clocks_versions_and_the_last_try_are_told() {
        let odd = Case {
            clock_ahead_ms: -7_200_000,
            version: "0.0.1".into(),
            last_error: Some(("12 s ago".into(), "another machine answers at 10.0.0.7:4242".into())),
            ..away()
        };
        let told = found(&odd, Reach::Answers);
        says(&told, "clock", false, "the clock of quarry was 2 h behind the one of mill");
        says(&told, "version", false, "quarry runs gridwell 0.0.1");
        says(&told, "last try", false, "another machine answers at 10.0.0.7:4242");
        let linked = Case { seen: Seen::Linked(Some(Duration::from_micros(400))), last_error: None, ..away() };
        assert_eq!(found(&linked, Reach::Answers), [("link".into(), true, "quarry is linked, 0.4 ms away".into())]);
    }
}
