use std::{fmt, fmt::Display};

/// Why a step failed, as users see it.
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
        Self(error.into().to_string())
    }
}

/// Fails the step unless `holds`.
pub(super) fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> StepResult {
    if holds {
        Ok(())
    } else {
        Err(otherwise().into())
    }
}
