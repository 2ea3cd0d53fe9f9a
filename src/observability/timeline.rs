use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Event, EventKind, redact};
use crate::clock::Clock;

/// Everything that happened in a scenario, in the order it happened.
///
/// A handle: clones share the events. Secrets are taken out as events come in.
#[derive(Clone, Debug)]
pub struct Timeline {
    clock: Clock,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Timeline {
    /// An empty timeline on a clock.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            events: Arc::default(),
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
        match &mut kind {
            EventKind::CallStarted { input, .. } => *input = redact(input),
            EventKind::CallEnded {
                reply: Some(reply), ..
            } => *reply = redact(reply),
            _ => {}
        }
        self.lock().push(Event { at, kind });
    }

    /// Reads the events so far. Nothing may be recorded meanwhile.
    pub fn read<T>(&self, read: impl FnOnce(&[Event]) -> T) -> T {
        read(&self.lock())
    }

    /// The last `count` events, or nothing if a thread that hangs holds them.
    pub fn tail(&self, count: usize) -> Vec<Event> {
        self.events.try_lock().map_or_else(
            |_| Vec::new(),
            |events| events[events.len().saturating_sub(count)..].to_vec(),
        )
    }

    /// Takes all events out.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.lock())
    }

    /// Time since the scenario's start.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        // A panic between two events leaves the list whole.
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
