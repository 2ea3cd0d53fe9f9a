use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{DeadLetter, DeadLetters};
use crate::{
    domain::{Call, CallHead, CallName, Failure},
    observability::{EventHead, EventKind, LetterOwner, Timeline},
    resilience::Retry,
    services::{CallPolicy, CallResult, Client},
};

/// The dead letter queue, as a subscription or an outbox uses it.
pub(super) struct LetterQueue {
    client: Arc<Client>,
    owner: Arc<LetterOwner>,
    put: Arc<CallHead>,
    remove: Arc<CallHead>,
}

impl LetterQueue {
    /// The queue for the letters of one owner, which a caller puts there.
    pub fn new(client: Arc<Client>, owner: LetterOwner, caller: &Arc<str>) -> Self {
        let head = |operation| {
            let name = CallName::new(DeadLetters::NAME, operation);
            Arc::new(CallHead::new(Arc::clone(caller), name))
        };
        Self {
            put: head(DeadLetters::PUT),
            remove: head(DeadLetters::REMOVE),
            client,
            owner: Arc::new(owner),
        }
    }

    /// What its letters belong to.
    pub fn owner(&self) -> &LetterOwner {
        &self.owner
    }

    /// Puts a letter into the queue, in place of an earlier one.
    ///
    /// # Errors
    ///
    /// The failure of the queue.
    pub async fn put(
        &self,
        letter: &DeadLetter,
        head: &Arc<EventHead>,
    ) -> Result<(), Box<Failure>> {
        // Only strings and numbers, so serialising cannot fail.
        let input = serde_json::to_value(letter).unwrap_or_default();
        self.call(&self.put, input).await?;
        self.timeline().record(EventKind::EventDeadLettered {
            owner: Arc::clone(&self.owner),
            head: Arc::clone(head),
            code: Arc::clone(&letter.error.code),
            runs: Box::new(letter.runs()),
        });
        Ok(())
    }

    /// The queue did not accept a letter, which is put there again after a delay.
    pub fn record_failure(&self, head: &Arc<EventHead>, failure: &Failure, delay: Duration) {
        self.timeline().record(EventKind::DeadLetterFailed {
            owner: Arc::clone(&self.owner),
            head: Arc::clone(head),
            code: Arc::clone(&failure.code),
            delay,
        });
    }

    /// Removes a letter whose event is settled from the queue.
    pub async fn remove(&self, letter: &DeadLetter, head: &Arc<EventHead>) {
        match self.call(&self.remove, json!({ "id": letter.id })).await {
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

    /// The result of a redrive.
    pub fn record_redrive(&self, head: &Arc<EventHead>, result: &str) {
        self.timeline().record(EventKind::EventRedriven {
            owner: Arc::clone(&self.owner),
            head: Arc::clone(head),
            result: result.into(),
        });
    }

    /// A redriven event comes after newer ones of its subject.
    pub fn warn_behind_newer(&self, head: &EventHead) {
        let (LetterOwner::Subscription(about) | LetterOwner::Outbox(about)) = &*self.owner;
        let subject = head.subject.as_deref().unwrap_or_default();
        self.timeline().record(EventKind::Warning {
            about: Arc::clone(about),
            message: format!(
                "the redriven event {}#{} comes after newer events of {subject:?}",
                head.source, head.id
            ),
        });
    }

    /// Without retries: a failure is retried later, not within the call.
    async fn call(&self, head: &Arc<CallHead>, input: Value) -> CallResult {
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

    fn timeline(&self) -> &Timeline {
        self.client.timeline()
    }
}
