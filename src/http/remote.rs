use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER},
};
use serde_json::{Map, Value};
use tokio::net::TcpStream;

use super::{request::MAX_BODY, socket::Socket};
use crate::{
    domain::{Call, Failure, Reply, code},
    services::{CallResult, HttpRoute, Service, ServiceDefinition, failure_of},
};

/// A real service, somewhere, that is called over HTTP.
#[derive(Debug)]
pub struct HttpService {
    name: Arc<str>,
    /// Its operations and their routes, if they are known.
    definition: Option<Arc<ServiceDefinition>>,
    authority: String,
    /// What precedes every path.
    base: String,
}

/// Why a text is not the address of a service.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not the address of a service, expected such as \"http://127.0.0.1:8080\" ({1})")]
pub struct UrlError(String, &'static str);

impl HttpService {
    /// The service at an address, `http://HOST:PORT`, perhaps with a path that precedes all others.
    ///
    /// # Errors
    ///
    /// If the address is not of that form.
    pub fn new(
        name: &str,
        url: &str,
        definition: Option<Arc<ServiceDefinition>>,
    ) -> Result<Self, UrlError> {
        let refused = |why| UrlError(url.to_owned(), why);
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| refused("only HTTP in clear is spoken"))?;
        let (authority, base) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        if host.is_empty() || authority.contains(['@', '?', '#', ' ']) {
            return Err(refused("it has no host"));
        }
        if port.parse::<u16>().is_err() {
            return Err(refused("its port is not a number"));
        }
        let base = base.trim_end_matches('/');
        Ok(Self {
            name: name.into(),
            definition,
            authority: format!("{host}:{port}"),
            base: match base {
                "" => String::new(),
                base => format!("/{base}"),
            },
        })
    }

    async fn exchange(&self, call: &Call) -> Result<(u16, Option<Duration>, Bytes), Box<Failure>> {
        let request = self.request(call)?;
        let stream = TcpStream::connect(&self.authority).await.map_err(|error| {
            let message = format!("no connection to {}: {error}", self.authority);
            Box::new(Failure::new("CONNECTION_REFUSED", message))
        })?;
        let (response, _connection) = answer(stream, request).await.map_err(|e| broken(&e))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after
            .and_then(|after| after.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => broken(&error),
            Err(error) => unreadable(format!("the answer's body cannot be read: {error}")),
        })?;
        Ok((status, retry_after, body.to_bytes()))
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, Box<Failure>> {
        let operation = call.name().operation();
        let own = self
            .definition
            .as_ref()
            .and_then(|it| it.operation(operation));
        let own = own.and_then(|own| own.http.clone());
        let route = own.unwrap_or_else(|| HttpRoute::default_of(operation));
        let (path, body) = match &*call.input {
            Value::Object(input) => {
                let mut input = input.clone();
                let path = route.path(&mut input).map_err(|field| {
                    let message = format!("the route {route} needs text or a number in {field:?}");
                    Box::new(
                        Failure::new(code::VALIDATION_FAILED, message).field(format!("/{field}")),
                    )
                })?;
                (path, Value::Object(input))
            }
            other => {
                let path = route.path(&mut Map::new());
                let message = || format!("the route {route} needs an object as input");
                let path =
                    path.map_err(|_| Box::new(Failure::new(code::VALIDATION_FAILED, message())))?;
                (path, other.clone())
            }
        };
        let mut request = Request::builder()
            .method(route.method.as_str())
            .uri(format!("{}{}", self.base, encoded(&path)))
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/json");
        if let Some(key) = &call.key {
            let header = self
                .definition
                .as_ref()
                .and_then(|it| it.key_header.as_deref());
            request = request.header(header.unwrap_or("idempotency-key"), key.to_string());
        }
        let security = call.context().security.as_deref();
        if let Some(credential) = security.and_then(|it| it.credential.as_ref()) {
            request = request.header(AUTHORIZATION, format!("Bearer {}", credential.secret()));
        }
        if let Some(trace) = &call.context().traceparent {
            request = request.header("traceparent", &**trace);
        }
        let body = match route.method.as_str() {
            "GET" | "DELETE" if body == Value::Object(Map::new()) => Bytes::new(),
            _ => Bytes::from(body.to_string()),
        };
        let request = request.body(Full::new(body));
        request.map_err(|error| Box::new(Failure::new(code::VALIDATION_FAILED, error.to_string())))
    }
}

/// The status of a GET at an address, if there is an answer.
pub async fn status_of_get(address: SocketAddr, path: &str) -> Option<u16> {
    let stream = TcpStream::connect(address).await.ok()?;
    let request = Request::get(path).header(HOST, address.to_string());
    let request = request.body(Full::new(Bytes::new())).ok()?;
    let (response, _) = answer(stream, request).await.ok()?;
    Some(response.status().as_u16())
}

/// The answer to a request, and the connection on which its body still comes.
async fn answer(
    stream: TcpStream,
    request: Request<Full<Bytes>>,
) -> hyper::Result<(Response<Incoming>, EndsWithCall)> {
    let (mut sender, connection) = http1::handshake(Socket::Tcp(Arc::new(stream))).await?;
    let connection = EndsWithCall(tokio::spawn(connection).abort_handle());
    Ok((sender.send_request(request).await?, connection))
}

/// Ends a connection when its call is over, or dropped.
struct EndsWithCall(tokio::task::AbortHandle);

impl Drop for EndsWithCall {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn broken(error: &hyper::Error) -> Box<Failure> {
    match error.is_parse() {
        true => unreadable(format!("the answer is not HTTP: {error}")),
        false => Box::new(Failure::new(
            code::CONNECTION_RESET,
            format!("the connection broke before the whole answer had come: {error}"),
        )),
    }
}

/// The service may have acted, but what it says cannot be trusted.
fn unreadable(message: String) -> Box<Failure> {
    let mut failure = Failure::new(code::CONTRACT_VIOLATION, message);
    failure.in_doubt = true;
    Box::new(failure)
}

/// A path whose characters all may stand in a request.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[async_trait]
impl Service for HttpService {
    fn name(&self) -> &str {
        &self.name
    }

    fn definition(&self) -> Option<&ServiceDefinition> {
        self.definition.as_deref()
    }

    fn latency(&self, _: &str) -> Duration {
        // It takes the time that it takes.
        Duration::ZERO
    }

    async fn call(&self, call: &Call) -> CallResult {
        let (status, retry_after, body) = self.exchange(call).await?;
        let body = match body.trim_ascii() {
            [] => Some(Value::Object(Map::new())),
            body => serde_json::from_slice(body).ok(),
        };
        match (status, body) {
            (200..300, Some(body)) => Ok(Reply::new(body)),
            (200..300, None) => {
                let message = format!("status {status} with a body that is not JSON");
                Err(unreadable(message))
            }
            (status, body) => {
                let body = body.unwrap_or_default();
                Err(Box::new(failure_of(status, &body, retry_after)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_a_host_and_a_port() {
        let service = |url| HttpService::new("S", url, None);
        let own = service("http://localhost:8080/api/").unwrap();
        assert_eq!((&*own.authority, &*own.base), ("localhost:8080", "/api"));
        assert_eq!(service("http://shop").unwrap().authority, "shop:80");
        for url in ["https://a", "a:80", "http://", "http://a:b", "http://u@a:1"] {
            assert!(service(url).is_err(), "{url}");
        }
    }
}
