use std::{io, net::SocketAddr, sync::Arc};

use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use tokio::net::TcpListener;

use super::door::Door;
use crate::http::Socket;

/// Where the tools are.
const PATH: &str = "/mcp";

type Service = StreamableHttpService<Door, LocalSessionManager>;
type Answer = Response<BoxBody<Bytes, std::convert::Infallible>>;

/// Answers all clients that come to an address of this machine, for ever.
///
/// Pages of other sites that a browser shows can make it send requests here, under a name that resolves to
/// this machine: those are refused by their `Host` and `Origin`.
///
/// # Errors
///
/// If other machines can reach the address, or nobody can listen on it.
pub async fn serve(door: Door, address: SocketAddr) -> io::Result<()> {
    if !address.ip().is_loopback() {
        let message =
            format!("{address} can be reached from other machines, expected 127.0.0.1 or [::1]");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))?;
    super::log_line(&format!(
        "listening on http://{}{PATH}",
        listener.local_addr()?
    ));
    let origins = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];
    let config = StreamableHttpServerConfig::default()
        .with_allowed_origins(origins)
        .enforce_origin_validation();
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(door.clone()), sessions, config);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| answer(service.clone(), request));
            let served = http1::Builder::new()
                .header_read_timeout(None)
                .serve_connection(Socket::Tcp(Arc::new(stream)), answer)
                .await;
            // A client that goes away is no fault.
            if let Err(error) = served
                && error.is_parse()
            {
                super::log_line(&format!("a request is not HTTP: {error}"));
            }
        });
    }
}

async fn answer(service: Service, request: Request<Incoming>) -> io::Result<Answer> {
    match request.uri().path() {
        PATH => Ok(service.handle(request).await),
        other => {
            let text = format!("there is nothing at {other}, the tools are at {PATH}\n");
            let mut response = Response::new(Full::new(Bytes::from(text)).boxed());
            *response.status_mut() = StatusCode::NOT_FOUND;
            Ok(response)
        }
    }
}
