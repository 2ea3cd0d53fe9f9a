use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    EVENT_STORE,
    positions::Positions,
    projecting::{Fate, Next, Projecting},
    projection_service::REPLAY,
    replayed::Replayed,
};
use crate::{
    domain::{Call, CallHead, CallName, Failure, Key, code, from_value},
    services::{CallPolicy, Client},
};

/// The most events that are read at once.
const BATCH: usize = 500;

/// Does what is next for one projection, for ever.
pub(super) async fn run(projecting: Arc<Projecting>, client: Arc<Client>, positions: Positions) {
    let calls = Calls {
        client,
        caller: Call::PROJECTOR.into(),
    };
    loop {
        let last = positions.last();
        match projecting.next(last) {
            Next::Nothing => {
                tokio::select! {
                    biased;
                    () = projecting.wake.notified() => {}
                    () = positions.moved_from(last) => {}
                }
            }
            Next::Reset { generation } => match calls.reset(&projecting).await {
                Ok(()) => projecting.was_reset(generation),
                Err(_) => wait_to_retry(&projecting).await,
            },
            Next::Read { after, generation } => match calls.read(after).await {
                Ok(events) if projecting.replays() => {
                    if calls.replay(&projecting, &events, generation).await == Fate::Again {
                        wait_to_retry(&projecting).await;
                    }
                }
                Ok(events) => calls.take(&projecting, &events, generation).await,
                // The store is to blame, and the timeline tells of it: no error of the projection.
                Err(_) => wait_to_retry(&projecting).await,
            },
        }
    }
}

async fn wait_to_retry(projecting: &Projecting) {
    projecting.waits();
    tokio::select! {
        biased;
        () = projecting.wake.notified() => {}
        () = tokio::time::sleep(projecting.policy.retry_delay) => {}
    }
}

/// The calls that projections make.
struct Calls {
    client: Arc<Client>,
    caller: Arc<str>,
}

impl Calls {
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

    async fn reset(&self, projecting: &Projecting) -> Result<(), Box<Failure>> {
        if let Some(reset) = &projecting.reset {
            self.call(reset.clone(), json!({}), None).await?;
        }
        Ok(())
    }

    /// Hands events to a projection all at once.
    async fn replay(&self, projecting: &Projecting, reply: &Arc<Value>, generation: u64) -> Fate {
        let name = CallName::new(projecting.apply.service(), REPLAY);
        // What was read is what is sent, so that it is there once.
        let replayed = self.call(name, Arc::clone(reply), None).await;
        let replayed = replayed.and_then(|replayed| {
            from_value::<Replayed>(&replayed)
                .map_err(|error| error.failure(code::CONTRACT_VIOLATION))
        });
        let (done, failure) = match replayed {
            Ok(mut replayed) => {
                let failure = replayed.failure.take();
                if projecting.has_replayed(&replayed, generation) == Fate::Moot {
                    return Fate::Moot;
                }
                (replayed.position, failure)
            }
            Err(failure) => (reply["after"].as_u64().unwrap_or_default(), Some(failure)),
        };
        let Some(failure) = failure else {
            return Fate::Done;
        };
        let events = reply["events"].as_array().into_iter().flatten();
        let position = |stored: &Value| stored["position"].as_u64().unwrap_or_default();
        let left = events.map(|stored| (position(stored), &stored["event"]));
        match left.into_iter().find(|(position, _)| *position > done) {
            Some((position, event)) => projecting.fails(position, event, *failure, generation),
            None => Fate::Again,
        }
    }

    /// Hands events to a projection, in order, until one no longer matters.
    async fn take(&self, projecting: &Projecting, reply: &Value, generation: u64) {
        let events = reply["events"].as_array().into_iter().flatten();
        for stored in events {
            let position = stored["position"].as_u64().unwrap_or_default();
            let event = &stored["event"];
            loop {
                match self.apply(projecting, position, event, generation).await {
                    Fate::Done => break,
                    Fate::Moot => return,
                    Fate::Again => {
                        wait_to_retry(projecting).await;
                        if !projecting.goes_on(generation) {
                            return;
                        }
                    }
                }
            }
        }
    }

    async fn apply(
        &self,
        projecting: &Projecting,
        position: u64,
        event: &Value,
        generation: u64,
    ) -> Fate {
        if !projecting
            .handles
            .contains(event["type"].as_str().unwrap_or_default())
        {
            return projecting.passes_by(position, generation);
        }
        let Some(after) = projecting.before(generation) else {
            return Fate::Moot;
        };
        let mut input = Map::with_capacity(3);
        input.insert("position".to_owned(), position.into());
        input.insert("after".to_owned(), after.into());
        input.insert("event".to_owned(), event.clone());
        // A read model knows by the position what it has taken; others by the key.
        let key = projecting
            .read_model
            .is_none()
            .then(|| Key::Do(format!("{}/{generation}/{position}", projecting.name).into()));
        match self
            .call(projecting.apply.clone(), Value::Object(input), key)
            .await
        {
            Ok(_) => projecting.advances(position, event, generation),
            Err(failure) => projecting.fails(position, event, *failure, generation),
        }
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
        };
        let reply = self
            .client
            .call(&call, &CallPolicy::default(), None)
            .await?;
        Ok(reply.value)
    }
}
