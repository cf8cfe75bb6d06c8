use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_rustls::rustls::{ClientConfig, ServerConfig};
use gridwell_model::PeerId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    buffer::Buffer,
    session::{Session, Step},
};
use crate::{keys, transport::peer_of};

/// Encrypted and handed to the system at once.
const WRITE_BYTES: usize = 128 * 1024;
/// Least and most that is taken from the system at once: who only reads requests needs little room.
const LEAST_READ_BYTES: usize = 20 * 1024;
const MOST_READ_BYTES: usize = 256 * 1024;

/// Bytes in TLS records over a socket.
pub(super) struct Records<S> {
    socket: S,
    session: Session,
    /// What came and is not decrypted yet.
    incoming: Buffer,
    /// Taken from the system at once; more where it gives as much.
    read_bytes: usize,
    /// What is encrypted and not sent yet.
    outgoing: Buffer,
    /// The end of a record for which its reader had no room.
    plain: Buffer,
    /// True once the other side said that nothing more comes.
    over: bool,
}

impl<S> fmt::Debug for Records<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Records<S> {
    /// Begins as the side that dialled. Returns who answered, as its certificate proves.
    pub(super) async fn dial(socket: S, config: Arc<ClientConfig>) -> io::Result<(PeerId, Self)> {
        Self::begin(socket, Session::client(config).map_err(invalid)?).await
    }

    /// Begins as the side that was dialled. Returns who did that, as its certificate proves.
    pub(super) async fn accept(socket: S, config: Arc<ServerConfig>) -> io::Result<(PeerId, Self)> {
        Self::begin(socket, Session::server(config).map_err(invalid)?).await
    }

    async fn begin(socket: S, session: Session) -> io::Result<(PeerId, Self)> {
        let mut records = Self {
            socket,
            session,
            incoming: Buffer::default(),
            read_bytes: LEAST_READ_BYTES,
            outgoing: Buffer::default(),
            plain: Buffer::default(),
            over: false,
        };
        poll_fn(|cx| records.poll_handshake(cx)).await?;
        let peer = peer_of(records.session.state()).map_err(invalid)?;
        let peer = keys::from_libp2p(peer).ok_or_else(|| invalid("its key is not an Ed25519 one"))?;
        Ok((peer, records))
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let Self { session, incoming, outgoing, plain, .. } = self;
            match session.step(incoming, outgoing, &[], |bytes| plain.extend(bytes)).map_err(invalid)? {
                Step::Again => {}
                Step::Open | Step::Came => return self.poll_send(cx),
                Step::Handshakes => {
                    ready!(self.poll_send(cx))?;
                    if ready!(self.poll_fill(cx))? == 0 {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                }
                Step::Over => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            }
        }
    }

