mod buffered;
mod muxer;
mod tls;

use std::{io, net::SocketAddr, time::Duration};

use libp2p::{
    Swarm, SwarmBuilder, core::transport::ListenerId, identity::Keypair, swarm::NetworkBehaviour, tcp,
    tls::certificate::GenError,
};
use libp2p_connection_limits::{self as connection_limits, ConnectionLimits};

use crate::{
    address::{quic_address, tcp_address},
    behaviour::Gate,
    config::StartError,
};
use muxer::{MAX_STREAMS, Yamux};
use tls::Tls;

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

pub(crate) fn build_swarm(keypair: Keypair) -> Result<Swarm<Behaviour>, StartError> {
    let certificate = |source: GenError| StartError::Certificate { source: Box::new(source) };
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(MAX_PENDING))
        .with_max_pending_outgoing(Some(MAX_PENDING))
        .with_max_established_per_peer(Some(MAX_PER_PEER))
        .with_max_established(Some(MAX_CONNECTIONS));
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), Tls::new, || Yamux)
        .map_err(certificate)?
        .with_quic_config(|mut config| {
            config.max_stream_data = QUIC_STREAM_BYTES;
            config.max_connection_data = QUIC_CONNECTION_BYTES;
            config.max_concurrent_stream_limit = MAX_STREAMS as u32;
            config
        })
        .with_behaviour(|_| Behaviour { gate: Gate::new(), limits: connection_limits::Behaviour::new(limits) })
        .expect("making the behaviour cannot fail")
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE).with_max_negotiating_inbound_streams(32))
        .build();
    Ok(swarm)
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
