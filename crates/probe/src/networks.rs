use std::net::IpAddr;

use sysinfo::Networks;

/// Words with which names of interfaces of virtual private networks begin.
const VPN: [&str; 6] = ["tun", "tap", "wg", "ppp", "tailscale", "utun"];

/// One address of this machine, with the network in which it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// What the system calls the interface.
    pub interface: String,
    /// This machine's address there.
    pub address: IpAddr,
    /// Bits that all addresses of the network share.
    pub prefix: u8,
    /// Whether it carries what is said to all who listen there; unknown where the system does not tell.
    pub multicast: Option<bool>,
}

impl Network {
    /// True if `other` lies in this network.
    #[must_use]
    pub fn holds(&self, other: IpAddr) -> bool {
        let same = |one: u128, other: u128, bits: u32| {
            let rest = bits.saturating_sub(u32::from(self.prefix));
            rest >= bits || one >> rest == other >> rest
        };
        match (self.address, other) {
            (IpAddr::V4(one), IpAddr::V4(other)) => same(one.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }

    /// True if it looks like a virtual private network, by its name.
    #[must_use]
    pub fn is_vpn(&self) -> bool {
        VPN.iter().any(|word| self.interface.starts_with(word))
    }
}

/// The networks of this machine, without the one with itself.
#[must_use]
pub fn networks() -> Vec<Network> {
    let Ok(all) = Networks::new_with_refreshed_list() else { return Vec::new() };
    let addresses = all.iter().flat_map(|(interface, data)| {
        let interface = interface.to_string_lossy().into_owned();
        let multicast = multicast(&interface);
        data.ip_networks().iter().map(move |network| Network {
            interface: interface.clone(),
            address: network.addr,
            prefix: network.prefix,
            multicast,
        })
    });
    let mut found: Vec<_> = addresses.filter(|network| !network.address.is_loopback()).collect();
    found.sort_by(|left, right| (&left.interface, left.address).cmp(&(&right.interface, right.address)));
    found
}

/// Source: `IFF_MULTICAST` of Linux, netdevice(7).
fn multicast(interface: &str) -> Option<bool> {
    const IFF_MULTICAST: u32 = 0x1000;
    if cfg!(not(target_os = "linux")) || interface.contains('/') {
        return None;
    }
    let flags = std::fs::read_to_string(format!("/sys/class/net/{interface}/flags")).ok()?;
    let flags = u32::from_str_radix(flags.trim().strip_prefix("0x")?, 16).ok()?;
    Some(flags & IFF_MULTICAST != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(interface: &str, address: &str, prefix: u8) -> Network {
        Network { interface: interface.into(), address: address.parse().unwrap(), prefix, multicast: None }
    }

    #[test]
    fn a_network_holds_what_shares_its_first_bits() {
        let home = network("eth0", "10.77.1.2", 24);
        for (other, held) in [("10.77.1.200", true), ("10.77.2.2", false), ("fe80::1", false)] {
            assert_eq!(home.holds(other.parse().unwrap()), held, "{other}");
        }
        assert!(network("eth0", "10.0.0.1", 0).holds("8.8.8.8".parse().unwrap()));
        assert!(!network("eth0", "fd00::1", 128).holds("fd00::2".parse().unwrap()));
        assert!(network("wg0", "10.8.0.1", 24).is_vpn() && !home.is_vpn());
    }

    #[test]
    fn the_networks_of_this_machine_are_found_without_its_own() {
        assert!(networks().iter().all(|network| !network.address.is_loopback()));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_an_interface_carries_is_read_where_it_is_told() {
        assert_eq!(multicast("lo"), Some(false), "as Linux sets it up");
        assert_eq!([multicast("no such one"), multicast("../lo")], [None, None]);
    }
}
