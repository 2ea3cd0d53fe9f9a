use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Projection,
    progress::{ApplyResult, NextAction},
    read_model::{BatchProgress, REPLAY},
};
use crate::{
    cqrs::store::{EVENT_STORE, LastPosition},
    domain::{Call, CallHead, CallName, Failure, Key, KeyOrigin, code, from_value},
    services::{CallPolicy, Client},
};

/// How many events are read in one call.
const BATCH: usize = 500;

/// The task that delivers stored events to one projection.
pub(super) struct ProjectionTask {
    pub projection: Arc<Projection>,
    pub client: Arc<Client>,
    pub positions: LastPosition,
    pub caller: Arc<str>,
    /// Called when it has caught up with the read model beside which it rebuilds its own.
    pub take_over: Option<Box<dyn Fn() + Send + Sync>>,
}

/// A page of events that lacks one.
struct Gap {
    missing: u64,
    /// The position after it, if there is any.
    found: Option<u64>,
}

impl ProjectionTask {
    pub async fn run(mut self) {
        loop {
            if let Some(take_over) = self.take_over.take_if(|_| !self.projection.is_rebuilding()) {
                take_over();
            }
            let last = self.positions.get();
            match self.projection.next_action(last) {
                NextAction::Wait => {
                    tokio::select! {
                        biased;
                        () = self.projection.wake.notified() => {}
                        () = self.positions.changed_from(last) => {}
                    }
                }
                NextAction::Reset { generation } => match self.reset(generation).await {
                    Ok(()) => self.projection.record_reset(generation),
                    Err(_) => self.wait_to_retry().await,
                },
                NextAction::Read { after, generation } => match self.read(after).await {
                    Ok(batch) => {
                        let (batch, gap) = without_gap(batch, after);
                        let delivered = self.deliver(&batch, after, generation).await;
                        if let Some(Gap { missing, found }) = gap.filter(|_| delivered) {
                            self.projection.hold(missing, found, generation);
                            self.wait_to_retry().await;
                        }
                    }
                    // The store's failure, already on the timeline, is not the projection's.
                    Err(_) => self.wait_to_retry().await,
                },
            }
        }
    }

    async fn wait_to_retry(&self) {
        self.projection.begin_wait();
        tokio::select! {
            biased;
            () = self.projection.wake.notified() => {}
            () = tokio::time::sleep(self.projection.definition.retry_delay) => {}
        }
    }

    async fn read(&self, after: u64) -> Result<Arc<Value>, Box<Failure>> {
        let call = CallName::new(EVENT_STORE, "read");
        let input = json!({"after": after, "limit": BATCH});
        let reply = self.call(call, input, None).await?;
        match reply["events"].is_array() {
            true => Ok(reply),
            false => Err(Box::new(Failure::new(
                code::CONTRACT_VIOLATION,
                "the reply has no \"events\"",
            ))),
        }
    }

    async fn reset(&self, generation: u64) -> Result<(), Box<Failure>> {
        let Some(reset) = self.projection.reset.clone() else {
            return Ok(());
        };
        let (input, key) = match self.projection.read_model {
            Some(_) => (json!({ "generation": generation }), None),
            None => (json!({}), Some(self.key(generation, "reset"))),
        };
        self.call(reset, input, key).await?;
        Ok(())
    }

    /// Delivers a batch: in one call in a rebuild, else event by event, in order, so that each takes
    /// time, fails and is retried on its own. Returns whether all were delivered.
    async fn deliver(&self, batch: &Arc<Value>, after: u64, generation: u64) -> bool {
        if events_of(batch).next().is_none() {
            return true;
        }
        if self.projection.is_replaying() {
            let result = self.replay(batch, after, generation).await;
            if result == ApplyResult::Retry {
                self.wait_to_retry().await;
            }
            return result == ApplyResult::Applied;
        }
        for stored in events_of(batch) {
            loop {
                match self.apply(stored, generation).await {
                    ApplyResult::Applied => break,
                    ApplyResult::Stale => return false,
                    ApplyResult::Retry => {
                        self.wait_to_retry().await;
                        if !self.projection.end_wait(generation) {
                            return false;
                        }
                    }
                }
            }
        }
        true
    }

