use std::{sync::Arc, time::Duration};

use super::{
    AuditTrail, Event, EventKind, redact,
    redaction::redact_text,
    spans::{Spans, is_listened_to},
};
use crate::{
    clock::Clock,
    domain::{Locked, code},
};

/// Everything that happened in a scenario, in order.
///
/// A handle: clones share the events. Secrets are redacted as events are recorded. Each event is also one
/// of [`tracing`], for whoever listens to the target `rehearsal::timeline` at level `TRACE`, in spans of the
/// goal, the workflow's run, its step and the call.
#[derive(Clone, Debug)]
pub struct Timeline {
    clock: Clock,
    recorded: Arc<Locked<Recorded>>,
    /// Those that somebody listens to.
    spans: Arc<Locked<Spans>>,
}

#[derive(Debug, Default)]
struct Recorded {
    events: Vec<Event>,
    trail: Option<AuditTrail>,
}

impl Timeline {
    /// An empty timeline on a clock.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            recorded: Arc::default(),
            spans: Arc::default(),
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
        hide_secrets(&mut kind);
        let event = Event { at, kind };
        self.emit(&event);
        let warnings = {
            let recorded = &mut *self.recorded.lock();
            recorded.events.push(event);
            match (&recorded.trail, recorded.events.last()) {
                (Some(trail), Some(event)) => trail.record(event),
                _ => return,
            }
        };
        self.warn(at, warnings);
    }

    /// Records warnings of the audit trail, which make no entries of it.
    fn warn(&self, at: Duration, warnings: Vec<EventKind>) {
        for mut kind in warnings {
            hide_secrets(&mut kind);
            let event = Event { at, kind };
            self.emit(&event);
            self.recorded.lock().events.push(event);
        }
    }

    fn emit(&self, event: &Event) {
        if is_listened_to() {
            self.spans.lock().emit(event);
        }
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
        let ended = Event { at, kind: ended };
        self.emit(&ended);
        let recorded = &mut *self.recorded.lock();
        if let (Some(trail), Some(number)) = (&recorded.trail, own) {
            trail.record_abandoned(number, &ended);
        }
        let events = &mut recorded.events;
        let is_later = |event: &Event| event.at == at && order(&event.kind) > own;
        let later = events.iter().rev().take_while(|event| is_later(event));
        let index = events.len() - later.count();
        events.insert(index, ended);
    }

    /// Keeps an entry of each decision and each interaction in an audit trail from now on, or no longer.
    pub fn set_audit_trail(&self, trail: Option<AuditTrail>) {
        let warnings = trail.as_ref().map(AuditTrail::warnings);
        self.recorded.lock().trail = trail;
        self.warn(self.clock.now(), warnings.unwrap_or_default());
    }

    /// The audit trail, if there is one.
    pub fn audit_trail(&self) -> Option<AuditTrail> {
        self.recorded.lock().trail.clone()
    }

    /// Reads the events so far. `read` must not record any.
    pub fn read<T>(&self, read: impl FnOnce(&[Event]) -> T) -> T {
        read(&self.recorded.lock().events)
    }

    /// The last `count` events, or nothing if a hanging thread holds them.
    pub fn tail(&self, count: usize) -> Vec<Event> {
        let recorded = self.recorded.try_lock();
        recorded.map_or_else(Vec::new, |recorded| {
            let events = &recorded.events;
            events[events.len().saturating_sub(count)..].to_vec()
        })
    }

    /// Takes all events out.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.recorded.lock().events)
    }

    /// Time since the scenario's start.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }
}

fn hide_secrets(kind: &mut EventKind) {
    match kind {
        EventKind::CallStarted { input, .. } => *input = redact(input),
        EventKind::CallEnded {
            reply: Some(reply), ..
        } => *reply = redact(reply),
        EventKind::Consistency(event) => event.redact(),
        EventKind::Control(event) => event.redact(),
        EventKind::Tasks(event) => event.redact(),
        EventKind::Warning { message, .. } | EventKind::Error { message, .. } => {
            if let Some(shown) = redact_text(message) {
                *message = shown;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        domain::{ApprovalStatus, CallHead, CallName, LifecycleStage, Severity},
        observability::ControlEvent,
    };

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
    async fn messages_and_what_a_control_plane_says_are_redacted() {
        let timeline = Timeline::new(Clock::start());
        let (about, message) = ("x".into(), "token=t-1".to_owned());
        timeline.record(EventKind::Warning { about, message });
        let (about, message) = ("x".into(), "token=t-1".to_owned());
        timeline.record(EventKind::Error { about, message });
        let control = |event| timeline.record(EventKind::Control(Box::new(event)));
        control(ControlEvent::StageEntered {
            goal: 1,
            trace: "t".into(),
            stage: LifecycleStage::Failed,
            data: Arc::new(json!({"error": "token=t-1", "plan": [{"apiKey": "t-1"}]})),
        });
        control(ControlEvent::ApprovalRequested {
            request: "r".into(),
            operation: "login with token=t-1".into(),
            risk: Severity::Low,
            until: Duration::ZERO,
        });
        control(ControlEvent::ApprovalEnded {
            request: "r".into(),
            status: ApprovalStatus::Denied,
            approver: "ada".into(),
            reason: "token: t-1 is used up".into(),
        });
        control(ControlEvent::ApprovalRefused {
            request: "r".into(),
            approver: "ada".into(),
            reason: "token: t-1 is used up".into(),
        });
        timeline.read(|events| {
            for event in events {
                let shown = Value::Object(event.fields()).to_string();
                assert!(
                    !shown.contains("t-1") && shown.contains("[redacted]"),
                    "{shown}"
                );
            }
        });
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
