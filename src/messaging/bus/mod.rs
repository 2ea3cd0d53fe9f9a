//! The event bus: delivers each event to the subscriptions of its type.

mod faults;
mod topics;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

use self::{faults::BusFaults, topics::Topics};
use super::{
    ActivityGuard, DeadLetter, EventDocument, EventTypes, MessageActivity, Subscription,
    subscriber::{self, Delivery, InboxLoss, SubjectPosition, SubscriberMessage},
};
use crate::{
    domain::{Call, Failure, Locked, Reply},
    observability::{EventKind, Timeline},
    services::{CallResult, Client, Faults, Service, UnknownName},
};

/// The event bus, as a service: delivers each event to the subscriptions of its type.
///
/// A handle: clones share the subscriptions.
#[derive(Clone)]
pub struct EventBus {
    inner: Arc<BusInner>,
}

struct BusInner {
    timeline: Timeline,
    activity: MessageActivity,
    types: EventTypes,
    faults: BusFaults,
    topics: Locked<Topics>,
    listener: OnceLock<Listener>,
}

/// Is told of every event that is published.
type Listener = Box<dyn Fn(&EventDocument) + Send + Sync>;

impl EventBus {
    /// Its name as a service.
    pub const NAME: &str = "EventBus";
    /// Its operation: takes one event, or an array of them.
    pub const PUBLISH: &str = "publish";

    /// A bus without subscriptions.
    pub fn new(timeline: Timeline, faults: Faults) -> Self {
        Self {
            inner: Arc::new(BusInner {
                activity: MessageActivity::default(),
                types: EventTypes::default(),
                faults: BusFaults::new(faults, timeline.clone()),
                topics: Locked::default(),
                listener: OnceLock::new(),
                timeline,
            }),
        }
    }

    /// Tells of every event that is published from now on; only the first listener counts.
    pub fn listen(&self, listener: impl Fn(&EventDocument) + Send + Sync + 'static) {
        let _ = self.inner.listener.set(Box::new(listener));
    }

    /// Deliveries on their way or at a handler.
    pub fn activity(&self) -> &MessageActivity {
        &self.inner.activity
    }

    /// The known event types.
    pub fn types(&self) -> &EventTypes {
        &self.inner.types
    }

    /// The event types that have a subscription, in no particular order.
    pub fn topics(&self) -> Vec<Arc<str>> {
        self.inner.topics.lock().types().cloned().collect()
    }

    /// The current subscriptions.
    pub fn subscriptions(&self) -> Vec<Arc<str>> {
        let topics = self.inner.topics.lock();
        topics
            .current()
            .map(|subscribed| Arc::clone(&subscribed.id))
            .collect()
    }

    /// Begins a subscription, or adds event types to an existing one.
    ///
    /// Must be called on a runtime.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_EVENT_TYPE`; `VALIDATION_FAILED` if the subscription exists and the new one has
    /// another handler, a filter, a retry policy or a rule for dead letters.
    pub fn subscribe(
        &self,
        subscription: Subscription,
        client: &Arc<Client>,
    ) -> Result<(), Box<Failure>> {
        let inner = &self.inner;
        for kind in &subscription.types {
            inner.types.check(kind)?;
        }
        let mut topics = inner.topics.lock();
        let types = subscription.types.clone();
        let place = match topics.find(&subscription.id) {
            Ok(place) => {
                topics.at(place).check_more(&subscription)?;
                place
            }
            Err(_) => {
                let (inbox, messages) = unbounded_channel();
                let place = topics.add(&subscription, inbox);
                let activity = inner.activity.clone();
                let client = Arc::clone(client);
                tokio::spawn(subscriber::serve(subscription, client, activity, messages));
                place
            }
        };
        for kind in types {
            if topics.open(place, &kind) {
                inner.timeline.record(EventKind::TopicOpened { kind });
            }
        }
        Ok(())
    }

    /// Holds the deliveries of a subscription from now on.
    ///
    /// # Errors
    ///
    /// If the subscription does not exist.
    pub fn pause(&self, subscription: &str) -> Result<(), UnknownName> {
        let (_, subscription) = self.send(subscription, SubscriberMessage::Pause)?;
        let paused = EventKind::SubscriptionPaused { subscription };
        self.inner.timeline.record(paused);
        Ok(())
    }

    /// Resumes the deliveries of a subscription, in order.
    ///
    /// # Errors
    ///
    /// If the subscription does not exist.
    pub fn resume(&self, subscription: &str) -> Result<(), UnknownName> {
        let (_, subscription) = self.send(subscription, SubscriberMessage::Resume)?;
        let resumed = EventKind::SubscriptionResumed { subscription };
        self.inner.timeline.record(resumed);
        Ok(())
    }

    /// Ends a subscription: its handler receives no more events, not even those on their way.
    ///
    /// # Errors
    ///
    /// If the subscription does not exist.
    pub fn end(&self, subscription: &str) -> Result<(), UnknownName> {
        let (place, subscription) = self.send(subscription, SubscriberMessage::End)?;
        let ended = EventKind::SubscriptionEnded { subscription };
        self.inner.timeline.record(ended);
        for kind in self.inner.topics.lock().end(place) {
            let released = EventKind::TopicReleased { kind };
            self.inner.timeline.record(released);
        }
        Ok(())
    }

