use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    CloudEvent, EventDocument, EventDraft, EventTypes, Relay, TraceContext,
    outbox::{WAITING, operation},
};
use crate::{
    clock::{Clock, Seed},
    domain::{Call, CallHead, CallName, Failure, HashMap, Key, code},
    observability::{EventKind, Timeline},
    services::{CallPolicy, Client},
};

/// Where events begin: each is completed and stored, and a [`Relay`] takes it from there.
///
/// Ids and sequence numbers are counted, and go on after a crash, as those of a process that reads
/// them back from its store.
pub struct Publisher {
    client: Arc<Client>,
    relay: Relay,
    types: EventTypes,
    source: Arc<str>,
    store: Arc<CallHead>,
    seed: Seed,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    calls: u64,
    events: u64,
    /// By source and subject.
    sequences: HashMap<(Arc<str>, Arc<str>), u64>,
    /// Where names are put together.
    text: String,
}

/// A number that was drawn for an event, and is given back if the event is not stored.
struct Drawn {
    key: (Arc<str>, Arc<str>),
    sequence: u64,
}

impl Publisher {
    /// A publisher that stores where a relay reads.
    ///
    /// `source` is that of events which name none; `seed` is where their traces come from.
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
            counted: Mutex::default(),
        }
    }

    /// Events that name no source are from here, from now on.
    pub fn set_source(&mut self, source: &str) {
        self.source = source.into();
    }

    /// Completes an event and stores it; it is published in the background.
    ///
    /// A `traceparent` that is none begins a new trace, with a warning.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_EVENT_TYPE`; `VALIDATION_FAILED` if CloudEvents does not allow what the draft says;
    /// `SERVICE_UNAVAILABLE` between a crash and the restart; the failures of the outbox. Then
    /// nothing is published, unless the failure is in doubt and the outbox has taken the event after
    /// all: the relay looks for such a one at once, and hears of it later where it listens.
    pub async fn publish(&self, draft: EventDraft) -> Result<Arc<CloudEvent>, Box<Failure>> {
        if !self.relay.is_running() {
            let message = "the publisher has crashed, and nothing restarted it";
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
        };
        let under_way = self.relay.publication();
        let answer = self.client.call(&call, &CallPolicy::default(), None).await;
        drop(under_way);
        match answer {
            Ok(reply) => {
                self.timeline().record(EventKind::EventStored {
                    head: Arc::clone(document.head()),
                });
                let waiting = reply.value[WAITING].as_u64();
                self.relay.hand_over(document, waiting);
                Ok(Arc::new(event))
            }
            Err(failure) => {
                if failure.in_doubt {
                    // It may be stored all the same.
                    self.relay.wake();
                } else {
                    self.give_back(drawn.as_ref());
                }
                Err(failure)
            }
        }
    }

    /// A key that is the call's own: two events of one id must not be taken for a repetition.
    fn next_key(&self) -> Key {
        let mut counted = self.lock();
        counted.calls += 1;
        let number = counted.calls;
        Key::Do(counted.name(&[self.relay.outbox(), "/"], number))
    }

    fn complete(&self, draft: EventDraft) -> (CloudEvent, Option<Drawn>) {
        let source = draft.source.unwrap_or_else(|| Arc::clone(&self.source));
        let mut counted = self.lock();
        let id = draft.id.unwrap_or_else(|| {
            counted.events += 1;
            let number = counted.events;
            counted.name(&["event-"], number)
        });
        let drawn = match (&draft.subject, draft.sequence) {
            (Some(subject), None) => Some(counted.draw(&source, subject)),
            _ => None,
        };
        drop(counted);
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
            sequence: draft
                .sequence
                .or(drawn.as_ref().map(|drawn| drawn.sequence)),
            extensions: draft.extensions,
            data: draft.data,
            source,
            id,
        };
        (event, drawn)
    }

    fn give_back(&self, drawn: Option<&Drawn>) {
        let Some(drawn) = drawn else { return };
        let mut counted = self.lock();
        // Not where a later event has the next number already.
        if let Some(last) = counted.sequences.get_mut(&drawn.key)
            && *last == drawn.sequence
        {
            *last -= 1;
        }
    }

    fn timeline(&self) -> &Timeline {
        self.client.timeline()
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// A name that ends with a number.
    fn name(&mut self, begin: &[&str], number: u64) -> Arc<str> {
        self.text.clear();
        self.text.extend(begin.iter().copied());
        // A string takes whatever is written to it.
        let _ = write!(self.text, "{number}");
        (&*self.text).into()
    }

    fn draw(&mut self, source: &Arc<str>, subject: &Arc<str>) -> Drawn {
        let key = (Arc::clone(source), Arc::clone(subject));
        let last = self.sequences.entry(key.clone()).or_default();
        *last += 1;
        Drawn {
            key,
            sequence: *last,
        }
    }
}
