use std::{sync::Arc, time::Duration};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{
    clock::Clock,
    domain::{Failure, Reply, duration_text},
    services::CallResult,
};

/// What a request comes to: an envelope, never a failure.
///
/// In JSON `{ "id", "status": "success" | "error", "data" | "error", "metadata" }`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Response {
    /// The request that it answers.
    pub id: Arc<str>,
    /// The answer.
    #[serde(flatten)]
    pub body: ResponseBody,
    /// What it took.
    pub metadata: ResponseMetadata,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ResponseBody {
    /// The service answered.
    Success {
        /// The reply as it was given, also where it is `false`, `0`, `""`, `null` or empty.
        data: Arc<Value>,
    },
    /// The call failed.
    Error {
        /// Why.
        error: RequestError,
    },
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestError {
    /// The failure's code.
    pub code: Arc<str>,
    /// What went wrong, for people.
    pub message: String,
    /// The field at fault, where the service says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// How many executions there were; refusals are none.
    pub executions: u32,
    /// From the request to its end, waits included.
    #[serde(with = "duration_text")]
    pub response_time: Duration,
}

/// What a request took.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseMetadata {
    /// How many executions there were; on success the last of them, counted from 1.
    pub executions: u32,
    /// From the request to its end, waits included.
    #[serde(with = "duration_text")]
    pub response_time: Duration,
    /// When the answer came; in JSON the time of RFC 3339.
    #[serde(serialize_with = "timestamp")]
    pub timestamp: Duration,
    /// Whether a breaker's declared fallback answered in the service's stead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fallback_used: bool,
}

impl Response {
    /// The answer that a call comes to which was sent at one offset on the clock and ended at another.
    pub(super) fn new(id: Arc<str>, sent: Duration, ended: Duration, result: CallResult) -> Self {
        let response_time = ended.saturating_sub(sent);
        let metadata = |executions, fallback_used| ResponseMetadata {
            executions,
            response_time,
            timestamp: ended,
            fallback_used,
        };
        match result {
            Ok(Reply {
                value,
                fallback_used,
                executions,
            }) => Self {
                id,
                body: ResponseBody::Success { data: value },
                metadata: metadata(executions, fallback_used),
            },
            Err(failure) => Self {
                id,
                metadata: metadata(failure.executions, false),
                body: ResponseBody::Error {
                    error: RequestError::new(*failure, response_time),
                },
            },
        }
    }
}

impl RequestError {
    fn new(failure: Failure, response_time: Duration) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
            field: failure.field,
            executions: failure.executions,
            response_time,
        }
    }
}

/// Serde for an offset on the clock as a timestamp of RFC 3339.
pub(super) fn timestamp<S: Serializer>(
    offset: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Clock::timestamp(*offset))
}

/// As [`timestamp`], of what may not have come yet.
pub(super) fn opt_timestamp<S: Serializer>(
    offset: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match offset {
        Some(offset) => timestamp(offset, serializer),
        None => serializer.serialize_none(),
    }
}
