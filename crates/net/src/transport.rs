mod buffered;
mod muxer;
mod tls;

#[cfg(test)]
use std::sync::Arc;
use std::{io, net::SocketAddr, time::Duration};

#[cfg(test)]
use futures_rustls::rustls::{ClientConfig, ServerConfig};
use libp2p::{
    Swarm, SwarmBuilder, Transport as _,
    core::{ConnectedPoint, transport::ListenerId, upgrade},
    identity::Keypair,
    swarm::NetworkBehaviour,
    tcp,
    tls::certificate::GenError,
};
use libp2p_connection_limits::{self as connection_limits, ConnectionLimits};
use tokio::{net::TcpStream, sync::mpsc};

use crate::{
    address::{quic_address, tcp_address},
    behaviour::Gate,
    config::StartError,
    lane::Door,
};
use muxer::{MAX_STREAMS, Yamux};
use tls::Tls;
pub(crate) use tls::{nobody, peer_of};

/// Handshakes under way at once, each way: a handshake costs about a millisecond of a core.
const MAX_PENDING: u32 = 64;
/// Two connections to one peer exist while both sides dial; the third is for a peer that came back unnoticed.
const MAX_PER_PEER: u32 = 3;
/// Connections altogether; a grid has thousands of peers at most and each links with few of them.
const MAX_CONNECTIONS: u32 = 1_024;
/// A connection without a stream ends after this long.
const IDLE: Duration = Duration::from_secs(10);
/// In flight on one QUIC stream and connection: enough for 1 Gbit/s over 100 ms (network.md §4).
const QUIC_STREAM_BYTES: u32 = 16 << 20;
const QUIC_CONNECTION_BYTES: u32 = 32 << 20;

/// What the swarm runs. The order matters: the gate is asked first.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) gate: Gate,
    limits: connection_limits::Behaviour,
}

/// First byte of a connection that is to be a lane: a TLS record of the handshake. Others begin by naming a protocol, with its
/// length. Source: RFC 8446, section 5.1.
const TLS_HANDSHAKE: u8 = 22;

/// The swarm, and the door for lanes: they are dialled at the ports where it listens.
pub(crate) fn build_swarm(keypair: Keypair) -> Result<(Swarm<Behaviour>, Door), StartError> {
    let certificate = |source: GenError| StartError::Certificate { source: Box::new(source) };
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(MAX_PENDING))
        .with_max_pending_outgoing(Some(MAX_PENDING))
        .with_max_established_per_peer(Some(MAX_PER_PEER))
        .with_max_established(Some(MAX_CONNECTIONS));
    let tls = Tls::new(&keypair).map_err(certificate)?;
    let (client, server) = tls.of_lanes();
    let (door, lanes) = Door::new(client, server);
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_quic_config(|mut config| {
            config.max_stream_data = QUIC_STREAM_BYTES;
            config.max_connection_data = QUIC_CONNECTION_BYTES;
            config.max_concurrent_stream_limit = MAX_STREAMS as u32;
            config
        })
        .with_other_transport(|_| {
            tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
                .and_then(move |socket, point| without_lanes(socket, point, lanes))
                .upgrade(upgrade::Version::V1Lazy)
                .authenticate(tls)
                .multiplex(Yamux)
        })
        .expect("making the transport cannot fail")
        .with_behaviour(|_| Behaviour { gate: Gate::new(), limits: connection_limits::Behaviour::new(limits) })
        .expect("making the behaviour cannot fail")
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE).with_max_negotiating_inbound_streams(32))
        .build();
    Ok((swarm, door))
}

/// What lanes of the machine with this key are dialled with, and let in with.
#[cfg(test)]
pub(crate) fn lane_configs(keypair: &Keypair) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    Tls::new(keypair).expect("a key makes a certificate").of_lanes()
}

/// Hands connections that are to be lanes to whoever makes them.
async fn without_lanes(
    socket: tcp::tokio::TcpStream,
    point: ConnectedPoint,
    lanes: mpsc::Sender<TcpStream>,
) -> io::Result<tcp::tokio::TcpStream> {
    let mut first = [0];
    if point.is_dialer() || socket.0.peek(&mut first).await? == 0 || first != [TLS_HANDSHAKE] {
        return Ok(socket);
    }
    // Where too many wait it is closed: who dialled it does without.
    let _ = lanes.try_send(socket.0);
    Err(io::Error::other("it is to be a lane"))
}

/// Makes sure that nobody else listens there: libp2p would share the port with another process without a word.
pub(crate) fn check_free(socket: SocketAddr) -> Result<(), StartError> {
    let bound = std::net::TcpListener::bind(socket);
    bound.map(drop).map_err(|source| StartError::Listen { address: socket.to_string(), source })
}

/// Listens with TCP.
pub(crate) fn listen_tcp(swarm: &mut Swarm<Behaviour>, socket: SocketAddr) -> Result<ListenerId, StartError> {
    let refuse = |error| StartError::Listen { address: socket.to_string(), source: io::Error::other(error) };
    swarm.listen_on(tcp_address(socket)).map_err(refuse)
}

/// Listens with QUIC beside TCP. A taken UDP port is no reason not to start.
pub(crate) fn listen_quic(swarm: &mut Swarm<Behaviour>, socket: SocketAddr) {
    if let Err(error) = swarm.listen_on(quic_address(socket)) {
        tracing::warn!(%socket, %error, "cannot listen with QUIC; TCP works");
    }
}
