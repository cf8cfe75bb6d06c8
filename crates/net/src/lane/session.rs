use std::sync::Arc;

use futures_rustls::rustls::{
    ClientConfig, CommonState, Error, ServerConfig,
    client::UnbufferedClientConnection,
    server::UnbufferedServerConnection,
    unbuffered::{ConnectionState, UnbufferedStatus},
};

use super::buffer::Buffer;
use crate::transport::nobody;

/// What a record takes beside its content, at most. Source: RFC 8446, section 5.2: head, kind, and the seal of the cipher.
const RECORD_EXTRA_BYTES: usize = 5 + 1 + 16;
/// Content of a full record. Source: RFC 8446, section 5.1.
const RECORD_BYTES: usize = 16 * 1024;
/// What may have to be said before content: a change of keys, or an alert.
const SAID_BEFORE_BYTES: usize = 256;

/// Either side of a TLS connection, without room of its own.
pub(super) enum Session {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// What a session did with what came, or wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It has something to do still.
    Again,
    /// It decrypted a record.
    Came,
    /// It is open, waits for more, and has encrypted what was given to it.
    Open,
    /// It waits for the other side's part of the handshake.
    Handshakes,
    /// The other side says no more.
    Over,
}

impl Session {
    pub(super) fn client(config: Arc<ClientConfig>) -> Result<Self, Error> {
        UnbufferedClientConnection::new(config, nobody()).map(Self::Client)
    }

    pub(super) fn server(config: Arc<ServerConfig>) -> Result<Self, Error> {
        UnbufferedServerConnection::new(config).map(Self::Server)
    }

    pub(super) fn state(&self) -> &CommonState {
        match self {
            Self::Client(connection) => connection,
            Self::Server(connection) => connection,
        }
    }

    /// Goes on with what came. What it decrypts goes to `plain`; `bytes` is encrypted into `outgoing` once it is open.
    pub(super) fn step(
        &mut self,
        incoming: &mut Buffer,
        outgoing: &mut Buffer,
        bytes: &[u8],
        plain: impl FnMut(&[u8]),
    ) -> Result<Step, Error> {
        let (discard, step) = match self {
            Self::Client(client) => react(client.process_tls_records(incoming.held_mut()), outgoing, bytes, plain),
            Self::Server(server) => react(server.process_tls_records(incoming.held_mut()), outgoing, bytes, plain),
        }?;
        incoming.take(discard);
        Ok(step)
    }
}

/// Does what the library says is next. Returns how much of what came is done with, too.
fn react<D>(
    status: UnbufferedStatus<'_, '_, D>,
    outgoing: &mut Buffer,
    bytes: &[u8],
    mut plain: impl FnMut(&[u8]),
) -> Result<(usize, Step), Error> {
    let UnbufferedStatus { mut discard, state } = status;
    let step = match state? {
        ConnectionState::ReadTraffic(mut traffic) => {
            while let Some(record) = traffic.next_record() {
                let record = record?;
                discard += record.discard;
                plain(record.payload);
            }
            Step::Came
        }
        ConnectionState::EncodeTlsData(mut data) => {
            // A flight of the handshake, certificate included, is about a kilobyte.
            let written = data.encode(outgoing.room(RECORD_BYTES + RECORD_EXTRA_BYTES)).map_err(other)?;
            outgoing.filled(written);
            Step::Again
        }
        // It is: whatever follows goes behind it.
        ConnectionState::TransmitTlsData(data) => {
            data.done();
            Step::Again
        }
        ConnectionState::WriteTraffic(_) if bytes.is_empty() => Step::Open,
        ConnectionState::WriteTraffic(mut traffic) => {
            let room = outgoing.room(encrypted_bytes(bytes.len()));
            let written = traffic.encrypt(bytes, room).map_err(other)?;
            outgoing.filled(written);
            Step::Open
        }
        ConnectionState::BlockedHandshake => Step::Handshakes,
        ConnectionState::PeerClosed | ConnectionState::Closed => Step::Over,
        state => return Err(Error::General(format!("nothing is done here in the state {state:?}"))),
    };
    Ok((discard, step))
}

/// Most bytes that content takes encrypted.
const fn encrypted_bytes(bytes: usize) -> usize {
    bytes + bytes.div_ceil(RECORD_BYTES) * RECORD_EXTRA_BYTES + SAID_BEFORE_BYTES
}

fn other(error: impl std::error::Error) -> Error {
    Error::General(error.to_string())
}
