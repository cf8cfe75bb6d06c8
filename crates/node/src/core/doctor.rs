//! What a node can find out about itself and its links, in sentences.

use gridwell_api::{DoctorView, Finding, Response};
use gridwell_model::LinkPolicy;
use gridwell_probe::Network;

use super::{Core, confinement, facts::Reply, passing::Carried};

impl Core {
    /// Answers with what this machine finds; its networks are read beside the loop.
    pub(super) fn doctor(&self, reply: Reply) {
        let mut findings = vec![self.socket_finding(), self.address_finding()];
        findings.extend(self.tool_findings());
        findings.push(self.disk_finding());
        findings.push(confinement::finding());
        findings.push(self.energy_finding());
        findings.extend(self.peer_findings());
        findings.extend(self.sick_findings());
        findings.push(self.relay_finding());
        findings.push(self.awake_finding());
        let namespaces = self.machines.settings().namespaces;
        self.beside.spawn_blocking(move || {
            findings.push(confinement::limits_finding());
            findings.extend(namespaces.then(confinement::namespaces_finding));
            findings.push(nearby_finding(&gridwell_probe::networks()));
            let _gone = reply.send(Ok(Response::Doctor(DoctorView { findings })));
        });
    }

    fn socket_finding(&self) -> Finding {
        let sentence = format!("the node answers in {}", self.data.display());
        Finding { what: "node".into(), ok: true, sentence, next_step: String::new() }
    }

    fn address_finding(&self) -> Finding {
        let addresses = self.membership.addresses();
        let local = addresses.iter().all(|address| address.starts_with("127.") || address.starts_with("[::1]"));
        let (ok, sentence, next_step) = if addresses.is_empty() {
            (false, "it listens on no address".to_owned(), "start it with --listen 0.0.0.0:7766")
        } else if local {
            let sentence = format!("only programs on this machine reach it, on {}", addresses.join(", "));
            (true, sentence, "start it with --listen 0.0.0.0:7766 to let other machines in")
        } else {
            (true, format!("other machines reach it on {}", addresses.join(", ")), "")
        };
        Finding { what: "addresses".into(), ok, sentence, next_step: next_step.into() }
    }

    fn tool_findings(&self) -> Vec<Finding> {
        let tools = &self.machines.hardware().tools;
        ["blender", "ffmpeg", "povray", "python3"]
            .into_iter()
            .map(|name| match tools.iter().find(|tool| tool.name == name) {
                Some(tool) => Finding {
                    what: format!("tool {name}"),
                    ok: true,
                    sentence: format!("{name} {} in {}", tool.version, tool.path),
                    next_step: String::new(),
                },
                None => Finding {
                    what: format!("tool {name}"),
                    ok: false,
                    sentence: format!("{name} was not found: jobs that need it go to other machines"),
                    next_step: format!("install {name}, then restart the node"),
                },
            })
            .collect()
    }

    fn disk_finding(&self) -> Finding {
        let free = self.machines.load().disk_free_bytes;
        let ok = free > 1_000_000_000;
        Finding {
            what: "disk".into(),
            ok,
            sentence: format!("{} free where the data folder lies", gridwell_model::format_bytes(free)),
            next_step: if ok { String::new() } else { "make room, or move the data folder with --data".into() },
        }
    }

    fn relay_finding(&self) -> Finding {
        let sentence = if self.machines.settings().relay {
            let Carried { messages, files, bytes } = self.passing.carried();
            let bytes = gridwell_model::format_bytes(bytes);
            format!(
                "it passes on what others send to each other: {messages} messages and {files} files so far, {bytes}"
            )
        } else {
            "it passes nothing on for others, by its owner's wish".to_owned()
        };
        Finding { what: "relay".into(), ok: true, sentence, next_step: String::new() }
    }

    fn peer_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (peer, machine) in self.machines.others() {
            let name = self.machines.name(*peer);
            let link = self.link_view(*peer);
            let via = self.via(*peer);
            if !via.is_empty() {
                let over: Vec<_> = via.into_iter().map(|peer| self.machines.name(peer)).collect();
                let sentence = format!("{name} is reached over {}", over.join(", "));
                findings.push(Finding {
                    what: format!("machine {name}"),
                    ok: true,
                    sentence,
                    next_step: String::new(),
                });
                continue;
            }
            let forbidden = link.as_ref().filter(|link| link.policy == LinkPolicy::Forbidden);
            if let Some((at, _)) = forbidden.and_then(|link| link.changed) {
                let sentence = format!("{name} is not linked: the link is forbidden on {}", self.machines.name(at));
                let what = format!("machine {name}");
                findings.push(Finding { what, ok: true, sentence, next_step: String::new() });
                continue;
            }
            let (sentence, next_step) = if machine.online {
                let rtt =
                    link.and_then(|link| link.rtt_ms).map(|rtt| format!(", {rtt:.1} ms away")).unwrap_or_default();
                (format!("{name} is linked{rtt}"), String::new())
            } else {
                let why = link.map(|link| link.last_error).filter(|error| !error.is_empty());
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                (
                    format!("{name} is not reachable{why}"),
                    format!("check that {name} is awake, runs gridwell, and that no firewall blocks its port"),
                )
            };
            findings.push(Finding { what: format!("machine {name}"), ok: machine.online, sentence, next_step });
            let ahead = machine.clock_ahead_ms / 1_000;
            if machine.online && ahead.abs() > 60 {
                findings.push(Finding {
                    what: format!("clock of {name}"),
                    ok: false,
                    sentence: format!(
                        "its clock is {} s {} this machine's",
                        ahead.abs(),
                        if ahead > 0 { "ahead of" } else { "behind" }
                    ),
                    next_step: format!("set the clock of {name} or of this machine; invites expire by it"),
                });
            }
        }
        findings
    }
}

/// Whether machines on the same network can find this one.
fn nearby_finding(networks: &[Network]) -> Finding {
    let what = "nearby".to_owned();
    let mut carrying: Vec<&str> =
        networks.iter().filter(|it| it.multicast != Some(false)).map(|it| it.interface.as_str()).collect();
    carrying.dedup();
    if carrying.is_empty() {
        return Finding {
            what,
            ok: false,
            sentence: "no network of this machine carries multicast: machines nearby are not found".into(),
            next_step: "pair by address: gridwell pair code CODE --at HOST:PORT".into(),
        };
    }
    let sentence = format!("machines nearby that show a code are found on {}", carrying.join(", "));
    Finding { what, ok: true, sentence, next_step: String::new() }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn machines_nearby_are_found_where_a_network_carries_multicast() {
        let network = |interface: &str, multicast| Network {
            interface: interface.into(),
            address: IpAddr::from([10, 0, 0, 2]),
            prefix: 24,
            multicast,
        };
        let of = |networks: &[Network]| {
            let Finding { ok, sentence, .. } = nearby_finding(networks);
            (ok, sentence)
        };

        let found = of(&[network("eth0", Some(true)), network("eth0", Some(true)), network("wg0", Some(false))]);
        assert_eq!(found, (true, "machines nearby that show a code are found on eth0".into()));
        assert!(of(&[network("en0", None)]).0, "where nobody can tell, it is tried");
        assert!(!of(&[network("wg0", Some(false))]).0 && !of(&[]).0);
    }
}
