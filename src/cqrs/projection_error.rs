use std::sync::Arc;

use crate::services::UnknownName;

/// Why a projection cannot be resumed or rebuilt.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProjectionError {
    /// There is none of the name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// It goes on already.
    #[error("the projection {0:?} is not paused")]
    NotPaused(Arc<str>),
    /// It is kept by a service that has nothing to forget all events with.
    #[error("the projection {0:?} cannot be rebuilt: it has no \"reset\"")]
    NoReset(Arc<str>),
}
