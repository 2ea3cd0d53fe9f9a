use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::{
    domain::{Call, Failure, IndexMap, Key, code},
    observability::{EventKind, Timeline},
};

/// What played services have done and undone, by key.
///
/// One for the whole cast: a step's undo may be another service's operation.
#[derive(Clone, Debug)]
pub struct Effects {
    timeline: Timeline,
    /// Never taken out. Their order is of no use, but a map that keeps it grows without hashing all
    /// keys anew.
    deeds: Arc<Mutex<IndexMap<Arc<str>, Deed>>>,
}

#[derive(Debug, Default)]
struct Deed {
    /// The reply given when it was done.
    done: Option<Arc<Value>>,
    /// The reply given when it was undone.
    undone: Option<Arc<Value>>,
}

/// What a service is to do about a call, as what was done before under its key has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// What the operation does.
    Act,
    /// Take back what was done under the key.
    Undo,
    /// Change nothing, only answer: an undo came, and nothing was done.
    Nothing,
}

impl Effects {
    /// Effects that show on a timeline.
    pub fn new(timeline: Timeline) -> Self {
        Self {
            timeline,
            deeds: Arc::default(),
        }
    }

    /// Lets `act` do what a call asks for, once per key, and returns the reply to give.
    ///
    /// A repetition gets the first reply, and `act` is not called; a failed `act` has no effect and
    /// may be repeated. `act` must not ask for effects itself.
    ///
    /// # Errors
    ///
    /// What `act` fails with; `CANCELLED` for what arrives after its undo.
    pub fn once(
        &self,
        call: &Call,
        act: impl FnOnce(Due) -> Result<Arc<Value>, Box<Failure>>,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let Some(key) = &call.key else {
            return act(Due::Act);
        };
        let mut deeds = self.deeds.lock().unwrap_or_else(PoisonError::into_inner);
        let deed = deeds.entry(Arc::clone(key.subject())).or_default();
        let reply = match key {
            Key::Do(_) if deed.done.is_some() || deed.undone.is_some() => {
                return match &deed.done {
                    Some(first) => Ok(Arc::clone(first)),
                    None => Err(self.too_late(call, key)),
                };
            }
            Key::Do(_) => {
                let reply = act(Due::Act)?;
                deed.done = Some(Arc::clone(&reply));
                reply
            }
            Key::Undo(_) => {
                if let Some(first) = &deed.undone {
                    return Ok(Arc::clone(first));
                }
                let due = match deed.done {
                    Some(_) => Due::Undo,
                    // What may still arrive is barred from now on.
                    None => Due::Nothing,
                };
                let reply = act(due)?;
                deed.undone = Some(Arc::clone(&reply));
                if due == Due::Nothing {
                    return Ok(reply);
                }
                reply
            }
        };
        drop(deeds);
        self.timeline.record(EventKind::Effect {
            call: call.name().clone(),
            key: key.clone(),
        });
        Ok(reply)
    }

    fn too_late(&self, call: &Call, key: &Key) -> Box<Failure> {
        let message = format!("the effect {key} arrives after its undo and is discarded");
        self.timeline.record(EventKind::Warning {
            about: call.name().as_str().into(),
            message: message.clone(),
        });
        Box::new(Failure::new(code::CANCELLED, message).at(call.name()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{clock::Clock, domain::CallName};

    fn call(key: &Key) -> Call {
        let mut call = Call::new("test", CallName::new("S", "op"), Arc::new(json!({})));
        call.key = Some(key.clone());
        call
    }

    #[tokio::test(start_paused = true)]
    async fn a_repetition_gets_the_first_reply_and_changes_nothing() {
        let timeline = Timeline::new(Clock::start());
        let effects = Effects::new(timeline.clone());
        let once = |key: &Key, due: Option<Due>, reply: i32| {
            let mut asked = None;
            let given = effects.once(&call(key), |due| {
                asked = Some(due);
                Ok(Arc::new(json!(reply)))
            });
            assert_eq!(asked, due);
            given.map(|reply| reply.as_i64())
        };
        let key = Key::of_step("w-1", "a");
        assert_eq!(once(&key, Some(Due::Act), 1), Ok(Some(1)));
        assert_eq!(once(&key, None, 2), Ok(Some(1)));
        assert_eq!(once(&key.undo(), Some(Due::Undo), 3), Ok(Some(3)));
        assert_eq!(once(&key.undo(), None, 4), Ok(Some(3)));
        assert_eq!(once(&key, None, 5), Ok(Some(1)), "still a repetition");
        assert_eq!(timeline.take().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_arrives_after_its_undo_is_discarded_and_what_failed_may_come_again() {
        let timeline = Timeline::new(Clock::start());
        let effects = Effects::new(timeline.clone());
        let reply = || Ok(Arc::new(json!({})));
        let key = Key::of_step("w-1", "a");
        let undone = effects.once(&call(&key.undo()), |due| {
            assert_eq!(due, Due::Nothing);
            reply()
        });
        assert!(undone.is_ok());
        let late = effects.once(&call(&key), |_| unreachable!());
        assert_eq!(&*late.unwrap_err().code, code::CANCELLED);

        let other = Key::of_step("w-1", "b");
        let failure = || Box::new(Failure::new("CARD_DECLINED", "no"));
        assert!(effects.once(&call(&other), |_| Err(failure())).is_err());
        assert!(effects.once(&call(&other), |_| reply()).is_ok());
        let effects = timeline
            .take()
            .into_iter()
            .filter(|event| matches!(event.kind, EventKind::Effect { .. }))
            .count();
        assert_eq!(effects, 1);
    }
}
