use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{Filter, Subscription, inbox::Standing};
use crate::{
    domain::{Call, CallHead, CallName, Failure, Key, code},
    messaging::{
        Activity, DeadLetter, DeadLetters, EventDocument, LetterError, Origin, delivery::Delivery,
        reconnecting::Reconnecting,
    },
    observability::{Attempts, EventHead, EventKind, Timeline},
    resilience::Retry,
    services::{CallPolicy, CallResult, Client},
};

/// What happens to one event after the other in a subscription: filter, handler, and dead letter
/// where they fail for good.
pub(super) struct Handling {
    subscription: Subscription,
    client: Arc<Client>,
    activity: Activity,
    policy: CallPolicy,
    handler: Arc<CallHead>,
    put: Arc<CallHead>,
    remove: Arc<CallHead>,
}

/// A delivery that the handler is done with.
pub(super) struct Done {
    pub delivery: Delivery,
    pub standing: Standing,
    /// A dead letter that its queue did not take, and how long to wait before it is tried again.
    pub undelivered: Option<Box<Undelivered>>,
}

/// A dead letter that its queue did not take.
pub(super) struct Undelivered {
    letter: DeadLetter,
    head: Arc<EventHead>,
    delays: Reconnecting,
    delay: Duration,
}

/// What a handler made of an event.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    Handled,
    Unwanted,
}

