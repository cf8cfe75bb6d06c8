//! The packet that wakes a machine on this one's own wire.

use std::{io, net::Ipv4Addr};

use gridwell_model::WakePoint;
use tokio::net::UdpSocket;

/// Sends it from the device with the address `from`, to everybody in its subnet.
///
/// # Errors
///
/// What the system says if the packet cannot be sent.
pub async fn send_wake(from: [u8; 4], to: &WakePoint) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::from(from), 0)).await?;
    socket.set_broadcast(true)?;
    let sent = socket.send_to(&to.packet(), (Ipv4Addr::from(to.broadcast()), WakePoint::PORT)).await?;
    if sent == WakePoint::PACKET_BYTES { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}
