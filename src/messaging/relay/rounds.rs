//! The rounds in which a relay publishes.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    PublisherCrash, RelayInner,
    backlog::{Backlog, WaitingSubjects},
};
use crate::{
    domain::{Call, CallHead, Failure, code, format_duration},
    messaging::{DeadLetter, EventId, outbox::MarkInput},
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
        let mut waiting = WaitingSubjects::default();
        let mut events = events.into_iter();
        while let Some((head, event)) = events.next() {
            if waiting.contains(&head) {
                continue;
            }
            let id = EventId::from(&*head);
            if backlog.given_up(&id).is_none() {
                let failure = match self.call(&self.publish, event.clone()).await {
                    Ok(_) => {
                        backlog.remove(&id);
                        published.push(Arc::clone(&head));
                        self.timeline().record(EventKind::EventPublished { head });
                        continue;
                    }
                    Err(failure) => failure,
                };
                let now = self.timeline().now();
                // What no execution came to was not refused by the bus.
                if failure.retryable || failure.in_doubt || failure.executions == 0 {
                    let delay = backlog.wait(now);
                    let heads: Vec<_> = std::iter::once(head)
                        .chain(events.map(|(head, _)| head))
                        .collect();
                    self.publication_failed(&heads, &failure, delay).await;
                    break;
                }
                if let Some(delay) = backlog.refuse(id.clone(), failure.clone(), now) {
                    waiting.insert(&head);
                    self.publication_failed(&[head], &failure, delay).await;
                    continue;
                }
                if self.previous_letter(&id).is_some() {
                    self.letters.record_redrive(&head, &failure.code);
                }
            }
            if !self.dead_letter(backlog, &id, &head, event).await {
                waiting.insert(&head);
            }
        }
        if published.is_empty() || self.crashes(PublisherCrash::AfterPublishing) {
            return;
        }
        let ids = published.iter().map(|head| EventId::from(&**head));
        let marked = MarkInput::new(ids, None).input();
        match self.call(&self.mark_published, marked).await {
            Ok(_) => self.remove_letters(&published).await,
            Err(failure) => self.wait(backlog, &self.mark_published, &failure.code),
        }
    }

    /// Makes a dead letter of an event that the bus refused for good; returns whether it is one.
    ///
    /// It is in the queue before the outbox forgets it, so that a crash between leaves it in both.
    async fn dead_letter(
        &self,
        backlog: &mut Backlog,
        id: &EventId,
        head: &Arc<EventHead>,
        event: &Value,
    ) -> bool {
        let Some(refused) = backlog.given_up(id) else {
            return false;
        };
        let previous = self.previous_letter(id);
        let letter = DeadLetter::new(
            self.letters.owner(),
            head,
            Arc::new(event.clone()),
            &refused.failure,
            &refused.runs(),
            previous.as_deref(),
        );
        let marked = MarkInput::new([id.clone()], Some(Failure::clone(&refused.failure))).input();
        if let Err(failure) = self.letters.put(&letter, head).await {
            let delay = backlog.postpone(id, self.timeline().now());
            self.letters.record_failure(head, &failure, delay);
            return false;
        }
        if let Err(failure) = self.call(&self.mark_dead_lettered, marked).await {
            backlog.postpone(id, self.timeline().now());
            self.wait(backlog, &self.mark_dead_lettered, &failure.code);
            return false;
        }
        backlog.remove(id);
        self.state.lock().redriven.remove(id);
        true
    }

    /// The dead letter that an event was before it was redriven.
    fn previous_letter(&self, id: &EventId) -> Option<Arc<DeadLetter>> {
        self.state.lock().redriven.get(id).cloned()
    }

    /// Removes the dead letters of redriven events that are on the bus.
    async fn remove_letters(&self, published: &[Arc<EventHead>]) {
        if self.state.lock().redriven.is_empty() {
            return;
        }
        for head in published {
            let letter = self.state.lock().redriven.remove(&EventId::from(&**head));
            if let Some(letter) = letter {
                self.letters.remove(&letter, head).await;
            }
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

    pub(super) async fn call(
        &self,
        head: &Arc<CallHead>,
        input: Value,
    ) -> Result<Arc<Value>, Box<Failure>> {
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
    let events = reply.as_array()?.iter();
    events
        .map(|event| Some((event_head(event)?, event)))
        .collect()
}

/// What identifies an event; `None` if it is none.
pub(super) fn event_head(event: &Value) -> Option<Arc<EventHead>> {
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
}
