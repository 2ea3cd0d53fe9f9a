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

use hyper::{body::Bytes, rt::ReadBufCursor};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::mpsc,
};

use crate::domain::Locked;

/// The server's end of a connection: hyper reads requests and writes good answers, and a fault writes
/// bytes of its own past it.
#[derive(Clone, Debug)]
pub(crate) enum Socket {
    Tcp(Arc<TcpStream>),
    Memory(Arc<MemoryEnd>),
}

/// The server's end of a connection in memory.
#[derive(Debug)]
pub(crate) struct MemoryEnd {
    pipe: Locked<Pipe>,
    is_reset: Arc<AtomicBool>,
}

/// A client's connection to a played service in memory, for clients that can be given a stream, such as
/// hyper's.
///
/// Time passes on it as the scenario's does: virtually, unless the scenario is tagged `@wall-clock`.
#[derive(Debug)]
pub struct MemoryStream {
    pipe: Pipe,
    is_reset: Arc<AtomicBool>,
}

/// One end of a connection in memory. (Tokio's own would have every user build `tokio/io-util`.)
#[derive(Debug)]
struct Pipe {
    incoming: mpsc::UnboundedReceiver<Bytes>,
    /// What has come and is not read yet.
    unread: Bytes,
    /// None when this end writes no more.
    outgoing: Option<mpsc::UnboundedSender<Bytes>>,
}

/// How long a client has to read what precedes a reset.
const UNTIL_READ: Duration = Duration::from_millis(20);

/// The most that is read at once.
const CHUNK: usize = 8 * 1024;

/// A connection in memory.
pub(super) fn memory() -> (Socket, MemoryStream) {
    let (to_client, from_server) = mpsc::unbounded_channel();
    let (to_server, from_client) = mpsc::unbounded_channel();
    let is_reset = Arc::new(AtomicBool::new(false));
    let end = MemoryEnd {
        pipe: Locked::new(Pipe::new(from_client, to_client)),
        is_reset: Arc::clone(&is_reset),
    };
    let client = MemoryStream {
        pipe: Pipe::new(from_server, to_server),
        is_reset,
    };
    (Socket::Memory(Arc::new(end)), client)
}

impl Pipe {
    fn new(
        incoming: mpsc::UnboundedReceiver<Bytes>,
        outgoing: mpsc::UnboundedSender<Bytes>,
    ) -> Self {
        Self {
            incoming,
            unread: Bytes::new(),
            outgoing: Some(outgoing),
        }
    }

    /// How many bytes were read: none at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<usize> {
        if self.unread.is_empty() {
            self.unread = ready!(self.incoming.poll_recv(cx)).unwrap_or_default();
        }
        let read = self.unread.split_to(self.unread.len().min(bytes.len()));
        bytes[..read.len()].copy_from_slice(&read);
        Poll::Ready(read.len())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            // The reader would take it for the end.
            return Ok(0);
        }
        let sent = self
            .outgoing
            .as_ref()
            .is_some_and(|outgoing| outgoing.send(Bytes::copy_from_slice(bytes)).is_ok());
        match sent {
            true => Ok(bytes.len()),
            false => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
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
            Self::Memory(end) => end.pipe.lock().poll_read(cx, bytes).map(Ok),
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
            Self::Memory(end) => Poll::Ready(end.pipe.lock().write(bytes)),
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

impl MemoryStream {
    fn poll_read_some(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = ready!(self.pipe.poll_read(cx, bytes));
        let is_end = read == 0 && !bytes.is_empty();
        Poll::Ready(match is_end && self.is_reset.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(read),
        })
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(self.poll_read_some(cx, buffer.initialize_unfilled()))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.pipe.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe.outgoing = None;
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Read for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
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
