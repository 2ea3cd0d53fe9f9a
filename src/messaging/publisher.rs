use std::sync::Arc;

use super::{
    CloudEvent, EventDocument, EventDraft, EventTypes, Relay, TraceContext, outbox::operation,
};
use crate::{
    clock::{Clock, Seed},
    domain::{Call, CallHead, CallName, Failure, HashMap, Key, KeyOrigin, Locked, code},
    observability::{EventKind, Timeline},
    services::{CallPolicy, Client},
};

/// Completes events and stores them for a [`Relay`] to publish.
///
/// Ids and sequence numbers continue after a crash, as in a process that reads them back from its
/// store.
pub struct Publisher {
    client: Arc<Client>,
    relay: Relay,
    types: EventTypes,
    source: Arc<str>,
    store: Arc<CallHead>,
    seed: Seed,
    counters: Locked<PublisherCounters>,
}

#[derive(Default)]
struct PublisherCounters {
    calls: u64,
    events: u64,
    /// By source and subject.
    sequences: HashMap<(Arc<str>, Arc<str>), u64>,
}

/// A sequence number drawn for an event; returned if the event is not stored.
struct DrawnSequence {
    key: (Arc<str>, Arc<str>),
    number: u64,
}

impl Publisher {
    /// A publisher that stores in the outbox its relay reads.
    ///
    /// `source` is the default source of events; their traces are drawn from `seed`.
    pub fn new(
        client: Arc<Client>,
        relay: Relay,
        types: EventTypes,
        source: &str,
        seed: Seed,
    ) -> Self {
        Self {
            store: Arc::new(CallHead::new(
                Call::PUBLISHER,
                CallName::new(relay.outbox(), operation::STORE),
            )),
            source: source.into(),
            client,
            relay,
            types,
            seed,
            counters: Locked::default(),
        }
    }

    /// Sets the source of events that have none.
    pub fn set_source(&mut self, source: &str) {
        self.source = source.into();
    }

    /// Completes an event and stores it; it is published in the background.
    ///
    /// An invalid `traceparent` starts a new trace, with a warning.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_EVENT_TYPE`; `VALIDATION_FAILED` if CloudEvents does not allow the draft;
    /// `SERVICE_UNAVAILABLE` between a crash and the restart; the failures of the outbox. Then
    /// nothing is published, unless the failure is in doubt and the outbox has stored the event
    /// anyway.
    pub async fn publish(&self, draft: EventDraft) -> Result<Arc<CloudEvent>, Box<Failure>> {
        if !self.relay.is_running() {
            let message = "the publisher has crashed and has not been restarted";
            return Err(Box::new(Failure::new(code::SERVICE_UNAVAILABLE, message)));
        }
        self.types.check(&draft.kind)?;
        let (event, drawn) = self.complete(draft);
        let document = EventDocument::read(Arc::new(event.to_value())).map_err(|error| {
            self.give_back(drawn.as_ref());
            error.failure()
        })?;
        let call = Call {
            head: Arc::clone(&self.store),
            input: Arc::clone(document.json()),
            key: Some(self.next_key()),
            accepts_fallback: false,
        };
        let stored = self.client.call(&call, &CallPolicy::default(), None).await;
        match stored {
            Ok(_) => {
                self.timeline().record(EventKind::EventStored {
                    head: Arc::clone(document.head()),
                });
            }
            Err(failure) if !failure.in_doubt => {
                self.give_back(drawn.as_ref());
                return Err(failure);
            }
            // It may be stored anyway.
            Err(_) => {}
        }
        self.relay.wake();
        stored.map(|_| Arc::new(event))
    }

    /// A new key for each call: two events of the same id are not a retry.
    fn next_key(&self) -> Key {
        let mut counters = self.counters.lock();
        counters.calls += 1;
        KeyOrigin::Publisher.key(format!("{}/{}", self.relay.outbox(), counters.calls))
    }

    fn complete(&self, draft: EventDraft) -> (CloudEvent, Option<DrawnSequence>) {
        let source = draft.source.unwrap_or_else(|| Arc::clone(&self.source));
        let mut counters = self.counters.lock();
        let id = draft.id.unwrap_or_else(|| {
            counters.events += 1;
            format!("event-{}", counters.events).into()
        });
        let drawn = match (&draft.subject, draft.sequence) {
            (Some(subject), None) => Some(counters.draw(&source, subject)),
            _ => None,
        };
        drop(counters);
        let trace = TraceContext::of(
            draft.traceparent.as_deref(),
            self.seed.part(["trace", &*source, &*id]),
            self.timeline(),
            || format!("event {source}#{id}"),
        );
        let event = CloudEvent {
            kind: draft.kind,
            subject: draft.subject,
            time: draft
                .time
                .unwrap_or_else(|| Clock::instant(self.timeline().now())),
            trace,
            correlation_id: draft.correlation_id,
            causation_id: draft.causation_id,
            sequence: draft.sequence.or(drawn.as_ref().map(|drawn| drawn.number)),
            extensions: draft.extensions,
            data: draft.data,
            source,
            id,
        };
        (event, drawn)
    }

    fn give_back(&self, drawn: Option<&DrawnSequence>) {
        let Some(drawn) = drawn else { return };
        let mut counters = self.counters.lock();
        // Unless a later event already has the next number.
        if let Some(last) = counters.sequences.get_mut(&drawn.key)
            && *last == drawn.number
        {
            *last -= 1;
        }
    }

    fn timeline(&self) -> &Timeline {
        self.client.timeline()
    }
}

impl PublisherCounters {
    fn draw(&mut self, source: &Arc<str>, subject: &Arc<str>) -> DrawnSequence {
        let key = (Arc::clone(source), Arc::clone(subject));
        let last = self.sequences.entry(key.clone()).or_default();
        *last += 1;
        DrawnSequence { key, number: *last }
    }
}
