//! Finding and being found on the same network, by multicast DNS.
//!
//! What is told to the network: that somebody at this address shows a code now, under a random name, and the port. Not the
//! name of the machine, its key or its grid; and nothing at all while no code is shown. Nothing runs meanwhile, either.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use mdns_sd::{IfKind, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};

/// The kind of service. Source: RFC 6763 §7, at most 15 letters.
const SERVICE: &str = "_gridwell._tcp.local.";
/// What is said of it: the version of pairing, so that another one may be left out.
const PROPERTIES: [(&str, &str); 1] = [("v", "1")];
/// How long answers are waited for: machines answer within some tenths of a second, over a lossy radio within two.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most machines told of, and most addresses of each: who sends more only wants to be a nuisance.
const MAX_FOUND: usize = 16;
const MAX_ADDRESSES: usize = 8;
/// Longest name taken from the network, in bytes: ours have 16.
const MAX_NAMEPLATE: usize = 64;

/// Why nobody can be found or told.
#[derive(Debug, thiserror::Error)]
pub enum NearbyError {
    /// This machine listens on no address.
    #[error("this machine listens on no address")]
    NotListening,
    /// Multicast does not work here.
    #[error("machines nearby cannot be found from here: {why}")]
    Multicast {
        /// What the library said.
        why: String,
    },
}

impl From<mdns_sd::Error> for NearbyError {
    fn from(error: mdns_sd::Error) -> Self {
        Self::Multicast { why: error.to_string() }
    }
}

/// A machine that shows a code. Anybody may claim to be one: whoever is found still has to prove that it knows the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The random name under which it is found.
    pub nameplate: String,
    /// Where, `HOST:PORT`.
    pub addresses: Vec<String>,
}

/// This machine can be found while this exists.
pub struct Announced {
    daemon: ServiceDaemon,
    name: String,
}

impl Announced {
    /// Lets this machine be found under a random `nameplate`, on the networks of the addresses it listens on.
    ///
    /// # Errors
    ///
    /// See [`NearbyError`].
    pub fn new(nameplate: &str, listening: &[String]) -> Result<Self, NearbyError> {
        Self::as_service(SERVICE, nameplate, listening)
    }

    fn as_service(service: &str, nameplate: &str, listening: &[String]) -> Result<Self, NearbyError> {
        let (ips, port) = reachable(listening)?;
        let daemon = daemon(&ips)?;
        let mut info = ServiceInfo::new(
            service,
            nameplate,
            &format!("{nameplate}.local."),
            ips.as_slice(),
            port,
            &PROPERTIES[..],
        )?;
        info.set_interfaces(ips.iter().copied().map(IfKind::Addr).collect());
        let name = info.get_fullname().to_owned();
        daemon.register(info)?;
        Ok(Self { daemon, name })
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        // Says goodbye, and then ends; both are wishes that nobody waits for.
        let _ = self.daemon.unregister(&self.name);
        let _ = self.daemon.shutdown();
    }
}

impl std::fmt::Debug for Announced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announced").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Looks for machines that show a code, on the networks of the addresses this machine listens on; takes two seconds.
///
/// # Errors
///
/// See [`NearbyError`].
pub async fn look_nearby(listening: Vec<String>) -> Result<Vec<Found>, NearbyError> {
    let looked = tokio::task::spawn_blocking(move || look(SERVICE, &listening)).await;
    looked.unwrap_or_else(|error| Err(NearbyError::Multicast { why: error.to_string() }))
}

fn look(service: &str, listening: &[String]) -> Result<Vec<Found>, NearbyError> {
    let (ips, _) = reachable(listening)?;
    let daemon = daemon(&ips)?;
    let events = daemon.browse(service)?;
    let until = Instant::now() + PATIENCE;
    let mut found = BTreeMap::new();
    while let Ok(event) = events.recv_deadline(until) {
        match event {
            ServiceEvent::ServiceResolved(resolved) => {
                if let Some(one) = read(&resolved).filter(|_| found.len() < MAX_FOUND) {
                    found.insert(one.nameplate.clone(), one);
                }
            }
            ServiceEvent::ServiceRemoved(_, name) => {
                found.remove(nameplate(service, &name));
            }
            _ => {}
        }
    }
    let _ = daemon.shutdown();
    Ok(found.into_values().collect())
}

