use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::{Call, Failure, IndexMap, Key, Locked, code},
    observability::{EventKind, Timeline},
};

/// What services have done and undone, by key.
///
/// Shared by the whole cast: a step's undo may be another service's operation.
#[derive(Clone, Debug)]
pub struct Effects {
    timeline: Timeline,
    /// Never removed. The order is irrelevant, but a map that keeps it grows without rehashing.
    applied: Arc<Locked<IndexMap<Arc<str>, AppliedEffect>>>,
}

#[derive(Debug, Default)]
struct AppliedEffect {
    /// The reply given when it was done.
    done: Option<Arc<Value>>,
    /// The reply given when it was undone.
    undone: Option<Arc<Value>>,
}

/// What a service must do for a call, given what was done under its key before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectDecision {
    /// Perform the operation.
    Act,
    /// Undo what was done under the key.
    Undo,
    /// Change nothing, only answer: there is nothing to undo.
    Nothing,
}

impl Effects {
    /// Effects that are recorded on a timeline.
    pub fn new(timeline: Timeline) -> Self {
        Self {
            timeline,
            applied: Arc::default(),
        }
    }

    /// Lets `act` perform a call once per key, and returns its reply.
    ///
    /// A repetition gets the first reply, and `act` is not called; a failed `act` has no effect and
    /// may be repeated. `act` must not use effects itself.
    ///
    /// # Errors
    ///
    /// What `act` fails with; `CANCELLED` if the call arrives after its undo.
    pub fn once(
        &self,
        call: &Call,
        act: impl FnOnce(EffectDecision) -> Result<Arc<Value>, Box<Failure>>,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let Some(key) = &call.key else {
            return act(EffectDecision::Act);
        };
        let mut applied = self.applied.lock();
        let effect = applied.entry(Arc::clone(key.subject())).or_default();
        let reply = match key {
            Key::Do(_) if effect.done.is_some() || effect.undone.is_some() => {
                return match &effect.done {
                    Some(first) => Ok(Arc::clone(first)),
                    None => Err(self.too_late(call, key)),
                };
            }
            Key::Do(_) => {
                let reply = act(EffectDecision::Act)?;
                effect.done = Some(Arc::clone(&reply));
                reply
            }
            Key::Undo(_) => {
                if let Some(first) = &effect.undone {
                    return Ok(Arc::clone(first));
                }
                let decision = match effect.done {
                    Some(_) => EffectDecision::Undo,
                    // From now on, an effect that arrives late is discarded.
                    None => EffectDecision::Nothing,
                };
                let reply = act(decision)?;
                effect.undone = Some(Arc::clone(&reply));
                if decision == EffectDecision::Nothing {
                    return Ok(reply);
                }
                reply
            }
        };
        drop(applied);
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
    async fn once_answers_a_repetition_with_the_first_reply() {
        let timeline = Timeline::new(Clock::start());
        let effects = Effects::new(timeline.clone());
        let once = |key: &Key, decision: Option<EffectDecision>, reply: i32| {
            let mut asked = None;
            let given = effects.once(&call(key), |decision| {
                asked = Some(decision);
                Ok(Arc::new(json!(reply)))
            });
            assert_eq!(asked, decision);
            given.map(|reply| reply.as_i64())
        };
        let key = Key::of_step("w-1", "a");
        assert_eq!(once(&key, Some(EffectDecision::Act), 1), Ok(Some(1)));
        assert_eq!(once(&key, None, 2), Ok(Some(1)));
        assert_eq!(
            once(&key.undo(), Some(EffectDecision::Undo), 3),
            Ok(Some(3))
        );
        assert_eq!(once(&key.undo(), None, 4), Ok(Some(3)));
        assert_eq!(once(&key, None, 5), Ok(Some(1)), "still a repetition");
        assert_eq!(timeline.take().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn once_discards_an_effect_after_its_undo_and_allows_another_after_a_failure() {
        let timeline = Timeline::new(Clock::start());
        let effects = Effects::new(timeline.clone());
        let reply = || Ok(Arc::new(json!({})));
        let key = Key::of_step("w-1", "a");
        let undone = effects.once(&call(&key.undo()), |decision| {
            assert_eq!(decision, EffectDecision::Nothing);
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