    fn send(
        &self,
        subscription: &str,
        message: impl FnOnce(ActivityGuard) -> SubscriberMessage,
    ) -> Result<(usize, Arc<str>), UnknownName> {
        let topics = self.inner.topics.lock();
        let place = topics.find(subscription)?;
        let subscribed = topics.at(place);
        subscribed.send(message(self.inner.activity.begin_work()));
        Ok((place, Arc::clone(&subscribed.id)))
    }

    /// Delivers every event twice from now on.
    pub fn deliver_twice(&self, at: impl Into<Arc<str>>) {
        self.inner.faults.twice(at);
    }

    /// Delivers one event late: the n-th of a subscription's, counted from 1.
    ///
    /// # Errors
    ///
    /// If the subscription does not exist, or has already received that many events.
    pub fn deliver_late(
        &self,
        subscription: &str,
        delivery: u32,
        by: Duration,
        at: impl Into<Arc<str>>,
    ) -> Result<(), String> {
        let topics = self.inner.topics.lock();
        let place = topics
            .find(subscription)
            .map_err(|error| error.to_string())?;
        let subscribed = topics.at(place);
        let received = subscribed.deliveries;
        if delivery <= received {
            return Err(format!(
                "{subscription} has already received {received} event(s), so event {delivery} can no longer be late"
            ));
        }
        let id = Arc::clone(&subscribed.id);
        self.inner.faults.late(id, delivery, by, at.into());
        Ok(())
    }

    /// Loses a subscription's consumer, once, when it has handled the next event and not acknowledged it;
    /// another takes over.
    ///
    /// # Errors
    ///
    /// If the subscription does not exist.
    pub fn lose_consumer(
        &self,
        subscription: &str,
        inbox: InboxLoss,
        at: impl Into<Arc<str>>,
    ) -> Result<(), UnknownName> {
        self.send(subscription, |_| {
            SubscriberMessage::LoseConsumer(self.inner.faults.loss(subscription, inbox, at))
        })?;
        Ok(())
    }

    /// Makes a dead letter of a subscription hold the later events of its subject, from the next one on.
    ///
    /// # Errors
    ///
    /// If the subscription does not exist.
    pub fn hold_subjects(&self, subscription: &str) -> Result<(), UnknownName> {
        self.send(subscription, |_| SubscriberMessage::HoldSubjects)?;
        Ok(())
    }

    /// How often a dead letter of a subscription may be redriven, if it has a limit.
    ///
    /// # Errors
    ///
    /// If the subscription does not exist.
    pub(super) fn max_redrives(&self, subscription: &str) -> Result<Option<u32>, String> {
        let topics = self.inner.topics.lock();
        let place = topics.find(subscription);
        let place = place.map_err(|error| error.to_string())?;
        Ok(topics.at(place).max_redrives)
    }

    /// Delivers a dead letter to its subscription again.
    ///
    /// # Errors
    ///
    /// If the subscription does not exist, or the letter holds no event.
    pub(super) fn redrive(&self, subscription: &str, letter: DeadLetter) -> Result<(), String> {
        self.inner.deliver_again(subscription, letter)
    }
}

impl BusInner {
    fn publish(&self, input: &Arc<Value>) -> CallResult {
        let documents = EventDocument::read_all(input).map_err(|error| error.failure())?;
        for document in &documents {
            self.types.check(&document.head().kind)?;
        }
        let mut topics = self.topics.lock();
        for document in &documents {
            if let Some(listener) = self.listener.get() {
                listener(document);
            }
            self.deliver(&mut topics, document);
        }
        Ok(Reply::empty())
    }

    fn deliver(&self, topics: &mut Topics, document: &EventDocument) {
        let (event, subject) = (topics.event(document), topics.subject(document));
        for subscribed in topics.of(document) {
            subscribed.deliveries += 1;
            let (id, handler) = (&subscribed.id, &subscribed.handler);
            let fault = self.faults.hit(id, handler, subscribed.deliveries);
            let delivery = Delivery {
                document: document.clone(),
                event,
                position: subject.map(|subject| subscribed.next_position(subject)),
                letter: None,
                at_work: Some(self.activity.begin_work()),
            };
            subscribed.deliver(delivery, fault);
        }
    }

    fn deliver_again(&self, subscription: &str, letter: DeadLetter) -> Result<(), String> {
        let document =
            EventDocument::read(Arc::clone(&letter.event)).map_err(|error| error.to_string())?;
        let mut topics = self.topics.lock();
        let (event, subject) = (topics.event(&document), topics.subject(&document));
        let place = topics.find(subscription);
        let place = place.map_err(|error| error.to_string())?;
        topics.at(place).send(SubscriberMessage::Deliver(Delivery {
            document,
            event,
            position: subject.map(|subject| SubjectPosition {
                subject,
                number: None,
            }),
            letter: Some(Arc::new(letter)),
            at_work: Some(self.activity.begin_work()),
        }));
        Ok(())
    }
}

#[async_trait]
impl Service for EventBus {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(vec![Self::PUBLISH])
    }

    fn has_operation(&self, operation: &str) -> bool {
        operation == Self::PUBLISH
    }

    async fn call(&self, call: &Call) -> CallResult {
        let published = self.inner.publish(&call.input);
        published.map_err(|failure| Box::new(failure.at(call.name())))
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventBus")
            .field(&self.subscriptions())
            .finish()
    }
}
