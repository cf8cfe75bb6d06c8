use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use libp2p::swarm::ConnectionId;

/// Handshakes under way from one address: as many machines as stand behind one router and come back at once, and a quarter of
/// all that may be under way, so that one machine that never finishes any keeps nobody else out.
const MAX_PER_ADDRESS: usize = 16;

/// Connections from outside whose handshake is under way, by where they come from.
#[derive(Debug, Default)]
pub(crate) struct Knocking(HashMap<ConnectionId, IpAddr>);

impl Knocking {
    /// One more begins; false if that address has enough under way.
    pub(crate) fn begin(&mut self, connection: ConnectionId, from: IpAddr) -> bool {
        let from = place(from);
        let room = self.0.values().filter(|other| **other == from).count() < MAX_PER_ADDRESS;
        if room {
            self.0.insert(connection, from);
        }
        room
    }

    /// It is made, or has failed.
    pub(crate) fn end(&mut self, connection: ConnectionId) {
        self.0.remove(&connection);
    }
}

/// What one machine cannot change at will: with IPv6 it has a whole network of 64 bits.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    #[test]
    fn one_address_keeps_no_other_out() {
        let mut knocking = Knocking::default();
        let bad: IpAddr = "10.0.0.66".parse().unwrap();
        let begun = (0..100).filter(|number| knocking.begin(id(*number), bad)).count();
        assert_eq!(begun, MAX_PER_ADDRESS);
        assert!(knocking.begin(id(100), "10.0.0.1".parse().unwrap()));
        knocking.end(id(0));
        assert!(knocking.begin(id(101), bad));
        assert!(!knocking.begin(id(102), "::ffff:10.0.0.66".parse().unwrap()), "the same machine, written as IPv6");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_machine() {
        let mut knocking = Knocking::default();
        let begun = (0..100_u128).filter(|number| {
            let address = Ipv6Addr::from_bits(0x2001_0db8_0000_0001 << 64 | *number);
            knocking.begin(id(*number as usize), address.into())
        });
        assert_eq!(begun.count(), MAX_PER_ADDRESS);
        assert!(knocking.begin(id(100), "2001:db8:0:2::1".parse().unwrap()));
    }
}
