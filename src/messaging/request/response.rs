use std::{sync::Arc, time::Duration};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{
    clock::Clock,
    domain::{Failure, Reply, duration_text},
    services::CallResult,
};

/// The response to a request, whether it succeeded or failed.
///
/// In JSON `{ "id", "status": "success" | "error", "data" | "error", "metadata" }`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResponseEnvelope {
    /// The request's id.
    pub id: Arc<str>,
    /// The data or the error.
    #[serde(flatten)]
    pub body: ResponseBody,
    /// Executions and times.
    pub metadata: ResponseMetadata,
}

/// The data or the error of a response.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ResponseBody {
    /// The service replied.
    Success {
        /// The unchanged reply, even `false`, `0`, `""`, `null` or empty.
        data: Arc<Value>,
    },
    /// The call failed.
    Error {
        /// The failure.
        error: RequestError,
    },
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestError {
    /// The failure's code.
    pub code: Arc<str>,
    /// A readable message.
    pub message: String,
    /// The invalid field, if the service names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// How many executions there were; refusals do not count.
    pub executions: u32,
    /// From the request to its end, including waits.
    #[serde(with = "duration_text")]
    pub response_time: Duration,
}

/// The executions and times of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseMetadata {
    /// How many executions there were; on success the last of them, counted from 1.
    pub executions: u32,
    /// From the request to its end, including waits.
    #[serde(with = "duration_text")]
    pub response_time: Duration,
    /// When the response came; an RFC 3339 timestamp in JSON.
    #[serde(serialize_with = "timestamp")]
    pub timestamp: Duration,
    /// Whether the breaker's fallback replied instead of the service.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fallback_used: bool,
}

impl ResponseEnvelope {
    /// The response to a call, given when it was sent and when it ended.
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
                ..
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

/// Serialises an offset on the clock as an RFC 3339 timestamp.
pub(super) fn timestamp<S: Serializer>(
    offset: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Clock::timestamp(*offset))
}

/// As [`timestamp`], for an event that may not have happened yet.
pub(super) fn opt_timestamp<S: Serializer>(
    offset: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match offset {
        Some(offset) => timestamp(offset, serializer),
        None => serializer.serialize_none(),
    }
}
