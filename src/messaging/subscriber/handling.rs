use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    inbox::{Delivery, EventStatus},
    places::Place,
    subscription::{EventFilter, Subscription},
};
use crate::{
    domain::{Call, CallHead, CallName, Failure, Key, KeyOrigin, code},
    messaging::{
        DeadLetter, DeadLetters, EventDocument, EventOrigin, LetterError, MessageActivity,
        reconnect_delay,
    },
    observability::{EventHead, EventKind, HandlerRuns, Timeline},
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
    put: Arc<CallHead>,
    remove: Arc<CallHead>,
}

/// A delivery after its handler.
pub(super) struct HandledDelivery {
    pub delivery: Delivery,
    pub status: EventStatus,
    /// A dead letter that its queue did not accept.
    pub unstored: Option<Box<UnstoredLetter>>,
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
        let call = |name| Arc::new(CallHead::new(Arc::clone(&subscription.id), name));
        let letters = |operation| call(CallName::new(DeadLetters::NAME, operation));
        Self {
            policy: CallPolicy {
                retry: subscription.retry.clone(),
                default_retry: Some(Retry::subscriber().into()),
                ..CallPolicy::default()
            },
            handler: call(subscription.handler.clone()),
            put: letters(DeadLetters::PUT),
            remove: letters(DeadLetters::REMOVE),
            subscription,
            client,
            activity,
        }
    }

    pub fn subscription(&self) -> &Arc<str> {
        &self.subscription.id
    }

    pub fn timeline(&self) -> &Timeline {
        self.client.timeline()
    }

    /// Handles one delivery, in a place of the handler.
    pub async fn handle(self: Arc<Self>, delivery: Delivery, place: Place) -> HandledDelivery {
        let document = &delivery.document;
        let first_at = self.timeline().now();
        let handled = self.filter_and_call(document, &place).await;
        // The dead letter queue may be slow.
        drop(place);
        let (status, unstored) = match handled {
            Ok(wanted) => {
                self.record_settled(document, wanted);
                if let Some(letter) = &delivery.letter {
                    Box::pin(self.clear(letter, document.head())).await;
                }
                (EventStatus::Settled, None)
            }
            Err(failure) => {
                if delivery.letter.is_some() {
                    self.record_redrive(document.head(), &failure.code);
                }
                let previous = delivery.letter.as_deref();
                let unstored = Box::new(UnstoredLetter {
                    letter: self.letter(document, &failure, first_at, previous),
                    head: Arc::clone(document.head()),
                    failures: 0,
                    delay: Duration::ZERO,
                });
                // Boxed, so that the rare failure does not enlarge every future.
                let unstored = Box::pin(self.put(unstored)).await;
                (EventStatus::DeadLettered, unstored)
            }
        };
        HandledDelivery {
            delivery,
            status,
            unstored,
        }
    }

    /// Calls the handler unless the filter rejects the event; returns whether the handler was called.
    async fn filter_and_call(
        &self,
        document: &EventDocument,
        place: &Place,
    ) -> Result<bool, Box<Failure>> {
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
        if !wanted {
            return Ok(false);
        }
        let key = Some(KeyOrigin::Subscription.key(self.letter_id(document.head())));
        self.call_in(place, &self.handler, event, key).await?;
        Ok(true)
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

    fn record_settled(&self, document: &EventDocument, wanted: bool) {
        let subscription = Arc::clone(&self.subscription.id);
        let head = Arc::clone(document.head());
        self.timeline().record(match wanted {
            true => EventKind::EventHandled { subscription, head },
            false => EventKind::EventFiltered { subscription, head },
        });
    }

    /// The dead letter of an event; a redriven one continues the counts of the previous.
    fn letter(
        &self,
        document: &EventDocument,
        failure: &Failure,
        first_at: Duration,
        previous: Option<&DeadLetter>,
    ) -> DeadLetter {
        let executions = failure.executions.max(1);
        let head = document.head();
        DeadLetter {
            id: self.letter_id(head),
            subscription: Arc::clone(&self.subscription.id),
            origin: EventOrigin {
                source: Arc::clone(&head.source),
                kind: Arc::clone(&head.kind),
            },
            event: Arc::clone(document.json()),
            error: LetterError {
                code: Arc::clone(&failure.code),
                message: failure.message.clone(),
            },
            retries: previous.map_or(executions - 1, |previous| previous.retries + executions),
            first_at: previous.map_or(first_at, |previous| previous.first_at),
            last_at: self.timeline().now(),
        }
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
        let letter = &unstored.letter;
        // Only strings and numbers, so serialising cannot fail.
        let input = serde_json::to_value(letter).unwrap_or_default();
        let result = self.call_once(&self.put, input).await;
        let subscription = Arc::clone(&self.subscription.id);
        let head = Arc::clone(&unstored.head);
        match result {
            Ok(_) => {
                self.timeline().record(EventKind::EventDeadLettered {
                    subscription,
                    head,
                    code: Arc::clone(&letter.error.code),
                    runs: Box::new(HandlerRuns {
                        retries: letter.retries,
                        first_at: letter.first_at,
                        last_at: letter.last_at,
                    }),
                });
                None
            }
            Err(failure) => {
                unstored.delay = reconnect_delay(unstored.failures);
                unstored.failures = unstored.failures.saturating_add(1);
                self.timeline().record(EventKind::DeadLetterFailed {
                    subscription,
                    head,
                    code: Arc::clone(&failure.code),
                    delay: unstored.delay,
                });
                Some(unstored)
            }
        }
    }

    /// Removes a dead letter whose event is settled from its queue.
    pub async fn clear(&self, letter: &DeadLetter, head: &Arc<EventHead>) {
        let input = json!({ "id": letter.id });
        match self.call_once(&self.remove, input).await {
            Ok(_) => self.record_redrive(head, "ok"),
            Err(failure) => self.timeline().record(EventKind::Warning {
                about: self.remove.name.as_str().into(),
                message: format!(
                    "failed with {}, so dead letter {} stays until it is redriven again",
                    failure.code, letter.id
                ),
            }),
        }
    }

    fn record_redrive(&self, head: &Arc<EventHead>, result: &str) {
        self.timeline().record(EventKind::EventRedriven {
            subscription: Arc::clone(&self.subscription.id),
            head: Arc::clone(head),
            result: result.into(),
        });
    }

    fn letter_id(&self, head: &EventHead) -> Arc<str> {
        let (subscription, source, id) = (&*self.subscription.id, &*head.source, &*head.id);
        [subscription, "/", source, "#", id].concat().into()
    }

    /// Without retries: a failure is retried later, not within the call.
    async fn call_once(&self, head: &Arc<CallHead>, input: Value) -> CallResult {
        let call = Call {
            head: Arc::clone(head),
            input: Arc::new(input),
            key: None,
            accepts_fallback: false,
        };
        let policy = CallPolicy {
            retry: Some(Retry::none().into()),
            ..CallPolicy::default()
        };
        self.client.call(&call, &policy, None).await
    }
}
