use std::net::SocketAddr;

use libp2p::{Multiaddr, multiaddr::Protocol};

/// Why a text is not an address.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Neither `HOST:PORT` nor a multiaddress with `ip4`/`ip6` and `tcp` or `udp/…/quic-v1`.
    #[error("'{text}' is not an address (try HOST:PORT)")]
    Malformed {
        /// As given.
        text: String,
    },
    /// The host name has no address.
    #[error("the name in '{text}' was not found: {source}")]
    Unresolved {
        /// As given.
        text: String,
        /// What the resolver said.
        source: std::io::Error,
    },
}

/// One address this peer listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// `HOST:PORT`, for people.
    pub host_port: String,
    /// The same as a multiaddress, for peers.
    pub multiaddr: String,
    /// True for QUIC, false for TCP.
    pub quic: bool,
}

impl ListenAddress {
    pub(crate) fn of(address: &Multiaddr) -> Option<Self> {
        let (socket, quic) = socket_of(address)?;
        Some(Self { host_port: socket.to_string(), multiaddr: address.to_string(), quic })
    }
}

/// The addresses that `text` names, TCP unless it says QUIC; host names are looked up.
pub(crate) async fn resolve(text: &str) -> Result<Vec<Multiaddr>, AddressError> {
    let malformed = || AddressError::Malformed { text: text.chars().take(200).collect() };
    if text.starts_with('/') {
        let address: Multiaddr = text.parse().map_err(|_| malformed())?;
        let (socket, quic) = socket_of(&address).ok_or_else(malformed)?;
        return Ok(vec![if quic { quic_address(socket) } else { tcp_address(socket) }]);
    }
    if let Ok(socket) = text.parse() {
        return Ok(vec![tcp_address(socket)]);
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
    if host.is_empty() || port.parse::<u16>().is_err() {
        return Err(malformed());
    }
    let found = tokio::net::lookup_host(text).await;
    let found = found.map_err(|source| AddressError::Unresolved { text: text.chars().take(200).collect(), source })?;
    Ok(found.map(tcp_address).collect())
}

pub(crate) fn tcp_address(socket: SocketAddr) -> Multiaddr {
    Multiaddr::from(socket.ip()).with(Protocol::Tcp(socket.port()))
}

pub(crate) fn quic_address(socket: SocketAddr) -> Multiaddr {
    Multiaddr::from(socket.ip()).with(Protocol::Udp(socket.port())).with(Protocol::QuicV1)
}

/// The socket that a multiaddress names, and whether it speaks QUIC.
pub(crate) fn socket_of(address: &Multiaddr) -> Option<(SocketAddr, bool)> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some((SocketAddr::new(ip, port), false)),
        Protocol::Udp(port) => (parts.next()? == Protocol::QuicV1).then_some((SocketAddr::new(ip, port), true)),
        _ => None,
    }
}

/// The address for people: `HOST:PORT` where it can be said so.
pub(crate) fn for_people(address: &Multiaddr) -> String {
    socket_of(address).map_or_else(|| address.to_string(), |(socket, _)| socket.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_read_in_both_forms() {
        let plain = resolve("127.0.0.1:4001").await.unwrap();
        assert_eq!(plain[0].to_string(), "/ip4/127.0.0.1/tcp/4001");
        let six = resolve("[::1]:4001").await.unwrap();
        assert_eq!(six[0].to_string(), "/ip6/::1/tcp/4001");
        let quic = resolve("/ip4/10.0.0.1/udp/9/quic-v1").await.unwrap();
        assert_eq!(ListenAddress::of(&quic[0]).unwrap().host_port, "10.0.0.1:9");
        let with_peer = "/ip4/10.0.0.1/tcp/9/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
        assert_eq!(resolve(with_peer).await.unwrap()[0].to_string(), "/ip4/10.0.0.1/tcp/9");
    }

    #[tokio::test]
    async fn nonsense_is_refused() {
        for text in ["", "host", ":1", "host:port", "/ip4/1.2.3.4", "/dns4/x/tcp/1", "host:99999"] {
            assert!(matches!(resolve(text).await, Err(AddressError::Malformed { .. })), "{text}");
        }
    }
}
