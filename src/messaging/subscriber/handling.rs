use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    inbox::{Delivery, DeliveryNotice, EventStatus},
    loss::ConsumerLoss,
    places::Place,
    subscription::{EventFilter, Subscription},
};
use crate::{
    domain::{Call, CallHead, Failure, Key, KeyOrigin, code},
    messaging::{
        DeadLetter, EventDocument, LetterQueue, MessageActivity, letter_id, reconnect_delay,
    },
    observability::{EventHead, EventKind, HandlerRuns, LetterOwner, Timeline},
    resilience::Retry,
    services::{CallPolicy, CallResult, Client, Tries},
};

/// Filters each event of a subscription and calls the handler; one that fails permanently becomes a
/// dead letter.
pub(super) struct Handling {
    subscription: Subscription,
    client: Arc<Client>,
    activity: MessageActivity,
    policy: CallPolicy,
    handler: Arc<CallHead>,
    letters: LetterQueue,
}

/// What became of a delivery.
pub(super) enum Outcome {
    Handled,
    Filtered,
    /// With the dead letter, if its queue did not accept it.
    DeadLettered(Option<Box<UnstoredLetter>>),
}

impl Outcome {
    pub fn status(&self) -> EventStatus {
        match self {
            Self::Handled => EventStatus::Handled,
            Self::Filtered => EventStatus::Filtered,
            Self::DeadLettered(_) => EventStatus::DeadLettered,
        }
    }
}

/// A dead letter to be put into its queue.
pub(super) struct UnstoredLetter {
    letter: DeadLetter,
    head: Arc<EventHead>,
    failures: u32,
    /// The delay before the next retry.
    delay: Duration,
}

impl Handling {
    pub fn new(subscription: Subscription, client: Arc<Client>, activity: MessageActivity) -> Self {
        let id = &subscription.id;
        let owner = LetterOwner::Subscription(Arc::clone(id));
        Self {
            policy: CallPolicy {
                retry: subscription.retry.clone(),
                default_retry: Some(Retry::subscriber().into()),
                ..CallPolicy::default()
            },
            handler: Arc::new(CallHead::new(Arc::clone(id), subscription.handler.clone())),
            letters: LetterQueue::new(Arc::clone(&client), owner, id),
            subscription,
            client,
            activity,
        }
    }

    /// Where its dead letters go.
    pub fn letters(&self) -> &LetterQueue {
        &self.letters
    }

    fn timeline(&self) -> &Timeline {
        self.client.timeline()
    }

    /// Handles one delivery, perhaps of a redriven dead letter, in a place of the handler.
    pub async fn handle(
        self: Arc<Self>,
        document: EventDocument,
        redriven: Option<Arc<DeadLetter>>,
        place: Place,
    ) -> Outcome {
        let first_at = self.timeline().now();
        let handled = self.filter_and_call(&document, &place).await;
        // The dead letter queue may be slow.
        drop(place);
        match handled {
            Ok(outcome) => outcome,
            Err(failure) => {
                if redriven.is_some() {
                    self.letters.record_redrive(document.head(), &failure.code);
                }
                let runs = HandlerRuns {
                    retries: failure.executions.max(1) - 1,
                    redrives: 0,
                    first_at,
                    last_at: self.timeline().now(),
                };
                let unstored = Box::new(UnstoredLetter {
                    letter: DeadLetter::new(
                        self.letters.owner(),
                        document.head(),
                        Arc::clone(document.json()),
                        &failure,
                        &runs,
                        redriven.as_deref(),
                    ),
                    head: Arc::clone(document.head()),
                    failures: 0,
                    delay: Duration::ZERO,
                });
                // Boxed, so that the rare failure does not enlarge every future.
                Outcome::DeadLettered(Box::pin(self.put(unstored)).await)
            }
        }
    }

