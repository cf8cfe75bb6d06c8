//! A socket that is asked for little and often, and asks the system for much at once.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncWrite, io::BufReader};

/// Read from the system at once; rustls asks for 4 KiB. There is one such room for each connection.
const READ_BYTES: usize = 64 * 1024;
/// Less than this waits for what follows it, until it is flushed: yamux writes the head of each frame by itself.
const SMALL_BYTES: usize = 4 * 1024;

/// Reads ahead, and writes small pieces together with what comes behind them.
#[derive(Debug)]
pub(super) struct Buffered<S> {
    socket: BufReader<S>,
    /// Not written yet.
    held: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Buffered<S> {
    pub(super) fn new(socket: S) -> Self {
        Self { socket: BufReader::with_capacity(READ_BYTES, socket), held: Vec::with_capacity(SMALL_BYTES) }
    }

    fn poll_write_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.held))?;
            self.take_held(written)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Lets go of what was written of what is held; returns how much of `written` was something else.
    fn take_held(&mut self, written: usize) -> io::Result<usize> {
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let of_held = written.min(self.held.len());
        self.held.drain(..of_held);
        Ok(written - of_held)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Buffered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_read(cx, bytes)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Buffered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        if this.held.len() + bytes < SMALL_BYTES {
            pieces.iter().for_each(|piece| this.held.extend_from_slice(piece));
            return Poll::Ready(Ok(bytes));
        }
        loop {
            let all: Vec<_> = std::iter::once(IoSlice::new(&this.held)).chain(pieces.iter().copied()).collect();
            let written = ready!(Pin::new(&mut this.socket).poll_write_vectored(cx, &all))?;
            match this.take_held(written)? {
                0 => {}
                taken => return Poll::Ready(Ok(taken)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write_held(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write_held(cx))?;
        Pin::new(&mut this.socket).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures::{AsyncReadExt as _, AsyncWriteExt as _, io::Cursor};

    use super::*;

    /// Takes at most so many bytes at once, and notes how often it was asked.
    #[derive(Debug, Default)]
    struct Socket {
        written: Vec<u8>,
        most: usize,
        calls: usize,
    }

    impl AsyncRead for Socket {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(0))
        }
    }

    impl AsyncWrite for Socket {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
            let taken = all.len().min(self.most);
            self.calls += 1;
            self.written.extend_from_slice(&all[..taken]);
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_head_goes_with_what_follows_it() {
        let mut buffered = Buffered::new(Socket { most: usize::MAX, ..Socket::default() });
        buffered.write_all(&[1; 12]).await.unwrap();
        buffered.write_all(&[2; 10_000]).await.unwrap();
        buffered.write_all(&[3; 12]).await.unwrap();
        let socket = buffered.socket.get_ref();
        assert_eq!((socket.calls, socket.written.len()), (1, 10_012));

        buffered.flush().await.unwrap();
        let socket = buffered.socket.get_ref();
        assert_eq!((socket.calls, socket.written.len()), (2, 10_024));
    }

    #[tokio::test]
    async fn bytes_keep_their_order_however_few_the_socket_takes() {
        for most in [1, 7, 4_096] {
            let mut buffered = Buffered::new(Socket { most, ..Socket::default() });
            let sent: Vec<u8> = (0..20_000_u32).map(|number| number as u8).collect();
            let mut rest = sent.as_slice();
            for bytes in [5, 4_000, 3, 9_000, 1, 6_991] {
                let (now, later) = rest.split_at(bytes);
                buffered.write_all(now).await.unwrap();
                rest = later;
            }
            buffered.close().await.unwrap();
            assert!(buffered.socket.get_ref().written == sent, "{most} at once");
        }
    }

    #[tokio::test]
    async fn what_came_is_read_to_its_end() {
        let sent: Vec<u8> = (0..200_000_u32).map(|number| number as u8).collect();
        let mut buffered = Buffered::new(Cursor::new(sent.clone()));
        let mut read = Vec::new();
        buffered.read_to_end(&mut read).await.unwrap();
        assert!(read == sent);
    }
}