    async fn replay(&self, batch: &Arc<Value>, after: u64, generation: u64) -> ApplyResult {
        let name = CallName::new(self.projection.name(), REPLAY);
        // The batch is passed on as it was read, so that it is not copied.
        let reply = self.call(name, Arc::clone(batch), None).await;
        let progress = reply.and_then(|reply| {
            from_value::<BatchProgress>(&reply)
                .map_err(|error| error.failure(code::CONTRACT_VIOLATION))
        });
        let (position, failure) = match progress {
            Ok(mut progress) => {
                let failure = progress.failure.take();
                let recorded = self.projection.record_progress(&progress, None, generation);
                match failure {
                    Some(failure) if recorded == ApplyResult::Applied => {
                        (progress.position, failure)
                    }
                    _ => return recorded,
                }
            }
            Err(failure) => (after, failure),
        };
        match events_of(batch).find(|stored| position_of(stored) > position) {
            Some(stored) => self.fail(stored, *failure, generation),
            None => ApplyResult::Retry,
        }
    }

    async fn apply(&self, stored: &Value, generation: u64) -> ApplyResult {
        let Some(after) = self.projection.last_settled(generation) else {
            return ApplyResult::Stale;
        };
        let (position, event) = (position_of(stored), &stored["event"]);
        let handles = &self.projection.definition.handles;
        let mut progress = BatchProgress::skipped(position);
        if handles.contains_key(event["type"].as_str().unwrap_or_default()) {
            let lifted = match &self.projection.read_model {
                // It lifts events itself.
                Some(_) => Ok(None),
                None => self.projection.definition.lifted(event),
            };
            let lifted = match lifted {
                Ok(lifted) => lifted,
                Err(failure) => return self.fail(stored, *failure, generation),
            };
            let event = lifted.as_ref().unwrap_or(event);
            let input = json!({"position": position, "after": after, "event": event});
            // A read model recognises a repeated event by its position, another service by the key.
            let key = self
                .projection
                .read_model
                .is_none()
                .then(|| self.key(generation, &position.to_string()));
            let call = self.projection.apply.clone();
            if let Err(failure) = self.call(call, input, key).await {
                return self.fail(stored, *failure, generation);
            }
            progress = BatchProgress::applied(position);
        }
        self.projection
            .record_progress(&progress, Some(event), generation)
    }

    fn key(&self, generation: u64, what: &str) -> Key {
        KeyOrigin::Projection.key(format!("{}/{generation}/{what}", self.projection.name()))
    }

    fn fail(&self, stored: &Value, failure: Failure, generation: u64) -> ApplyResult {
        let event = &stored["event"];
        self.projection
            .record_failure(position_of(stored), event, failure, generation)
    }

    async fn call(
        &self,
        name: CallName,
        input: impl Into<Arc<Value>>,
        key: Option<Key>,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let call = Call {
            head: Arc::new(CallHead::new(Arc::clone(&self.caller), name)),
            input: input.into(),
            key,
            accepts_fallback: false,
        };
        let reply = self
            .client
            .call(&call, &CallPolicy::default(), None)
            .await?;
        Ok(reply.value)
    }
}

/// The part of a page that continues after a position without a gap, and what is missing then.
fn without_gap(batch: Arc<Value>, after: u64) -> (Arc<Value>, Option<Gap>) {
    let mut next = after + 1;
    let mut kept = Vec::new();
    let mut found = None;
    for stored in events_of(&batch) {
        let position = position_of(stored);
        if position > next {
            found = Some(position);
            break;
        }
        if position == next {
            kept.push(stored);
            next += 1;
        }
    }
    let gap = (found.is_some() || kept.is_empty()).then_some(Gap {
        missing: next,
        found,
    });
    if batch["after"] == after && kept.len() == events_of(&batch).count() {
        return (batch, gap);
    }
    let kept = json!({"after": after, "events": kept});
    (Arc::new(kept), gap)
}

fn events_of(batch: &Value) -> impl Iterator<Item = &Value> {
    batch["events"].as_array().into_iter().flatten()
}

fn position_of(stored: &Value) -> u64 {
    stored["position"].as_u64().unwrap_or_default()
}
