use std::{error::Error, io, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, rt};
use serde_json::Value;

use crate::{CallError, Services};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Services over HTTP, on connections that `connect` makes: in production,
/// `|service| async { Ok(TokioIo::new(TcpStream::connect(address(service)).await?)) }`.
pub struct Http<C> {
    connect: C,
}

impl<C> Http<C> {
    /// Services to which `connect` connects by their names.
    pub fn new(connect: C) -> Self {
        Self { connect }
    }
}

impl<C, F, S> Services for Http<C>
where
    C: Fn(&str) -> F + Sync,
    F: Future<Output = io::Result<S>> + Send,
    S: rt::Read + rt::Write + Unpin + Send + 'static,
{
    async fn call(
        &self,
        service: &str,
        operation: &str,
        key: &str,
        input: &Value,
    ) -> Result<Value, CallError> {
        let request = Request::post(format!("/{operation}"))
            .header("host", service)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Full::new(Bytes::from(input.to_string())));
        let exchange = async {
            let stream = (self.connect)(service).await?;
            let (mut sender, connection) = http1::handshake(stream).await?;
            tokio::spawn(connection);
            let answer = sender.send_request(request?).await?;
            let status = answer.status();
            Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        let broken = |error: Box<dyn Error + Send + Sync>| CallError {
            message: error.to_string(),
            is_transient: true,
        };
        let answer = tokio::time::timeout(TIMEOUT, exchange).await;
        let (status, body) = answer
            .unwrap_or_else(|late| Err(late.into()))
            .map_err(broken)?;
        match status.is_success() {
            true => serde_json::from_slice(&body).map_err(|error| broken(error.into())),
            false => Err(CallError {
                message: format!("{service}.{operation} answered {status}"),
                is_transient: status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
            }),
        }
    }
}
