//! What a relay does, round by round, as long as there is something to publish.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    PublisherCrash, Shared,
    backlog::{Backlog, Item},
};
use crate::{
    domain::{Call, CallHead, Failure, code, format_duration},
    messaging::{
        EventDocument, EventId,
        outbox::{Marked, WAITING},
    },
    observability::{EventHead, EventKind},
};

/// Most events that are read and published in one go.
const BATCH: usize = 100;

/// How a round went.
enum Round {
    /// There may be more.
    Full,
    /// Nothing is left that can be done now.
    Done,
}

impl Shared {
    pub async fn run(self: Arc<Self>) {
        let mut backlog = Backlog::default();
        loop {
            tokio::select! {
                biased;
                () = self.wanted.notified() => {}
                () = self.due(backlog.due()) => {}
            }
            // Held to the end of the round, so that nobody takes the pause before it for quiet.
            let at_work = self.activity.at_work();
            while let Round::Full = self.round(&mut backlog).await {}
            let crashed = self.lock().crashed;
            if crashed {
                // It was the process's own.
                backlog = Backlog::default();
            }
            let owes = crashed || !backlog.is_empty();
            self.lock().owed = owes.then(|| self.activity.owed());
            drop(at_work);
        }
    }

    async fn due(&self, at: Option<Duration>) {
        match at {
            Some(at) => self.timeline().clock().sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    async fn round(&self, backlog: &mut Backlog) -> Round {
        let woken = self.lock().woken.take();
        if self.lock().crashed || !backlog.is_due(self.timeline().now()) {
            return Round::Done;
        }
        drop(woken);
        match self.handed_over(backlog) {
            None => self.read_on(backlog).await,
            Some(events) if events.is_empty() => Round::Done,
            Some(events) => {
                self.hand_on(backlog, events).await;
                Round::Full
            }
        }
    }

    /// The next events that were handed over; `None` if they must be read from the outbox.
    fn handed_over(&self, backlog: &Backlog) -> Option<Vec<EventDocument>> {
        let mut state = self.lock();
        if !backlog.is_empty() {
            state.handed_over.falls_behind();
        }
        state.handed_over.take(BATCH)
    }

    /// Publishes events that were handed over, in order, up to one that the bus does not take.
    async fn hand_on(&self, backlog: &mut Backlog, events: Vec<EventDocument>) {
        if self.crashes(PublisherCrash::BeforePublishing) {
            return;
        }
        let mut published = Vec::new();
        let mut events = events.into_iter();
        while let Some(document) = events.next() {
            let event = Arc::clone(document.json());
            let Err(failure) = self.call(&self.calls.publish, event).await else {
                published.push(self.published(backlog, document.head()));
                continue;
            };
            self.lock().handed_over.falls_behind();
            if is_away(&failure) {
                let delay = backlog.waits(self.timeline().now());
                let left = std::iter::once(document).chain(events);
                let heads: Vec<_> = left.map(|own| Arc::clone(own.head())).collect();
                self.failed(&heads, &failure, delay).await;
            } else {
                let delay = backlog.refuses(document.head(), self.timeline().now());
                let heads = std::slice::from_ref(document.head());
                self.failed(heads, &failure, delay).await;
            }
            break;
        }
        self.settle(backlog, published).await;
    }

    /// Reads the oldest events from the outbox and publishes them.
    async fn read_on(&self, backlog: &mut Backlog) -> Round {
        let limit = BATCH + backlog.held();
        let events = match self.unpublished(limit).await {
            Ok(events) => events,
            Err(failure) => {
                self.waits(backlog, &self.calls.unpublished, &failure);
                return Round::Done;
            }
        };
        let Some(items) = items(&events) else {
            let failure = Failure::new(code::CONTRACT_VIOLATION, "the reply holds no events");
            self.waits(backlog, &self.calls.unpublished, &failure);
            return Round::Done;
        };
        let count = items.len();
        let all = count < limit;
        self.lock().handed_over.has_read(items.iter().map(Item::id));
        let items = backlog.pick(items, all, self.timeline().now());
        if items.is_empty() {
            backlog.recovers();
        } else if self.crashes(PublisherCrash::BeforePublishing) {
            return Round::Done;
        } else {
            let published = self.publish(backlog, &events, count, items).await;
            self.settle(backlog, published).await;
        }
        // What was refused alone holds up others no longer than to the next round.
        match all && self.lock().woken.is_none() {
            true => Round::Done,
            false => Round::Full,
        }
    }

    async fn unpublished(&self, limit: usize) -> Result<Arc<Value>, Box<Failure>> {
        self.call(&self.calls.unpublished, json!({ "limit": limit }))
            .await
    }

    /// Publishes events, all at once or, if the bus refuses some of them, one by one; returns those
    /// that it took.
    async fn publish(
        &self,
        backlog: &mut Backlog,
        events: &Arc<Value>,
        count: usize,
        items: Vec<Item>,
    ) -> Vec<EventId> {
        let batch = match items.len() == count {
            true => Arc::clone(events),
            false => Arc::new(
                items
                    .iter()
                    .map(|item| events[item.place].clone())
                    .collect(),
            ),
        };
        let failure = match self.call(&self.calls.publish, batch).await {
            Ok(_) => {
                backlog.recovers();
                let published = items.iter();
                return published
                    .map(|item| self.published(backlog, &item.head))
                    .collect();
            }
            Err(failure) => failure,
        };
        if is_away(&failure) {
            let delay = backlog.waits(self.timeline().now());
            let heads: Vec<_> = items.into_iter().map(|item| item.head).collect();
            self.failed(&heads, &failure, delay).await;
            return Vec::new();
        }
        let mut published = Vec::new();
        let alone = items.len() == 1;
        for item in items {
            if backlog.holds_back(&item.head) {
                continue;
            }
            let result = match alone {
                true => Err(failure.clone()),
                false => {
                    let event = events[item.place].clone();
                    self.call(&self.calls.publish, event).await
                }
            };
            match result {
                Ok(_) => published.push(self.published(backlog, &item.head)),
                Err(failure) => {
                    let delay = backlog.refuses(&item.head, self.timeline().now());
                    self.failed(&[item.head], &failure, delay).await;
                }
            }
        }
        published
    }

    /// Notes that an event is on the bus.
    fn published(&self, backlog: &mut Backlog, head: &Arc<EventHead>) -> EventId {
        let id = EventId::from(&**head);
        backlog.forget(&id);
        let head = Arc::clone(head);
        self.timeline().record(EventKind::EventPublished { head });
        id
    }

    /// Marks in the outbox what is on the bus.
    async fn settle(&self, backlog: &mut Backlog, published: Vec<EventId>) {
        if published.is_empty() || self.crashes(PublisherCrash::AfterPublishing) {
            return;
        }
        match self.mark(&self.calls.mark_published, published, None).await {
            Ok(waiting) => self.lock().handed_over.left_in_outbox(waiting),
            Err(failure) => self.waits(backlog, &self.calls.mark_published, &failure),
        }
    }

    async fn failed(&self, heads: &[Arc<EventHead>], failure: &Failure, delay: Duration) {
        for head in heads {
            self.timeline().record(EventKind::EventPublicationFailed {
                head: Arc::clone(head),
                code: Arc::clone(&failure.code),
                delay,
            });
        }
        let ids = heads.iter().map(|head| EventId::from(&**head)).collect();
        // It is tried again all the same; that the mark is missing shows as a failed call.
        let _ = self
            .mark(&self.calls.mark_failed, ids, Some(failure.clone()))
            .await;
    }

    async fn mark(
        &self,
        call: &Arc<CallHead>,
        events: Vec<EventId>,
        failure: Option<Failure>,
    ) -> Result<Option<u64>, Box<Failure>> {
        let input = Marked::new(events, failure).input();
        let reply = self.call(call, input).await?;
        Ok(reply[WAITING].as_u64())
    }

    async fn call(
        &self,
        head: &Arc<CallHead>,
        input: impl Into<Arc<Value>>,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let call = Call {
            head: Arc::clone(head),
            input: input.into(),
            key: None,
        };
        let reply = self.client.call(&call, &self.policy, None).await?;
        Ok(reply.value)
    }

    fn waits(&self, backlog: &mut Backlog, call: &Arc<CallHead>, failure: &Failure) {
        let delay = format_duration(backlog.waits(self.timeline().now()));
        self.timeline().record(EventKind::Warning {
            about: call.name.as_str().into(),
            message: format!("fails with {}, is called again in {delay}", failure.code),
        });
    }
}

/// Whether the bus is away, for whatever comes; else it refuses one event.
fn is_away(failure: &Failure) -> bool {
    failure.retryable || failure.in_doubt
}

/// The events that an outbox replies; `None` if it replies something else.
fn items(events: &Value) -> Option<Vec<Item>> {
    let events = events.as_array()?.iter().enumerate();
    events
        .map(|(place, event)| Item::read(place, event))
        .collect()
}
