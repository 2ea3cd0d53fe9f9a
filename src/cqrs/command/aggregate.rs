use std::{num::NonZeroU64, sync::Arc};

use serde_json::{Value, json};

use super::Command;
use crate::{
    domain::{Failure, code, did_you_mean},
    resilience::Retry,
};

/// Something that happened to an aggregate, as it decides and applies it.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainEvent {
    /// What happened, such as `Withdrawn`.
    pub kind: Arc<str>,
    /// The event's data.
    pub data: Arc<Value>,
}

/// The events that an aggregate decides on, or why it refuses.
pub type Decision = Result<Vec<DomainEvent>, Box<Failure>>;

/// A type of aggregates, each of which changes as a whole: its decisions depend on its state alone,
/// and its state on its events alone. The state is JSON, so that snapshots can store it.
///
/// `AggregateDefinition` defines one as data; this is the way to write
/// one in Rust:
///
/// ```
/// use std::sync::Arc;
/// use rehearsal::cqrs::{Aggregate, Command, Decision, DomainEvent, unknown_event};
/// use rehearsal::domain::Failure;
/// use serde_json::{Value, json};
///
/// struct Door;
///
/// impl Aggregate for Door {
///     fn name(&self) -> &str {
///         "Door"
///     }
///
///     fn commands(&self) -> Vec<&str> {
///         vec!["open"]
///     }
///
///     fn decide(&self, state: &Arc<Value>, _: &Command) -> Decision {
///         if state["open"] == true {
///             return Err(Box::new(Failure::new("ALREADY_OPEN", "the door is open")));
///         }
///         Ok(vec![DomainEvent::new("Opened", json!({}))])
///     }
///
///     fn apply(&self, state: &mut Arc<Value>, event: &DomainEvent) -> Result<(), Box<Failure>> {
///         match &*event.kind {
///             "Opened" => *state = Arc::new(json!({ "open": true })),
///             other => return Err(unknown_event(self.name(), other, ["Opened"])),
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Aggregate: Send + Sync + 'static {
    /// The name of the type, without `/`, `.` and `#`.
    fn name(&self) -> &str;

    /// The types of the commands that it decides.
    fn commands(&self) -> Vec<&str>;

    /// The types of its events; `None` if they are not known.
    fn events(&self) -> Option<Vec<&str>> {
        None
    }

    /// How many events there are between snapshots; `None` for no snapshots.
    fn snapshot_every(&self) -> Option<NonZeroU64> {
        None
    }

    /// How often and after which delays a command is decided anew after a conflict with another one;
    /// by default as for all aggregates.
    fn decided_anew(&self) -> Option<Retry> {
        None
    }

    /// Names how it makes its state of events; `1` by default. A snapshot of another revision is not
    /// used, so it must change whenever `initial`, `apply` or `upcast` give another state.
    fn revision(&self) -> &str {
        "1"
    }

    /// The version of the data of the events of a type that it decides on; 1 by default.
    fn event_version(&self, kind: &str) -> u64 {
        let _ = kind;
        1
    }

    /// Lifts the data of an event of an older version, before it is applied.
    ///
    /// # Errors
    ///
    /// If the data is not of that version.
    fn upcast(&self, event: &mut DomainEvent, version: u64) -> Result<(), Box<Failure>> {
        let _ = (event, version);
        Ok(())
    }

    /// The state before the first event; `{}` by default.
    fn initial(&self) -> Arc<Value> {
        Arc::new(json!({}))
    }

    /// Decides a command, without changing the state.
    ///
    /// # Errors
    ///
    /// If the command is refused.
    fn decide(&self, state: &Arc<Value>, command: &Command) -> Decision;

    /// Changes the state by an event.
    ///
    /// # Errors
    ///
    /// [`unknown_event`] for an event that the aggregate does not have.
    fn apply(&self, state: &mut Arc<Value>, event: &DomainEvent) -> Result<(), Box<Failure>>;
}

impl DomainEvent {
    /// An event of a type with its data.
    pub fn new(kind: impl Into<Arc<str>>, data: impl Into<Arc<Value>>) -> Self {
        Self {
            kind: kind.into(),
            data: data.into(),
        }
    }
}

/// The failure `UNKNOWN_EVENT_TYPE` of an aggregate that does not have an event, with the nearest type
/// that it has.
pub fn unknown_event<'a>(
    aggregate: &str,
    kind: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Box<Failure> {
    let hint = did_you_mean(kind, known);
    let message = format!("{aggregate} has no event {kind:?}: {hint}");
    Box::new(Failure::new(code::UNKNOWN_EVENT_TYPE, message).field(kind))
}
