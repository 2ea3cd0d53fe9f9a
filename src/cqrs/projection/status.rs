use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{domain::Failure, services::UnknownName};

/// Whether a projection is making progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectionStatus {
    /// It applies events as they are stored.
    Running,
    /// It applies all events again, from the first.
    Rebuilding,
    /// It failed too often and waits to be resumed.
    Paused,
}

impl ProjectionStatus {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Running, Self::Rebuilding, Self::Paused];

    /// The table of transitions.
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Running => next != Self::Running,
            Self::Rebuilding => true,
            Self::Paused => next != Self::Paused,
        }
    }

    /// The name used in JSON and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Rebuilding => "rebuilding",
            Self::Paused => "paused",
        }
    }
}

/// An event that a projection could not apply, and will retry or has passed over.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionFailure {
    /// The projection.
    pub projection: Arc<str>,
    /// The position of the event.
    pub position: u64,
    /// The event.
    pub event: Value,
    /// Why the last execution failed.
    pub error: Failure,
    /// When it failed, in RFC 3339.
    pub timestamp: String,
    /// How many retries failed.
    pub retries: u32,
}

/// Why a projection cannot be resumed, rebuilt or helped past an event.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProjectionError {
    /// No projection has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// It is not paused.
    #[error("the projection {0:?} is not paused")]
    NotPaused(Arc<str>),
    /// It could apply every event so far.
    #[error("no event holds the projection {0:?} back, so none can be set aside")]
    NothingFailed(Arc<str>),
    /// The service that receives its events has no operation to reset them.
    #[error("the projection {0:?} cannot be rebuilt: it has no \"reset\"")]
    NoReset(Arc<str>),
}

#[cfg(test)]
mod tests {
    use super::ProjectionStatus::{self, *};

    #[test]
    fn transitions_outside_the_table_are_refused() {
        let allowed = [
            (Running, Rebuilding),
            (Running, Paused),
            (Rebuilding, Running),
            (Rebuilding, Rebuilding),
            (Rebuilding, Paused),
            (Paused, Running),
            (Paused, Rebuilding),
        ];
        for from in ProjectionStatus::ALL {
            for to in ProjectionStatus::ALL {
                assert_eq!(from.can_become(to), allowed.contains(&(from, to)));
            }
        }
    }
}
