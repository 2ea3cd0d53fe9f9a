use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a service is healthy, as far as its caller can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It answers.
    Healthy,
    /// It fails, or its breaker is open.
    Unhealthy,
    /// The service does not exist, or has no operation to probe it by.
    Unknown,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "of unknown health",
        })
    }
}
