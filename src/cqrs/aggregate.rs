use std::{fmt, marker::PhantomData, num::NonZeroU64, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Command;
use crate::domain::{Failure, code, did_you_mean, from_value};

/// Something that happened to an aggregate, as it decides and applies it.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainEvent {
    /// What happened, such as `Withdrawn`.
    pub kind: Arc<str>,
    /// What else there is to say.
    pub data: Arc<Value>,
}

/// What an aggregate decides, or why it refuses.
pub type Decision = Result<Vec<DomainEvent>, Box<Failure>>;

/// A thing that changes as a whole: what it decides depends on its state, and its state on its
/// events alone.
///
/// ```
/// use rehearsal::cqrs::{Aggregate, Command, Decision, DomainEvent, unknown_event};
/// use rehearsal::domain::Failure;
/// use serde_json::json;
///
/// #[derive(Default, serde::Serialize, serde::Deserialize)]
/// struct Door {
///     open: bool,
/// }
///
/// impl Aggregate for Door {
///     const NAME: &str = "Door";
///     const COMMANDS: &[&str] = &["open"];
///
///     fn decide(&self, _: &Command) -> Decision {
///         if self.open {
///             return Err(Box::new(Failure::new("ALREADY_OPEN", "the door is open")));
///         }
///         Ok(vec![DomainEvent::new("Opened", json!({}))])
///     }
///
///     fn apply(&mut self, event: &DomainEvent) -> Result<(), Box<Failure>> {
///         match &*event.kind {
///             "Opened" => self.open = true,
///             _ => return Err(unknown_event(Self::NAME, &event.kind, ["Opened"])),
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Aggregate: Default + Serialize + DeserializeOwned + Send + 'static {
    /// What aggregates of this type are called, without `/`.
    const NAME: &str;
    /// The types of the commands that it decides.
    const COMMANDS: &[&str];
    /// After how many events a snapshot is taken; never unless given.
    const SNAPSHOT_EVERY: Option<NonZeroU64> = None;

    /// What a command comes to; nothing is changed yet.
    ///
    /// # Errors
    ///
    /// If the command is refused.
    fn decide(&self, command: &Command) -> Decision;

    /// Takes in what happened.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_EVENT_TYPE` for what never happens to it, as of [`unknown_event`].
    fn apply(&mut self, event: &DomainEvent) -> Result<(), Box<Failure>>;
}

/// A type of aggregates, in whatever way it is defined.
pub trait AggregateType: Send + Sync {
    /// What aggregates of this type are called.
    fn name(&self) -> &str;

    /// The types of the commands that they decide.
    fn commands(&self) -> Vec<&str>;

    /// The types of the events that they decide; `None` where that is not known.
    fn events(&self) -> Option<Vec<&str>> {
        None
    }

    /// After how many events a snapshot is taken.
    fn snapshot_every(&self) -> Option<NonZeroU64>;

    /// An aggregate that nothing has happened to.
    fn begin(&self) -> Box<dyn AggregateState>;

    /// An aggregate as a snapshot has it.
    ///
    /// # Errors
    ///
    /// If the snapshot is none of such an aggregate.
    fn restore(&self, state: &Value) -> Result<Box<dyn AggregateState>, Box<Failure>>;
}

/// One aggregate at some version.
pub trait AggregateState: Send {
    /// See [`Aggregate::decide`].
    ///
    /// # Errors
    ///
    /// If the command is refused.
    fn decide(&self, command: &Command) -> Decision;

    /// See [`Aggregate::apply`].
    ///
    /// # Errors
    ///
    /// `UNKNOWN_EVENT_TYPE` for what never happens to it.
    fn apply(&mut self, event: &DomainEvent) -> Result<(), Box<Failure>>;

    /// The state, for a snapshot.
    ///
    /// # Errors
    ///
    /// If it cannot be written as JSON.
    fn snapshot(&self) -> Result<Arc<Value>, Box<Failure>>;
}

/// The type of the aggregates that `A` is.
pub struct AggregateOf<A>(PhantomData<fn() -> A>);

impl<A> Default for AggregateOf<A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A: Aggregate> fmt::Debug for AggregateOf<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AggregateOf").field(&A::NAME).finish()
    }
}

impl<A: Aggregate> AggregateType for AggregateOf<A> {
    fn name(&self) -> &str {
        A::NAME
    }

    fn commands(&self) -> Vec<&str> {
        A::COMMANDS.to_vec()
    }

    fn snapshot_every(&self) -> Option<NonZeroU64> {
        A::SNAPSHOT_EVERY
    }

    fn begin(&self) -> Box<dyn AggregateState> {
        Box::new(Typed(A::default()))
    }

    fn restore(&self, state: &Value) -> Result<Box<dyn AggregateState>, Box<Failure>> {
        let state: A = from_value(state).map_err(|error| {
            let message = format!("the snapshot is none of {}: {error}", A::NAME);
            Box::new(Failure::new(code::CORRUPTION_DETECTED, message))
        })?;
        Ok(Box::new(Typed(state)))
    }
}

struct Typed<A>(A);

impl<A: Aggregate> AggregateState for Typed<A> {
    fn decide(&self, command: &Command) -> Decision {
        self.0.decide(command)
    }

    fn apply(&mut self, event: &DomainEvent) -> Result<(), Box<Failure>> {
        self.0.apply(event)
    }

    fn snapshot(&self) -> Result<Arc<Value>, Box<Failure>> {
        let state = serde_json::to_value(&self.0);
        state.map(Arc::new).map_err(|error| {
            Box::new(Failure::new(
                code::VALIDATION_FAILED,
                format!("the state is no JSON: {error}"),
            ))
        })
    }
}

impl DomainEvent {
    /// Something that happened.
    pub fn new(kind: impl Into<Arc<str>>, data: impl Into<Arc<Value>>) -> Self {
        Self {
            kind: kind.into(),
            data: data.into(),
        }
    }
}

/// The failure of whoever does not know what happened, with the nearest type that is known.
pub fn unknown_event<'a>(
    who: &str,
    kind: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Box<Failure> {
    let hint = did_you_mean(kind, known);
    let message = format!("{who} knows no event {kind:?}: {hint}");
    Box::new(Failure::new(code::UNKNOWN_EVENT_TYPE, message).field(kind))
}
