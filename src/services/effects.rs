use std::{sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    domain::{Call, CallName, Failure, HashMap, IndexMap, Key, KeySubject, Locked, code},
    observability::{EventKind, Timeline},
};

/// What services have done and undone, by key.
///
/// Shared by the whole cast: a step's undo may be another service's operation.
#[derive(Clone, Debug)]
pub struct Effects {
    timeline: Timeline,
    memory: Arc<Locked<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    /// By the subject of the key. Never removed. The order is irrelevant, but a map that keeps it
    /// grows without rehashing.
    applied: IndexMap<KeySubject, AppliedEffect>,
    /// Of the services that do not do what services do by default.
    rules: HashMap<Arc<str>, KeyRules>,
}

/// How a service treats the keys of its calls.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyRules {
    /// Whether a repetition of a key has no effect of its own.
    pub idempotent: bool,
    /// The same of single operations, where it differs.
    pub operations: HashMap<Arc<str>, bool>,
    /// How long it remembers a key; for ever unless given.
    pub keys: Option<Duration>,
    /// Whether what arrives after its undo has no effect.
    pub bars_late_effects: bool,
}

#[derive(Debug, Default)]
struct AppliedEffect {
    /// What was done under the key, the last time.
    last_done: Option<Done>,
    /// How often it was done and is not undone.
    standing: u32,
    /// The reply to the last undo, and when it came.
    last_undo: Option<(Arc<Value>, Duration)>,
}

#[derive(Debug)]
struct Done {
    call: CallName,
    input: Arc<Value>,
    reply: Arc<Value>,
    at: Duration,
}

impl Default for KeyRules {
    fn default() -> Self {
        Self {
            idempotent: true,
            operations: HashMap::default(),
            keys: None,
            bars_late_effects: true,
        }
    }
}

impl KeyRules {
    pub(super) fn is_idempotent(&self, operation: &str) -> bool {
        let own = self.operations.get(operation);
        own.copied().unwrap_or(self.idempotent)
    }

    fn remembers(&self, at: Duration, now: Duration) -> bool {
        self.keys.is_none_or(|keys| now.saturating_sub(at) < keys)
    }
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
            memory: Arc::default(),
        }
    }

    /// Whether any service treats keys in its own way.
    pub(crate) fn has_rules(&self) -> bool {
        !self.memory.lock().rules.is_empty()
    }

    /// Changes how a service treats the keys of its calls, and returns that.
    pub(crate) fn change_rules(
        &self,
        service: &str,
        change: impl FnOnce(&mut KeyRules),
    ) -> KeyRules {
        let mut memory = self.memory.lock();
        let rules = memory.rules.entry(service.into()).or_default();
        change(rules);
        rules.clone()
    }

    /// What a call is to do, for an effect that takes more than one step; [`once`](Self::once) follows it.
    ///
    /// # Errors
    ///
    /// The result of the call, if it is settled already.
    #[cfg(any(feature = "configuration", feature = "tasks"))]
    pub fn decide(&self, call: &Call) -> Result<EffectDecision, Result<Arc<Value>, Box<Failure>>> {
        let mut decided = None;
        // A failed `act` has no effect.
        let settled = self.once(call, |decision| {
            decided = Some(decision);
            Err(Box::new(Failure::new(code::CANCELLED, "only asked")))
        });
        decided.ok_or(settled)
    }

    /// Lets `act` perform a call once per key, and returns its reply.
    ///
    /// A repetition gets the first reply, and `act` is not called; a failed `act` has no effect and
    /// may be repeated. `act` must not use effects itself.
    ///
    /// # Errors
    ///
    /// What `act` fails with; `CANCELLED` if the call arrives after its undo;
    /// `IDEMPOTENCY_KEY_REUSED` if the key came before with another input.
    pub fn once(
        &self,
        call: &Call,
        act: impl FnOnce(EffectDecision) -> Result<Arc<Value>, Box<Failure>>,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let Some(key) = &call.key else {
            return act(EffectDecision::Act);
        };
        let now = self.timeline.now();
        let mut memory = self.memory.lock();
        let Memory { applied, rules } = &mut *memory;
        let rules = match rules.is_empty() {
            true => None,
            false => rules.get(call.name().service()),
        };
        let remembers = |at| rules.is_none_or(|rules| rules.remembers(at, now));
        let is_idempotent = !key.subject().is_missing()
            && rules.is_none_or(|rules| rules.is_idempotent(call.name().operation()));
        let bars_late_effects = rules.is_none_or(|rules| rules.bars_late_effects);
        let effect = applied.entry(key.subject().clone()).or_default();
        let reply = match key {
            Key::Do(_) => {
                if let Some(done) = &effect.last_done
                    && is_idempotent
                    && remembers(done.at)
                {
                    // A fallback call has the key of its step, and an input of its own.
                    let is_reused = done.call == *call.name() && done.input != call.input;
                    return match is_reused {
                        false => Ok(Arc::clone(&done.reply)),
                        true => Err(reused(call, key)),
                    };
                }
                let undo = effect.last_undo.as_ref();
                if bars_late_effects && undo.is_some_and(|(_, at)| remembers(*at)) {
                    drop(memory);
                    return Err(self.too_late(call, key));
                }
                let reply = act(EffectDecision::Act)?;
                effect.last_done = Some(Done {
                    call: call.name().clone(),
                    input: Arc::clone(&call.input),
                    reply: Arc::clone(&reply),
                    at: now,
                });
                effect.standing += 1;
                reply
            }
            Key::Undo(_) => {
                if let Some((first, at)) = &effect.last_undo
                    && is_idempotent
                    && remembers(*at)
                {
                    return Ok(Arc::clone(first));
                }
                let decision = match effect.standing > 0 {
                    true => EffectDecision::Undo,
                    // From now on, an effect that arrives late is discarded.
                    false => EffectDecision::Nothing,
                };
                let reply = act(decision)?;
                effect.last_undo = Some((Arc::clone(&reply), now));
                if decision == EffectDecision::Nothing {
                    return Ok(reply);
                }
                effect.standing -= 1;
                reply
            }
        };
        drop(memory);
        let effect = EventKind::Effect {
            call: call.name().clone(),
            key: key.clone(),
        };
        self.timeline.record_at(now, effect);
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

fn reused(call: &Call, key: &Key) -> Box<Failure> {
    let message = format!("the key {key} came before with another input");
    Box::new(Failure::new(code::IDEMPOTENCY_KEY_REUSED, message).at(call.name()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;

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
    async fn once_refuses_a_key_that_came_before_with_another_input() {
        let effects = Effects::new(Timeline::new(Clock::start()));
        let reply = |_| Ok(Arc::new(json!({})));
        let key = Key::of_step("w-1", "a");
        let mut first = call(&key);
        first.input = Arc::new(json!({"amount": 5}));
        assert!(effects.once(&first, reply).is_ok());
        let mut second = first.clone();
        second.input = Arc::new(json!({"amount": 50}));
        let refused = effects.once(&second, reply).unwrap_err();
        assert_eq!(&*refused.code, code::IDEMPOTENCY_KEY_REUSED);
        assert!(effects.once(&first, reply).is_ok());
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
