use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    ApplyResult, NextAction, Projection,
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
}

impl ProjectionTask {
    pub async fn run(self) {
        loop {
            let last = self.positions.get();
            match self.projection.next_action(last) {
                NextAction::Wait => {
                    tokio::select! {
                        biased;
                        () = self.projection.wake.notified() => {}
                        () = self.positions.changed_from(last) => {}
                    }
                }
                NextAction::Reset { generation } => match self.reset().await {
                    Ok(()) => self.projection.record_reset(generation),
                    Err(_) => self.wait_to_retry().await,
                },
                NextAction::Read { after, generation } => match self.read(after).await {
                    Ok(batch) => self.deliver(&batch, after, generation).await,
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

    async fn reset(&self) -> Result<(), Box<Failure>> {
        if let Some(reset) = &self.projection.reset {
            self.call(reset.clone(), json!({}), None).await?;
        }
        Ok(())
    }

    /// Delivers a batch: in one call in a rebuild, else event by event, in order, so that each takes
    /// time, fails and is retried on its own.
    async fn deliver(&self, batch: &Arc<Value>, after: u64, generation: u64) {
        if self.projection.is_replaying() {
            if self.replay(batch, after, generation).await == ApplyResult::Retry {
                self.wait_to_retry().await;
            }
            return;
        }
        for stored in events_of(batch) {
            loop {
                match self.apply(stored, generation).await {
                    ApplyResult::Applied => break,
                    ApplyResult::Stale => return,
                    ApplyResult::Retry => {
                        self.wait_to_retry().await;
                        if !self.projection.end_wait(generation) {
                            return;
                        }
                    }
                }
            }
        }
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
        let Some(after) = self.projection.current_checkpoint(generation) else {
            return ApplyResult::Stale;
        };
        let (position, event) = (position_of(stored), &stored["event"]);
        let handles = &self.projection.definition.handles;
        let mut progress = BatchProgress {
            position,
            checkpoint: after,
            applied: 0,
            failure: None,
        };
        if handles.contains_key(event["type"].as_str().unwrap_or_default()) {
            let input = json!({"position": position, "after": after, "event": event});
            // A read model recognises a repeated event by its position, another service by the key.
            let key = self.projection.read_model.is_none().then(|| {
                KeyOrigin::Projection.key(format!(
                    "{}/{generation}/{position}",
                    self.projection.name()
                ))
            });
            let call = self.projection.apply.clone();
            if let Err(failure) = self.call(call, input, key).await {
                return self.fail(stored, *failure, generation);
            }
            progress.checkpoint = position;
            progress.applied = 1;
        }
        self.projection
            .record_progress(&progress, Some(event), generation)
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

fn events_of(batch: &Value) -> impl Iterator<Item = &Value> {
    batch["events"].as_array().into_iter().flatten()
}

fn position_of(stored: &Value) -> u64 {
    stored["position"].as_u64().unwrap_or_default()
}
