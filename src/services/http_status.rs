//! Failures as statuses of HTTP, and the other way round.

use std::time::Duration;

use serde_json::Value;

#[cfg(feature = "http")]
use crate::domain::FailureMode as M;
use crate::domain::{Failure, check_code, code};

/// The status that tells a failure, where its code names none.
#[cfg(feature = "http")]
pub fn status_of(failure: &Failure) -> u16 {
    match &*failure.code {
        "UNAUTHENTICATED" => 401,
        code::CONCURRENT_MODIFICATION => 409,
        code if code.ends_with("NOT_FOUND") => 404,
        _ => match failure.mode {
            M::AgentValidation | M::UserInvalidInput => 422,
            M::UserPermission | M::PolicySecurity | M::PolicyAllowlist => 403,
            M::AgentState | M::UserCancelled => 409,
            M::PolicyRateLimit | M::PolicyBudget | M::ResourceQuota => 429,
            M::ResourceApi | M::ResourceCircuit | M::ResourceTool => 503,
            M::SystemNetwork | M::AgentContract => 502,
            M::SystemTimeout | M::AgentTimeout => 504,
            M::SystemDisk => 507,
            _ => 500,
        },
    }
}

/// The failure that a status other than of success tells, with its body: problem details whose `code`
/// is in UPPER_SNAKE case say which, as in RFC 9457; other services say why in a field of another name.
pub fn failure_of(status: u16, body: &Value, retry_after: Option<Duration>) -> Failure {
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    let own = text("code").filter(|code| check_code(code).is_ok());
    let code = match (own, status) {
        (Some(code), _) => code,
        (_, 400 | 413 | 415 | 422) => code::VALIDATION_FAILED,
        (_, 401) => "UNAUTHENTICATED",
        (_, 403) => "PERMISSION_DENIED",
        (_, 404 | 410) => "RESOURCE_NOT_FOUND",
        (_, 408 | 504) => code::NETWORK_TIMEOUT,
        (_, 409 | 412) => code::CONCURRENT_MODIFICATION,
        (_, 429) => code::RATE_LIMITED,
        (_, 502 | 503) => code::SERVICE_UNAVAILABLE,
        _ => &format!("HTTP_{status}"),
    };
    let message = ["detail", "title", "message", "error"]
        .into_iter()
        .find_map(text);
    let message = message.map_or_else(|| format!("status {status}"), str::to_owned);
    let mut failure = Failure::new(code, message);
    if let Some(field) = text("field") {
        failure = failure.field(field);
    }
    failure.retry_after = retry_after;
    failure
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[cfg(feature = "http")]
    #[test]
    fn known_codes_survive_the_way_over_http() {
        for (known, ..) in code::KNOWN {
            let failure = Failure::new(known, "no");
            let status = status_of(&failure);
            let body = json!({"code": known, "detail": "no", "field": "/a"});
            let read = failure_of(status, &body, None);
            assert_eq!((&*read.code, &*read.message), (*known, "no"));
            assert_eq!(
                (read.mode, read.retryable),
                (failure.mode, failure.retryable)
            );
            assert!((400..600).contains(&status), "{known}: {status}");
        }
    }

    #[test]
    fn reason_of_a_failure_is_read_whatever_its_field_is_called() {
        for field in ["detail", "title", "message", "error"] {
            let failure = failure_of(400, &json!({ field: "no key here" }), None);
            assert_eq!(&*failure.message, "no key here", "{field}");
        }
    }

    #[test]
    fn status_without_a_code_has_the_code_that_it_means() {
        for (status, expected, retryable) in [
            (422, "VALIDATION_FAILED", false),
            (404, "RESOURCE_NOT_FOUND", false),
            (429, "RATE_LIMITED", true),
            (503, "SERVICE_UNAVAILABLE", true),
            (504, "NETWORK_TIMEOUT", true),
            (500, "HTTP_500", false),
            (418, "HTTP_418", false),
        ] {
            let failure = failure_of(status, &json!("<html>"), None);
            assert_eq!((&*failure.code, failure.retryable), (expected, retryable));
            assert_eq!(&*failure.message, format!("status {status}"));
        }
    }
}
