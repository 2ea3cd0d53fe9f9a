use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::rt::ReadBufCursor;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    net::TcpStream,
};

use crate::domain::Locked;

/// The server's end of a connection: hyper reads requests and writes good answers, and a fault writes
/// bytes of its own past it.
#[derive(Clone, Debug)]
pub(super) enum Socket {
    Tcp(Arc<TcpStream>),
    Memory(Arc<MemoryEnd>),
}

/// The server's end of a connection in memory.
#[derive(Debug)]
pub(super) struct MemoryEnd {
    stream: Locked<DuplexStream>,
    is_reset: Arc<AtomicBool>,
}

/// A client's connection to a played service in memory, for clients that can be given a stream, such as
/// hyper's.
///
/// Time passes on it as the scenario's does: virtually, unless the scenario is tagged `@wall-clock`.
#[derive(Debug)]
pub struct MemoryStream {
    stream: DuplexStream,
    is_reset: Arc<AtomicBool>,
}

/// The bytes that wait in a connection in memory, each way.
const BUFFER: usize = 64 * 1024;

/// How long a client has to read what precedes a reset.
const UNTIL_READ: Duration = Duration::from_millis(20);

/// The most that is read at once.
const CHUNK: usize = 8 * 1024;

/// A connection in memory.
pub(super) fn memory() -> (Socket, MemoryStream) {
    let (server, client) = tokio::io::duplex(BUFFER);
    let is_reset = Arc::new(AtomicBool::new(false));
    let end = MemoryEnd {
        stream: Locked::new(server),
        is_reset: Arc::clone(&is_reset),
    };
    let client = MemoryStream {
        stream: client,
        is_reset,
    };
    (Socket::Memory(Arc::new(end)), client)
}

impl Socket {
    /// Writes past hyper.
    pub async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match poll_fn(|cx| self.poll_write_some(cx, bytes)).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => bytes = &bytes[written..],
            }
        }
        Ok(())
    }

    /// Makes the end of the connection a reset.
    pub fn reset(&self) {
        match self {
            // A connection that cannot be reset is gone already.
            Self::Tcp(stream) => drop(stream.set_zero_linger()),
            Self::Memory(end) => end.is_reset.store(true, Ordering::Relaxed),
        }
    }

    /// Gives the client time to read: a reset discards what it has not read yet.
    pub async fn until_read(&self) {
        if let Self::Tcp(_) = self {
            tokio::time::sleep(UNTIL_READ).await;
        }
    }

    fn poll_read_some(&self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => loop {
                ready!(stream.poll_read_ready(cx))?;
                match stream.try_read(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return Poll::Ready(read),
                }
            },
            Self::Memory(end) => {
                let mut buffer = ReadBuf::new(bytes);
                ready!(Pin::new(&mut *end.stream.lock()).poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            }
        }
    }

    fn poll_write_some(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => loop {
                ready!(stream.poll_write_ready(cx))?;
                match stream.try_write(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    written => return Poll::Ready(written),
                }
            },
            Self::Memory(end) => Pin::new(&mut *end.stream.lock()).poll_write(cx, bytes),
        }
    }
}

impl hyper::rt::Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; CHUNK];
        let room = buffer.remaining().min(CHUNK);
        let read = ready!(self.poll_read_some(cx, &mut bytes[..room]))?;
        buffer.put_slice(&bytes[..read]);
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_some(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The connection ends when the last owner drops it, with a reset if it is to be one.
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let is_end = buffer.filled().len() == before && buffer.remaining() > 0;
        if is_end && self.is_reset.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl hyper::rt::Read for MemoryStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; CHUNK];
        let room = buffer.remaining().min(CHUNK);
        let mut read = ReadBuf::new(&mut bytes[..room]);
        ready!(AsyncRead::poll_read(self, cx, &mut read))?;
        buffer.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for MemoryStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(self, cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(self, cx)
    }
}
