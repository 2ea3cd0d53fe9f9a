use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use crate::{
    domain::{Call, Key},
    observability::{EventKind, Timeline},
};

/// What played services have done and undone, by key.
///
/// One for the whole cast: a step's undo may be another service's operation.
#[derive(Clone, Debug)]
pub struct Effects {
    timeline: Timeline,
    deeds: Arc<Mutex<HashMap<Arc<str>, Deed>>>,
}

#[derive(Debug, Default)]
struct Deed {
    /// The reply given when it was done.
    done: Option<Arc<Value>>,
    /// The reply given when it was undone.
    undone: Option<Arc<Value>>,
}

impl Effects {
    /// Effects that show on a timeline.
    pub fn new(timeline: Timeline) -> Self {
        Self {
            timeline,
            deeds: Arc::default(),
        }
    }

    /// Does what a call asks for, once, and returns the reply to give.
    ///
    /// A repetition gets the first reply and changes nothing; so does what
    /// arrives after its undo.
    pub fn act(&self, call: &Call, reply: Arc<Value>) -> Arc<Value> {
        let Some(key) = &call.key else {
            return reply;
        };
        let mut deeds = self.deeds.lock().unwrap_or_else(PoisonError::into_inner);
        let deed = deeds.entry(Arc::clone(key.subject())).or_default();
        match key {
            Key::Do(subject) => {
                if deed.undone.is_some() && deed.done.is_none() {
                    self.timeline.record(EventKind::Warning {
                        about: call.name.as_str().into(),
                        message: format!(
                            "the effect {subject} arrives after its undo and is discarded"
                        ),
                    });
                    return reply;
                }
                if let Some(first) = &deed.done {
                    return Arc::clone(first);
                }
                deed.done = Some(Arc::clone(&reply));
            }
            Key::Undo(_) => {
                if let Some(first) = &deed.undone {
                    return Arc::clone(first);
                }
                deed.undone = Some(Arc::clone(&reply));
                if deed.done.is_none() {
                    // Nothing to undo yet; what may still arrive is barred.
                    return reply;
                }
            }
        }
        drop(deeds);
        self.timeline.record(EventKind::Effect {
            service: call.name.service().into(),
            operation: call.name.operation().into(),
            key: key.clone(),
        });
        reply
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{clock::Clock, domain::CallName};

    #[tokio::test(start_paused = true)]
    async fn a_repetition_gets_the_first_reply_and_changes_nothing() {
        let timeline = Timeline::new(Clock::start());
        let effects = Effects::new(timeline.clone());
        let act = |key: &Key, reply: i32| {
            let mut call = Call::new("test", CallName::new("S", "op"), Arc::new(json!({})));
            call.key = Some(key.clone());
            effects.act(&call, Arc::new(json!(reply)))
        };
        let key = Key::of_step("w-1", "a");
        assert_eq!(*act(&key, 1), 1);
        assert_eq!(*act(&key, 2), 1);
        assert_eq!(*act(&key.undo(), 3), 3);
        assert_eq!(*act(&key.undo(), 4), 3);
        assert_eq!(*act(&key, 5), 1, "done, then undone: still a repetition");
        assert_eq!(timeline.take().len(), 2);
    }
}
