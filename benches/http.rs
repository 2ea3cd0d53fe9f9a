//! What a played service adds to a request over HTTP: beside a bare hyper server with the same answer, in
//! turn, over one kept-alive connection each and with a connection for each request.
//!
//! `cargo bench --bench http`, and with `--profile dev` as `cargo test` builds it. It fails outside its limits.

#[path = "scene/median.rs"]
mod median;

use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    process::ExitCode,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
    rt::ReadBufCursor,
    server::conn::http1,
    service::service_fn,
};
use rehearsal::World;
use tokio::{io::ReadBuf, net::TcpStream};

use self::median::median;

/// Requests of one measurement.
const REQUESTS: u32 = 1_000;
/// Measurements of each kind.
const ROUNDS: usize = 15;
/// Maximum duration of a request to a played service, in requests to the bare server.
const AT_MOST: f64 = 4.0;
/// Requests of one measurement that each have a connection.
const CONNECTIONS: u32 = 200;
/// Listeners of one measurement.
const LISTENERS: u32 = 200;
/// Maximum duration until a service listens, in bare listeners.
const LISTENER_AT_MOST: f64 = 6.0;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(measure())
}

async fn measure() -> ExitCode {
    let (mut bare, mut served) = (Vec::new(), Vec::new());
    let (mut bare_connected, mut connected) = (Vec::new(), Vec::new());
    let (mut bare_listener, mut listener) = (Vec::new(), Vec::new());
    let mut world = World::in_real_time();
    world.cast().add_bare("Payments").expect("a new name");
    let url = world.url("orders", "Payments").expect("a port");
    let address = url
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let mut to_served = connect(address).await;
    let bare_address = bare_server();
    let mut to_bare = connect(bare_address).await;
    for round in 0..ROUNDS {
        bare.push(requests(&mut to_bare, REQUESTS).await);
        served.push(requests(&mut to_served, REQUESTS).await);
        bare_connected.push(connections(bare_address).await);
        connected.push(connections(address).await);
        bare_listener.push(bare_listeners());
        let began = Instant::now();
        for caller in 0..LISTENERS {
            let caller = format!("caller {round} {caller}");
            world.url(&caller, "Payments").expect("a port");
        }
        listener.push(began.elapsed() / LISTENERS);
    }
    let fast = compare("a request", AT_MOST, bare, served);
    let connects = compare(
        "a request with its connection",
        AT_MOST,
        bare_connected,
        connected,
    );
    let binds = compare(
        "until a service listens",
        LISTENER_AT_MOST,
        bare_listener,
        listener,
    );
    ExitCode::from(u8::from(!(fast && connects && binds)))
}

fn compare(what: &str, at_most: f64, bare: Vec<Duration>, own: Vec<Duration>) -> bool {
    let (bare, own) = (median(bare, Ord::cmp), median(own, Ord::cmp));
    let ratio = own.as_secs_f64() / bare.as_secs_f64();
    println!("{what}: bare {bare:?}, played {own:?}: {ratio:.2} times as long (at most {at_most})");
    ratio <= at_most
}

fn bare_listeners() -> Duration {
    let began = Instant::now();
    let listeners: Vec<_> = (0..LISTENERS)
        .map(|_| TcpListener::bind(("127.0.0.1", 0)).expect("a port"))
        .collect();
    let took = began.elapsed() / LISTENERS;
    drop(listeners);
    took
}

/// A server that does nothing but answer.
fn bare_server() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("a socket");
            let answer = service_fn(async |request: Request<Incoming>| {
                request.into_body().collect().await.expect("a body");
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}"))))
            });
            tokio::spawn(
                http1::Builder::new()
                    .header_read_timeout(None)
                    .serve_connection(Io(stream), answer),
            );
        }
    });
    address
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let (sender, connection) = handshake(Io(stream)).await.expect("a connection");
    tokio::spawn(connection);
    sender
}

async fn connections(address: SocketAddr) -> Duration {
    let began = Instant::now();
    for _ in 0..CONNECTIONS {
        let mut sender = connect(address).await;
        requests(&mut sender, 1).await;
    }
    began.elapsed() / CONNECTIONS
}

async fn requests(sender: &mut SendRequest<Full<Bytes>>, count: u32) -> Duration {
    let began = Instant::now();
    for number in 0..count {
        let request = Request::post("/charge")
            .header("host", "x")
            .header("idempotency-key", number.to_string())
            .body(Full::new(Bytes::from_static(
                b"{\"order\":\"o-1\",\"sum\":4200}",
            )));
        let request = request.expect("a request");
        let answer = sender.send_request(request).await.expect("an answer");
        assert!(answer.status().is_success());
        answer.into_body().collect().await.expect("a body");
    }
    began.elapsed() / count
}

/// A stream as hyper reads and writes it.
struct Io(TcpStream);

impl hyper::rt::Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let mut bytes = [0; 8 * 1024];
        let room = buffer.remaining().min(bytes.len());
        let mut read = ReadBuf::new(&mut bytes[..room]);
        ready!(tokio::io::AsyncRead::poll_read(
            Pin::new(&mut self.0),
            cx,
            &mut read
        ))?;
        buffer.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        tokio::io::AsyncWrite::poll_write(Pin::new(&mut self.0), cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        tokio::io::AsyncWrite::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        tokio::io::AsyncWrite::poll_shutdown(Pin::new(&mut self.0), cx)
    }
}
