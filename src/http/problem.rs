use std::time::Duration;

use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde_json::{Map, Value};

use crate::{domain::Failure, services::status_of};

/// An answer with a JSON body.
pub(super) fn answer(status: u16, body: &Value) -> Response<Full<Bytes>> {
    respond(status, "application/json", body)
}

/// A failure as problem details, as in RFC 9457; `status` is the one that its code names.
pub(super) fn problem(failure: &Failure, status: Option<u16>) -> Response<Full<Bytes>> {
    let status = status.unwrap_or_else(|| status_of(failure));
    let mut body = Map::new();
    body.insert("title".to_owned(), title(status).into());
    body.insert("status".to_owned(), status.into());
    body.insert("code".to_owned(), (*failure.code).into());
    body.insert("detail".to_owned(), failure.message.as_str().into());
    if let Some(field) = &failure.field {
        body.insert("field".to_owned(), field.as_str().into());
    }
    let mut response = respond(status, "application/problem+json", &Value::Object(body));
    if let Some(after) = failure.retry_after {
        let after = HeaderValue::from(whole_seconds(after));
        response.headers_mut().insert(RETRY_AFTER, after);
    }
    response
}

fn respond(status: u16, media_type: &'static str, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

fn title(status: u16) -> &'static str {
    let status = StatusCode::from_u16(status).ok();
    let reason = status.and_then(|status| status.canonical_reason());
    reason.unwrap_or("failed")
}

/// `Retry-After` has whole seconds; a caller that waits them waits long enough.
fn whole_seconds(after: Duration) -> u64 {
    after.as_secs() + u64::from(after.subsec_nanos() > 0)
}