/// A daemon that talks on the networks of these addresses and on no other.
fn daemon(ips: &[IpAddr]) -> Result<ServiceDaemon, NearbyError> {
    let daemon = ServiceDaemon::new()?;
    daemon.disable_interface(IfKind::All)?;
    for ip in ips {
        daemon.enable_interface(IfKind::Addr(*ip))?;
    }
    Ok(daemon)
}

/// The addresses at which others reach this machine, and its port. Loopback only counts where there is nothing else.
fn reachable(listening: &[String]) -> Result<(Vec<IpAddr>, u16), NearbyError> {
    let sockets: Vec<SocketAddr> = listening.iter().filter_map(|text| text.parse().ok()).collect();
    let port = sockets.first().ok_or(NearbyError::NotListening)?.port();
    let with_port = sockets.iter().filter(|socket| socket.port() == port).map(SocketAddr::ip);
    let ips: BTreeSet<IpAddr> = with_port.collect();
    let outside: Vec<IpAddr> = ips.iter().copied().filter(|ip| !ip.is_loopback()).collect();
    Ok((if outside.is_empty() { ips.into_iter().collect() } else { outside }, port))
}

fn read(service: &ResolvedService) -> Option<Found> {
    if service.txt_properties.get_property_val_str(PROPERTIES[0].0) != Some(PROPERTIES[0].1) {
        return None;
    }
    let nameplate = nameplate(&service.ty_domain, &service.fullname);
    if nameplate.is_empty() || nameplate.len() > MAX_NAMEPLATE || nameplate.chars().any(char::is_control) {
        return None;
    }
    let ips = service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr).filter(is_plain);
    let mut ips: Vec<IpAddr> = ips.collect();
    ips.sort();
    ips.truncate(MAX_ADDRESSES);
    let addresses: Vec<_> = ips.into_iter().map(|ip| SocketAddr::new(ip, service.port).to_string()).collect();
    (!addresses.is_empty()).then(|| Found { nameplate: nameplate.to_owned(), addresses })
}

/// An address that means the same without naming an interface.
fn is_plain(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_unicast_link_local(),
    }
}

fn nameplate<'a>(service: &str, full: &'a str) -> &'a str {
    full.strip_suffix(service).and_then(|name| name.strip_suffix('.')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(addresses: &[&str]) -> Vec<String> {
        addresses.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_machine_is_found_on_the_networks_on_which_it_listens() {
        let (ips, port) = reachable(&texts(&["127.0.0.1:7766", "10.0.0.5:7766", "10.0.0.6:1"])).unwrap();
        assert_eq!((ips, port), (vec!["10.0.0.5".parse().unwrap()], 7766));
        let (ips, _) = reachable(&texts(&["127.0.0.1:7766"])).unwrap();
        assert_eq!(ips, ["127.0.0.1".parse::<IpAddr>().unwrap()], "one that listens to itself is found by itself");
        assert!(matches!(reachable(&[]), Err(NearbyError::NotListening)));
    }

    #[test]
    fn a_machine_is_found_while_it_wants_to_be() {
        // Not the service of real nodes: tests of those run at the same time on the same loopback.
        const TESTED: &str = "_gridwelltest._tcp.local.";
        let listening = texts(&["127.0.0.1:7766"]);
        let announced = Announced::as_service(TESTED, "b5f0a1c2d3e4f607", &listening).unwrap();
        let found = look(TESTED, &listening).unwrap();
        assert_eq!(found, [Found { nameplate: "b5f0a1c2d3e4f607".to_owned(), addresses: listening.clone() }]);
        drop(announced);
        assert_eq!(look(TESTED, &listening).unwrap(), []);
    }
}
