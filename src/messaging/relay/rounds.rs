//! The rounds in which a relay publishes.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{PublisherCrash, RelayInner, backlog::Backlog};
use crate::{
    domain::{Call, CallHead, Failure, code, format_duration},
    messaging::{EventId, outbox::MarkInput},
    observability::{EventHead, EventKind},
};

/// The most events read in one round.
const BATCH: usize = 100;

enum Round {
    /// There may be more to publish.
    More,
    /// Nothing can be done now.
    Idle,
}

/// An event read from the outbox.
type Unpublished<'a> = (Arc<EventHead>, &'a Value);

impl RelayInner {
    pub async fn run(self: Arc<Self>) {
        let mut backlog = Backlog::default();
        loop {
            tokio::select! {
                biased;
                () = self.wake_up.notified() => {}
                () = self.sleep_until(backlog.due()) => {}
            }
            // Held until the end of the rounds, so that a pause between them does not count as idle.
            let at_work = self.activity.begin_work();
            while let Round::More = self.round(&mut backlog).await {}
            let crashed = self.state.lock().crashed;
            if crashed {
                // It was in the memory of the process.
                backlog = Backlog::default();
            }
            let defers = crashed || !backlog.is_empty();
            self.state.lock().deferred = defers.then(|| self.activity.defer());
            drop(at_work);
        }
    }

    async fn sleep_until(&self, at: Option<Duration>) {
        match at {
            Some(at) => self.timeline().clock().sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// Reads the oldest unpublished events, publishes them and marks them.
    async fn round(&self, backlog: &mut Backlog) -> Round {
        let woken = self.state.lock().woken.take();
        if self.state.lock().crashed || !backlog.is_due(self.timeline().now()) {
            return Round::Idle;
        }
        drop(woken);
        let limit = BATCH + backlog.held();
        let reply = self
            .call(&self.unpublished, json!({ "limit": limit }))
            .await;
        let events = match &reply {
            Ok(reply) => unpublished(reply).ok_or(code::CONTRACT_VIOLATION),
            Err(failure) => Err(&*failure.code),
        };
        let events = match events {
            Ok(events) => events,
            Err(code) => {
                self.wait(backlog, &self.unpublished, code);
                return Round::Idle;
            }
        };
        let all = events.len() < limit;
        let events = backlog.pick(events, all, self.timeline().now());
        if events.is_empty() {
            backlog.recover();
        } else if self.crashes(PublisherCrash::BeforePublishing) {
            return Round::Idle;
        } else {
            self.publish(backlog, events).await;
        }
        // Something may have been stored meanwhile.
        match all && self.state.lock().woken.is_none() {
            true => Round::Idle,
            false => Round::More,
        }
    }

    /// Publishes events in order. One that the bus refuses blocks only its own subject; a bus that is
    /// away ends the round.
    async fn publish(&self, backlog: &mut Backlog, events: Vec<Unpublished<'_>>) {
        let mut published = Vec::new();
        let mut events = events.into_iter();
        while let Some((head, event)) = events.next() {
            if backlog.blocks(&head) {
                continue;
            }
            let failure = match self.call(&self.publish, event.clone()).await {
                Ok(_) => {
                    let id = EventId::from(&*head);
                    backlog.remove(&id);
                    published.push(id);
                    self.timeline().record(EventKind::EventPublished { head });
                    continue;
                }
                Err(failure) => failure,
            };
            let now = self.timeline().now();
            if failure.retryable || failure.in_doubt {
                let delay = backlog.wait(now);
                let heads: Vec<_> = std::iter::once(head)
                    .chain(events.map(|(head, _)| head))
                    .collect();
                self.publication_failed(&heads, &failure, delay).await;
                break;
            }
            let delay = backlog.refuse(&head, now);
            self.publication_failed(&[head], &failure, delay).await;
        }
        if published.is_empty() || self.crashes(PublisherCrash::AfterPublishing) {
            return;
        }
        let marked = MarkInput::new(published, None).input();
        if let Err(failure) = self.call(&self.mark_published, marked).await {
            self.wait(backlog, &self.mark_published, &failure.code);
        }
    }

    async fn publication_failed(
        &self,
        heads: &[Arc<EventHead>],
        failure: &Failure,
        delay: Duration,
    ) {
        for head in heads {
            self.timeline().record(EventKind::EventPublicationFailed {
                head: Arc::clone(head),
                code: Arc::clone(&failure.code),
                delay,
            });
        }
        let ids = heads.iter().map(|head| EventId::from(&**head));
        let marked = MarkInput::new(ids, Some(failure.clone())).input();
        // The event is retried anyway, and the failed call is on the timeline.
        let _ = self.call(&self.mark_failed, marked).await;
    }

    async fn call(&self, head: &Arc<CallHead>, input: Value) -> Result<Arc<Value>, Box<Failure>> {
        let call = Call {
            head: Arc::clone(head),
            input: input.into(),
            key: None,
            accepts_fallback: false,
        };
        let reply = self.client.call(&call, &self.policy, None).await?;
        Ok(reply.value)
    }

    fn wait(&self, backlog: &mut Backlog, call: &CallHead, code: &str) {
        let delay = format_duration(backlog.wait(self.timeline().now()));
        self.timeline().record(EventKind::Warning {
            about: call.name.as_str().into(),
            message: format!("failed with {code}, retrying in {delay}"),
        });
    }
}

/// The events in an outbox's reply; `None` if it is something else.
fn unpublished(reply: &Value) -> Option<Vec<Unpublished<'_>>> {
    let head = |event: &Value| {
        let text = |name| match event.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(Arc::from(&**text)),
            _ => None,
        };
        Some(Arc::new(EventHead {
            kind: text("type")?,
            source: text("source")?,
            id: text("id")?,
            subject: text("subject"),
        }))
    };
    let events = reply.as_array()?.iter();
    events.map(|event| Some((head(event)?, event))).collect()
}
