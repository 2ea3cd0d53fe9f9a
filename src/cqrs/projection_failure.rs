use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::domain::Failure;

/// An event that a projection could not apply, and tries again.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionFailure {
    /// The projection.
    pub projection: Arc<str>,
    /// The position of the event.
    pub position: u64,
    /// The event.
    pub event: Value,
    /// Why it could not be applied the last time.
    pub error: Failure,
    /// When that was, in RFC 3339.
    pub timestamp: String,
    /// How often it was tried again.
    pub retries: u32,
}
