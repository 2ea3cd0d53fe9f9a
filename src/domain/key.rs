use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer};

/// The idempotency key of a call.
///
/// A service acts once per key. An undo has the key of what it undoes, but is remembered separately:
/// it is not a repetition, and an effect that arrives after its undo can be recognised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Do it, once.
    Do(Arc<str>),
    /// Undo what [`Key::Do`] of the same text did or may still do.
    Undo(Arc<str>),
}

impl Key {
    /// The key of a step of a run, `<run>/<step>`.
    pub fn of_step(run: &str, step: &str) -> Self {
        Self::Do(format!("{run}/{step}").into())
    }

    /// The key of the undo of this.
    #[must_use]
    pub fn undo(&self) -> Self {
        Self::Undo(Arc::clone(self.subject()))
    }

    /// The text that an effect and its undo share.
    pub fn subject(&self) -> &Arc<str> {
        match self {
            Self::Do(subject) | Self::Undo(subject) => subject,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Do(subject) => f.write_str(subject),
            Self::Undo(subject) => write!(f, "{subject}:undo"),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