impl Handling {
    pub fn new(subscription: Subscription, client: Arc<Client>, activity: Activity) -> Self {
        let call = |name| Arc::new(CallHead::new(Arc::clone(&subscription.id), name));
        let letters = |operation| call(CallName::new(DeadLetters::NAME, operation));
        Self {
            policy: CallPolicy {
                retry: subscription.retry.clone(),
                usual_retry: Some(Retry::subscriber().into()),
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

    /// Sees one delivery to its end.
    pub async fn handle(self: Arc<Self>, delivery: Delivery) -> Done {
        let document = &delivery.document;
        let first_at = self.timeline().now();
        let verdict = self.judge(document).await;
        let (standing, undelivered) = match verdict {
            Ok(verdict) => {
                self.settled(document, verdict);
                if let Some(letter) = &delivery.letter {
                    Box::pin(self.clear(letter, document.head())).await;
                }
                (Standing::Settled, None)
            }
            Err(failure) => {
                if delivery.letter.is_some() {
                    self.redriven(document.head(), &failure.code);
                }
                let former = delivery.letter.as_deref();
                let undelivered = Box::new(Undelivered {
                    letter: self.letter(document, &failure, first_at, former),
                    head: Arc::clone(document.head()),
                    delays: Reconnecting::default(),
                    delay: Duration::ZERO,
                });
                // Boxed, so that the few that come here do not make this large for all.
                let undelivered = Box::pin(self.put(undelivered)).await;
                (Standing::DeadLettered, undelivered)
            }
        };
        Done {
            delivery,
            standing,
            undelivered,
        }
    }

    async fn judge(&self, document: &EventDocument) -> Result<Verdict, Box<Failure>> {
        let event = document.json();
        let wanted = match &self.subscription.filter {
            None => true,
            Some(Filter::Schema(schema)) => schema.faults(event).is_empty(),
            Some(Filter::Call(call)) => {
                let head = CallHead::new(Arc::clone(&self.subscription.id), call.clone());
                let reply = self
                    .call(&Arc::new(head), Arc::clone(event), None, &self.policy)
                    .await?;
                reply.value.as_bool().ok_or_else(|| {
                    let message = format!("a filter replies true or false, not {}", reply.value);
                    Box::new(Failure::new(code::CONTRACT_VIOLATION, message).at(call))
                })?
            }
        };
        if !wanted {
            return Ok(Verdict::Unwanted);
        }
        let key = Some(Key::Do(self.letter_id(document.head())));
        self.call(&self.handler, Arc::clone(event), key, &self.policy)
            .await?;
        Ok(Verdict::Handled)
    }

    fn settled(&self, document: &EventDocument, verdict: Verdict) {
        let subscription = Arc::clone(&self.subscription.id);
        let head = Arc::clone(document.head());
        self.timeline().record(match verdict {
            Verdict::Handled => EventKind::EventHandled { subscription, head },
            Verdict::Unwanted => EventKind::EventFiltered { subscription, head },
        });
    }

    /// The dead letter of an event; one that was delivered again counts on from the former.
    fn letter(
        &self,
        document: &EventDocument,
        failure: &Failure,
        first_at: Duration,
        former: Option<&DeadLetter>,
    ) -> DeadLetter {
        let executions = failure.executions.max(1);
        let head = document.head();
        DeadLetter {
            id: self.letter_id(head),
            subscription: Arc::clone(&self.subscription.id),
            origin: Origin {
                source: Arc::clone(&head.source),
                kind: Arc::clone(&head.kind),
            },
            event: Arc::clone(document.json()),
            error: LetterError {
                code: Arc::clone(&failure.code),
                message: failure.message.clone(),
            },
            retries: former.map_or(executions - 1, |former| former.retries + executions),
            first_at: former.map_or(first_at, |former| former.first_at),
            last_at: self.timeline().now(),
        }
    }

    /// Puts a dead letter into its queue until it is there.
    pub fn bury_later(
        self: Arc<Self>,
        mut undelivered: Box<Undelivered>,
    ) -> impl Future<Output = ()> + Send {
        let owed = self.activity.owed();
        async move {
            loop {
                let clock = self.timeline().clock();
                clock.sleep(undelivered.delay).await;
                let at_work = self.activity.at_work();
                match self.put(undelivered).await {
                    Some(again) => undelivered = again,
                    None => break,
                }
                drop(at_work);
            }
            drop(owed);
        }
    }

    /// Puts a dead letter into its queue; gives it back if that fails.
    async fn put(&self, mut undelivered: Box<Undelivered>) -> Option<Box<Undelivered>> {
        let letter = &undelivered.letter;
        // Numbers and texts under keys that are texts: there is nothing that JSON cannot say.
        let input = serde_json::to_value(letter).unwrap_or_default();
        let result = self.call(&self.put, input, None, &once()).await;
        let subscription = Arc::clone(&self.subscription.id);
        let head = Arc::clone(&undelivered.head);
        match result {
            Ok(_) => {
                self.timeline().record(EventKind::EventDeadLettered {
                    subscription,
                    head,
                    code: Arc::clone(&letter.error.code),
                    attempts: Box::new(Attempts {
                        retries: letter.retries,
                        first_at: letter.first_at,
                        last_at: letter.last_at,
                    }),
                });
                None
            }
            Err(failure) => {
                undelivered.delay = undelivered.delays.next_delay();
                self.timeline().record(EventKind::DeadLetterFailed {
                    subscription,
                    head,
                    code: Arc::clone(&failure.code),
                    delay: undelivered.delay,
                });
                Some(undelivered)
            }
        }
    }

    /// Takes a dead letter, whose event is settled, out of its queue.
    pub async fn clear(&self, letter: &DeadLetter, head: &Arc<EventHead>) {
        let input = json!({ "id": letter.id });
        match self.call(&self.remove, input, None, &once()).await {
            Ok(_) => self.redriven(head, "ok"),
            Err(failure) => self.timeline().record(EventKind::Warning {
                about: self.remove.name.as_str().into(),
                message: format!(
                    "fails with {}, so the letter {} stays until it is redriven once more",
                    failure.code, letter.id
                ),
            }),
        }
    }

    fn redriven(&self, head: &Arc<EventHead>, result: &str) {
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

    async fn call(
        &self,
        head: &Arc<CallHead>,
        input: impl Into<Arc<Value>>,
        key: Option<Key>,
        policy: &CallPolicy,
    ) -> CallResult {
        let call = Call {
            head: Arc::clone(head),
            input: input.into(),
            key,
        };
        self.client.call(&call, policy, None).await
    }
}

/// What fails is tried again later, not within the call.
fn once() -> CallPolicy {
    CallPolicy {
        retry: Some(Retry::none().into()),
        ..CallPolicy::default()
    }
}
