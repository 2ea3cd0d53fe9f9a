use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

/// The idempotency key of a call.
///
/// A service acts once per key. An undo has the key of what it undoes, but is remembered separately:
/// it is not a repetition, and an effect that arrives after its undo can be recognised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Do it, once.
    Do(KeySubject),
    /// Undo what [`Key::Do`] of the same subject did or may still do.
    Undo(KeySubject),
}

/// What an effect and its undo share. Subjects of different origins differ, even if they read the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeySubject {
    /// What makes the call.
    pub origin: KeyOrigin,
    /// How it reads: different for each of this origin, so names that it joins are escaped or cannot
    /// contain what joins them.
    pub text: Arc<str>,
}

/// What makes a call that has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOrigin {
    /// A step of a scenario.
    Scenario,
    /// A run of a workflow.
    Run,
    /// A request.
    Request,
    /// A callback of a request.
    Callback,
    /// A publisher that stores an event.
    Publisher,
    /// The verification of a contract.
    Contract,
    /// A subscription that handles an event.
    Subscription,
    /// A projection that applies an event.
    Projection,
    /// A command whose events are appended.
    Command,
    /// A call that makes services agree again.
    Reconciliation,
    /// A worker that does a task.
    Task,
    /// A caller over HTTP, whose keys are one operation's each: `Service.operation`, a line break, which
    /// no header has, and the key, or nothing where it sends none.
    Http,
}

impl KeyOrigin {
    /// The key of what has this text among the calls of this origin.
    pub fn key(self, text: impl Into<Arc<str>>) -> Key {
        Key::Do(KeySubject {
            origin: self,
            text: text.into(),
        })
    }
}

impl Key {
    /// The key of a step of a run, `<run>/<step>`.
    pub fn of_step(run: &str, step: &str) -> Self {
        KeyOrigin::Run.key(format!("{run}/{step}"))
    }

    /// The key of the undo of this.
    #[must_use]
    pub fn undo(&self) -> Self {
        Self::Undo(self.subject().clone())
    }

    /// What an effect and its undo share.
    pub fn subject(&self) -> &KeySubject {
        match self {
            Self::Do(subject) | Self::Undo(subject) => subject,
        }
    }
}

impl KeySubject {
    /// Whether the caller sent no key: its calls then have effects that are recorded, and nothing tells a
    /// repetition.
    pub fn is_missing(&self) -> bool {
        self.origin == KeyOrigin::Http && self.text.ends_with('\n')
    }
}

impl fmt::Display for KeySubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.origin, self.text.split_once('\n')) {
            (KeyOrigin::Http, Some((_, key))) => f.write_str(key),
            _ => f.write_str(&self.text),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Do(subject) => write!(f, "{subject}"),
            Self::Undo(subject) => write!(f, "{subject}:undo"),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_of_different_origins_differ_even_if_they_read_the_same() {
        use KeyOrigin as O;
        let origins = [
            O::Scenario,
            O::Run,
            O::Request,
            O::Callback,
            O::Publisher,
            O::Contract,
            O::Subscription,
            O::Projection,
            O::Command,
            O::Task,
            O::Http,
        ];
        let keys: HashSet<Key> = origins
            .into_iter()
            .map(|origin| origin.key("scenario/1"))
            .flat_map(|key| [key.undo(), key])
            .collect();
        assert_eq!(keys.len(), 2 * origins.len());
        assert!(keys.contains(&Key::of_step("scenario", "1")));
        assert_eq!(O::Scenario.key("scenario/1").to_string(), "scenario/1");
    }

    #[test]
    fn key_of_a_caller_over_http_reads_as_it_was_sent() {
        let shown = |text: &str| KeyOrigin::Http.key(text).to_string();
        assert_eq!(shown("Card Payments.charge\no 1"), "o 1");
        assert_eq!(shown("Payments.charge\n"), "");
        let missing = |text: &str| KeyOrigin::Http.key(text).subject().is_missing();
        assert!(missing("Card Payments.charge\n") && !missing("Payments.charge\no-1"));
    }
}