    /// Takes what the system has; 0 at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let room = self.incoming.room(self.read_bytes);
        let most = room.len();
        let mut room = ReadBuf::new(room);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut room))?;
        let came = room.filled().len();
        self.incoming.filled(came);
        if came == most {
            self.read_bytes = MOST_READ_BYTES.min(2 * self.read_bytes);
        }
        Poll::Ready(Ok(came))
    }

    /// Sends all that is encrypted.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_write(cx, self.outgoing.held()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.outgoing.take(sent),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Decrypts what is here of the next records into `into`, as far as there is room. True if something of what is here may be left.
    fn decrypt(&mut self, into: &mut ReadBuf<'_>) -> io::Result<bool> {
        let Self { session, incoming, outgoing, plain, .. } = self;
        let step = session.step(incoming, outgoing, &[], |bytes| {
            let (now, later) = bytes.split_at(bytes.len().min(into.remaining()));
            into.put_slice(now);
            plain.extend(later);
        });
        match step.map_err(invalid)? {
            Step::Came | Step::Again => Ok(true),
            Step::Open | Step::Handshakes => Ok(false),
            Step::Over => {
                self.over = true;
                Ok(false)
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Records<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (this, before) = (self.get_mut(), buf.filled().len());
        loop {
            let now = this.plain.held().len().min(buf.remaining());
            buf.put_slice(&this.plain.held()[..now]);
            this.plain.take(now);
            while buf.remaining() > 0 && !this.over && this.decrypt(buf)? {}
            if buf.filled().len() > before || buf.remaining() == 0 || this.over {
                return Poll::Ready(Ok(()));
            }
            if ready!(this.poll_fill(cx))? == 0 {
                this.over = true;
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Records<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        let bytes = &bytes[..bytes.len().min(WRITE_BYTES)];
        loop {
            let Self { session, incoming, outgoing, plain, .. } = this;
            match session.step(incoming, outgoing, bytes, |bytes| plain.extend(bytes)).map_err(invalid)? {
                Step::Open => break,
                Step::Came | Step::Again => {}
                Step::Handshakes | Step::Over => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        // What does not go now goes before what follows, or when it is flushed.
        match this.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;
    use crate::transport::lane_configs;

    type End = Records<DuplexStream>;

    /// Both ends of a connection over which at most `most` bytes are under way.
    async fn ends(most: usize) -> (End, End) {
        let (one, other) = duplex(most);
        let ((client, _), (_, server)) = (lane_configs(&keys::keypair([1; 32])), lane_configs(&keys::keypair([2; 32])));
        let (dialled, accepted) = tokio::join!(End::dial(one, client), End::accept(other, server));
        let ((there, dialled), (here, accepted)) = (dialled.unwrap(), accepted.unwrap());
        let peer = |seed| keys::from_libp2p(keys::keypair([seed; 32]).public().to_peer_id()).unwrap();
        assert_eq!((here, there), (peer(1), peer(2)), "each end learns whose key the other has");
        (dialled, accepted)
    }

    fn content(bytes: usize) -> Vec<u8> {
        (0..bytes as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    #[tokio::test]
    async fn bytes_come_as_they_were_sent_however_they_are_cut() {
        for (most, piece) in [(100, 7), (5_000, 40_000), (1 << 20, 3 << 20)] {
            let (mut one, mut other) = ends(most).await;
            let sent = content(3_000_001);
            let send = async {
                for piece in sent.chunks(piece) {
                    one.write_all(piece).await.unwrap();
                }
                one.flush().await.unwrap();
                one
            };
            let read = async {
                let (mut came, mut sizes) = (Vec::new(), [1, 70_000, 64, 16_384].into_iter().cycle());
                while came.len() < sent.len() {
                    let mut room = vec![0; sizes.next().unwrap()];
                    let read = other.read(&mut room).await.unwrap();
                    assert!(read > 0, "it ended after {}", came.len());
                    came.extend_from_slice(&room[..read]);
                }
                came
            };
            let (_open, came) = tokio::join!(send, read);
            assert!(came == sent, "{most} bytes under way, {piece} at once");
        }
    }

    #[tokio::test]
    async fn requests_and_answers_take_turns() {
        let (mut one, mut other) = ends(1_000).await;
        for round in 0..100_u32 {
            let answer = async {
                let asked = other.read_u32().await.unwrap();
                other.write_all(&content(asked as usize * 100)).await.unwrap();
                other.flush().await.unwrap();
            };
            let ask = async {
                one.write_u32(round).await.unwrap();
                one.flush().await.unwrap();
                let mut came = vec![0; round as usize * 100];
                one.read_exact(&mut came).await.unwrap();
                came
            };
            let ((), came) = tokio::join!(answer, ask);
            assert!(came == content(came.len()), "round {round}");
        }
    }

    #[tokio::test]
    async fn what_is_changed_on_the_way_is_an_error_and_an_end_is_an_end() {
        let (mut one, mut other) = ends(1 << 20).await;
        one.write_all(&content(50_000)).await.unwrap();
        one.flush().await.unwrap();
        // A record that nobody who knows the keys has made.
        one.socket.write_all(&[23, 3, 3, 0, 40]).await.unwrap();
        one.socket.write_all(&[7; 40]).await.unwrap();
        let mut came = vec![0; 50_000];
        other.read_exact(&mut came).await.unwrap();
        assert!(came == content(50_000));
        assert_eq!(other.read(&mut came).await.unwrap_err().kind(), io::ErrorKind::InvalidData);

        let (mut one, mut other) = ends(1 << 20).await;
        one.write_all(b"last").await.unwrap();
        one.shutdown().await.unwrap();
        assert_eq!(other.read(&mut came).await.unwrap(), 4);
        assert_eq!(other.read(&mut came).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn who_does_not_speak_tls_is_not_let_in() {
        let (_, server) = lane_configs(&keys::keypair([2; 32]));
        let (mut one, other) = duplex(1 << 16);
        one.write_all(&[22; 3_000]).await.unwrap();
        drop(one);
        assert!(End::accept(other, server).await.is_err());
    }
}
