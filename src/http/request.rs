use std::{fmt, sync::Arc};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{Request, body::Incoming};
use serde_json::{Map, Value};

/// The most that a body may hold.
pub(super) const MAX_BODY: usize = 16 * 1024 * 1024;

/// Method and path of a request, and the fields of its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub method: String,
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
}

/// A request that no service is called for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub message: String,
}

impl Refusal {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
}

impl Target {
    pub fn of<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        let path = uri.path().trim_start_matches('/');
        let query = uri.query().unwrap_or_default().split('&');
        let field = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decoded(&name.replace('+', " ")),
                decoded(&value.replace('+', " ")),
            )
        };
        Self {
            method: request.method().as_str().to_owned(),
            path: path.split('/').map(decoded).collect(),
            query: query.filter(|pair| !pair.is_empty()).map(field).collect(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} /{}", self.method, self.path.join("/"))
    }
}

/// The value of a header, as text.
pub(super) fn header<'a>(request: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Reads a body.
///
/// # Errors
///
/// If it is too long, or the connection breaks.
pub(super) async fn body(body: Incoming) -> Result<Vec<u8>, Refusal> {
    let body = Limited::new(body, MAX_BODY).collect().await;
    match body {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::new(
            413,
            format!("the body is longer than {} MiB", MAX_BODY >> 20),
        )),
        Err(error) => Err(Refusal::new(
            400,
            format!("the body cannot be read: {error}"),
        )),
    }
}

/// The input of a call: the body, with the fields of path and query.
///
/// # Errors
///
/// If the body is not JSON, or there are fields and it is not an object.
pub(super) fn input(body: &[u8], fields: Vec<(String, String)>) -> Result<Arc<Value>, Refusal> {
    let body = match body.trim_ascii() {
        [] => Value::Object(Map::new()),
        body => serde_json::from_slice(body)
            .map_err(|error| Refusal::new(400, format!("the body is not valid JSON: {error}")))?,
    };
    if fields.is_empty() {
        return Ok(Arc::new(body));
    }
    let Value::Object(mut input) = body else {
        let message = "the body must be an object, which the fields of path and query join";
        return Err(Refusal::new(400, message));
    };
    for (name, text) in fields {
        input.insert(name, text.into());
    }
    Ok(Arc::new(Value::Object(input)))
}

/// The text of a part of a URL; bytes that are not UTF-8 are replaced.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |index: usize| {
        let digit = char::from(*bytes.get(index)?).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        match (bytes[index], digit(index + 1), digit(index + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high << 4 | low);
                index += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn target_is_decoded() {
        let request = Request::builder()
            .method("PUT")
            .uri("/a%2Fb/%zz?c+d=e%20f&g&h=%C3%A4");
        let target = Target::of(&request.body(()).unwrap());
        assert_eq!(target.path, ["a/b", "%zz"]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            target.query,
            [pair("c d", "e f"), pair("g", ""), pair("h", "ä")]
        );
    }

    #[test]
    fn fields_join_the_body_or_are_refused() {
        let fields = || vec![("id".to_owned(), "7".to_owned())];
        assert_eq!(*input(b" ", fields()).unwrap(), json!({"id": "7"}));
        assert_eq!(
            *input(b"{\"a\":1}", fields()).unwrap(),
            json!({"a": 1, "id": "7"})
        );
        assert_eq!(*input(b"[1]", Vec::new()).unwrap(), json!([1]));
        assert!(
            input(b"[1]", fields())
                .unwrap_err()
                .message
                .contains("an object")
        );
        assert!(
            input(b"{", fields())
                .unwrap_err()
                .message
                .contains("not valid JSON")
        );
    }
}