    /// Calls the handler unless the filter rejects the event.
    async fn filter_and_call(
        &self,
        document: &EventDocument,
        place: &Place,
    ) -> Result<Outcome, Box<Failure>> {
        let event = document.json();
        let wanted = match &self.subscription.filter {
            None => true,
            Some(EventFilter::Schema(schema)) => schema.faults(event).is_empty(),
            Some(EventFilter::Call(call)) => {
                let head = CallHead::new(Arc::clone(&self.subscription.id), call.clone());
                let reply = self.call_in(place, &Arc::new(head), event, None).await?;
                reply.value.as_bool().ok_or_else(|| {
                    let message = format!("a filter must reply true or false, not {}", reply.value);
                    Box::new(Failure::new(code::CONTRACT_VIOLATION, message).at(call))
                })?
            }
        };
        let subscription = Arc::clone(&self.subscription.id);
        let head = Arc::clone(document.head());
        if !wanted {
            self.timeline()
                .record(EventKind::EventFiltered { subscription, head });
            return Ok(Outcome::Filtered);
        }
        let key =
            Some(KeyOrigin::Subscription.key(letter_id(self.letters.owner(), document.head())));
        self.call_in(place, &self.handler, event, key).await?;
        self.timeline()
            .record(EventKind::EventHandled { subscription, head });
        Ok(Outcome::Handled)
    }

    async fn call_in(
        &self,
        place: &Place,
        head: &Arc<CallHead>,
        event: &Arc<Value>,
        key: Option<Key>,
    ) -> CallResult {
        let call = Call {
            head: Arc::clone(head),
            input: Arc::clone(event),
            key,
            accepts_fallback: false,
        };
        let tries = Tries::default();
        self.client
            .call_observed(&call, &self.policy, None, &tries, place)
            .await
    }

    /// Records why a delivery does not go to the handler directly.
    pub fn note(&self, notice: DeliveryNotice, delivery: &Delivery) {
        let subscription = Arc::clone(&self.subscription.id);
        let head = Arc::clone(delivery.document.head());
        self.timeline().record(match notice {
            DeliveryNotice::HeldBack => EventKind::EventHeldBack { subscription, head },
            DeliveryNotice::Duplicate => EventKind::DuplicateDropped { subscription, head },
        });
    }

    /// Records that the consumer is lost before it has acknowledged an event that it has handled.
    pub fn record_loss(&self, loss: &ConsumerLoss, handled: &Delivery) {
        let (fault, declared_at) = loss.faults.hit(loss.fault);
        self.timeline().record(EventKind::FaultInjected {
            call: self.handler.name.clone(),
            execution: None,
            fault,
            declared_at,
        });
        self.timeline().record(EventKind::ConsumerLost {
            subscription: Arc::clone(&self.subscription.id),
            head: Arc::clone(handled.document.head()),
            inbox: loss.inbox.as_str(),
        });
    }

    /// Puts a dead letter into its queue, retrying until the queue accepts it.
    pub fn dead_letter(
        self: Arc<Self>,
        mut unstored: Box<UnstoredLetter>,
    ) -> impl Future<Output = ()> + Send {
        let deferred = self.activity.defer();
        async move {
            loop {
                let clock = self.timeline().clock();
                clock.sleep(unstored.delay).await;
                let at_work = self.activity.begin_work();
                match self.put(unstored).await {
                    Some(again) => unstored = again,
                    None => break,
                }
                drop(at_work);
            }
            drop(deferred);
        }
    }

    /// Puts a dead letter into its queue; returns it if that fails.
    async fn put(&self, mut unstored: Box<UnstoredLetter>) -> Option<Box<UnstoredLetter>> {
        match self.letters.put(&unstored.letter, &unstored.head).await {
            Ok(()) => None,
            Err(failure) => {
                unstored.delay = reconnect_delay(unstored.failures);
                unstored.failures = unstored.failures.saturating_add(1);
                self.letters
                    .record_failure(&unstored.head, &failure, unstored.delay);
                Some(unstored)
            }
        }
    }
}
