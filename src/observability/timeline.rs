use std::{sync::Arc, time::Duration};

use super::{Event, EventKind, redact};
use crate::{
    clock::Clock,
    domain::{Locked, code},
};

/// Everything that happened in a scenario, in order.
///
/// A handle: clones share the events. Secrets are redacted as events are recorded.
#[derive(Clone, Debug)]
pub struct Timeline {
    clock: Clock,
    events: Arc<Locked<Vec<Event>>>,
}

impl Timeline {
    /// An empty timeline on a clock.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            events: Arc::default(),
        }
    }

    /// The clock that stamps events.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Records what happens now.
    pub fn record(&self, kind: EventKind) {
        self.record_at(self.clock.now(), kind);
    }

    /// As [`record`](Self::record), for a caller that has just read the clock.
    pub(crate) fn record_at(&self, at: Duration, mut kind: EventKind) {
        match &mut kind {
            EventKind::CallStarted { input, .. } => *input = redact(input),
            EventKind::CallEnded {
                reply: Some(reply), ..
            } => *reply = redact(reply),
            EventKind::Control(event) => event.redact(),
            _ => {}
        }
        self.events.lock().push(Event { at, kind });
    }

    /// Records the end of an execution that its caller abandoned. Those of one instant are in the order
    /// of their calls, in whichever order the callers were dropped.
    pub(crate) fn record_abandoned(&self, at: Duration, ended: EventKind) {
        let order = |kind: &EventKind| match kind {
            EventKind::CallEnded { number, result, .. } if **result == *code::CANCELLED => {
                Some(*number)
            }
            _ => None,
        };
        let own = order(&ended);
        let mut events = self.events.lock();
        let is_later = |event: &Event| event.at == at && order(&event.kind) > own;
        let later = events.iter().rev().take_while(|event| is_later(event));
        let index = events.len() - later.count();
        events.insert(index, Event { at, kind: ended });
    }

    /// Reads the events so far. `read` must not record any.
    pub fn read<T>(&self, read: impl FnOnce(&[Event]) -> T) -> T {
        read(&self.events.lock())
    }

    /// The last `count` events, or nothing if a hanging thread holds them.
    pub fn tail(&self, count: usize) -> Vec<Event> {
        let events = self.events.try_lock();
        events.map_or_else(Vec::new, |events| {
            events[events.len().saturating_sub(count)..].to_vec()
        })
    }

    /// Takes all events out.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock())
    }

    /// Time since the scenario's start.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{CallHead, CallName};

    #[tokio::test(start_paused = true)]
    async fn executions_abandoned_at_one_instant_end_in_the_order_of_their_calls() {
        let timeline = Timeline::new(Clock::start());
        let ended = |number, result: &str| EventKind::CallEnded {
            head: Arc::new(CallHead::new("scenario", CallName::new("Vault", "open"))),
            execution: 1,
            took: Duration::ZERO,
            result: result.into(),
            reply: None,
            number,
        };
        timeline.record(ended(9, "ok"));
        for number in [3, 1, 2] {
            timeline.record_abandoned(timeline.now(), ended(number, "CANCELLED"));
        }
        let numbers: Vec<u64> = timeline.read(|events| {
            let number = |event: &Event| match &event.kind {
                EventKind::CallEnded { number, .. } => *number,
                _ => 0,
            };
            events.iter().map(number).collect()
        });
        assert_eq!(numbers, [9, 1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn record_stamps_virtual_time_and_redacts_secrets() {
        let clock = Clock::start();
        let timeline = Timeline::new(clock);
        clock.sleep(Duration::from_millis(1_250)).await;
        timeline.record(EventKind::CallStarted {
            head: Arc::new(CallHead::new("scenario", CallName::new("Vault", "open"))),
            execution: 1,
            input: Arc::new(json!({"password": "open sesame"})),
            number: 1,
        });
        let fields = timeline.read(|events| events[0].fields());
        assert_eq!(
            Value::Object(fields),
            json!({
                "at": "1 s 250 ms", "event": "call_started", "caller": "scenario",
                "call": "Vault.open", "execution": 1, "input": {"password": "[redacted]"},
            })
        );
    }
}
