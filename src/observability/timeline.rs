use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;

use super::{Event, EventKind, redact};
use crate::{clock::Clock, domain::Recent};

/// Everything that happened in a scenario, in the order it happened.
///
/// A handle: clones share the events. Secrets are taken out as events come in.
#[derive(Clone, Debug)]
pub struct Timeline {
    clock: Clock,
    record: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    events: Vec<Event>,
    /// Payloads that were found without a secret.
    clean: Recent<()>,
}

impl Timeline {
    /// An empty timeline on a clock.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            record: Arc::default(),
        }
    }

    /// The clock that events are stamped by.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Records what happens now.
    pub fn record(&self, kind: EventKind) {
        self.record_at(self.clock.now(), kind);
    }

    /// Records what happens now, of one who has just looked at the clock.
    pub(crate) fn record_at(&self, at: Duration, mut kind: EventKind) {
        let mut record = self.lock();
        match &mut kind {
            EventKind::CallStarted { input, .. } => record.redact(input),
            EventKind::CallEnded {
                reply: Some(reply), ..
            } => record.redact(reply),
            _ => {}
        }
        record.events.push(Event { at, kind });
    }

    /// Reads the events so far. Nothing may be recorded meanwhile.
    pub fn read<T>(&self, read: impl FnOnce(&[Event]) -> T) -> T {
        read(&self.lock().events)
    }

    /// The last `count` events, or nothing if a thread that hangs holds them.
    pub fn tail(&self, count: usize) -> Vec<Event> {
        self.record.try_lock().map_or_else(
            |_| Vec::new(),
            |record| {
                let events = &record.events;
                events[events.len().saturating_sub(count)..].to_vec()
            },
        )
    }

    /// Takes all events out.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.lock().events)
    }

    /// Time since the scenario's start.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        // A panic between two events leaves the list whole.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn redact(&mut self, payload: &mut Arc<Value>) {
        if self.clean.get(payload).is_some() {
            return;
        }
        let redacted = redact(payload);
        if Arc::ptr_eq(&redacted, payload) {
            self.clean.put(payload, ());
        } else {
            *payload = redacted;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{CallHead, CallName};

    #[tokio::test(start_paused = true)]
    async fn events_are_stamped_with_virtual_time_and_hold_no_secret() {
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
                "at": "1s 250ms", "event": "call_started", "caller": "scenario",
                "call": "Vault.open", "execution": 1, "input": {"password": "[redacted]"},
            })
        );
    }
}
