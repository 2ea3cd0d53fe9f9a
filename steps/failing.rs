use std::{fmt, fmt::Display};

use crate::{
    domain::with_sources,
    harness::World,
    observability::{Event, EventKind},
};

/// Why a step failed, as users see it: the message of the error that it was made from, and of its
/// sources. A step of your own that returns [`StepResult`] shows them too.
pub struct StepError(String);

/// The result of a step.
pub type StepResult = Result<(), StepError>;

impl Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// `StepError` does not implement `Error`, so that every error converts into it.
impl<E: Into<Box<dyn std::error::Error>>> From<E> for StepError {
    fn from(error: E) -> Self {
        Self(with_sources(&*error.into()))
    }
}

/// Fails a step that expects that something did not happen, if nothing could have happened yet.
pub(super) fn something_happened(world: &World) -> StepResult {
    let called = |events: &[Event]| {
        let mut kinds = events.iter().map(|event| &event.kind);
        kinds.any(|kind| {
            matches!(
                kind,
                EventKind::CallStarted { .. } | EventKind::CallRefused { .. }
            )
        })
    };
    let something = world.when_took().is_some() || world.timeline().read(called);
    expect(something, || {
        "nothing has happened yet, so this proves nothing: there is no When before this step"
            .to_owned()
    })
}

/// Fails the step unless `holds`.
pub(super) fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> StepResult {
    if holds {
        Ok(())
    } else {
        Err(otherwise().into())
    }
}
