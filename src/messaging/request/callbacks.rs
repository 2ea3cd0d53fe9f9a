use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Requests, entry::Change, requests::usual_retry};
use crate::{
    domain::{Call, CallName, Key, code},
    observability::EventKind,
    services::CallPolicy,
};

impl Requests {
    /// Tells a callback target of the changes of one request, one after the other, in the name of
    /// the service that was asked.
    ///
    /// A callback is a request to another service, so it is repeated as one (the preset `request`).
    /// Should both callbacks of a request time out to the last, they end 268 s after they began, while
    /// the request can still be asked for.
    pub(super) async fn deliver(
        self,
        asked: Arc<str>,
        target: CallName,
        mut changes: UnboundedReceiver<Change>,
    ) {
        let policy = CallPolicy {
            usual_retry: Some(usual_retry()),
            ..CallPolicy::default()
        };
        while let Some(change) = changes.recv().await {
            let payload = serde_json::to_value(&change).unwrap_or(Value::Null);
            let mut call = Call::new(&asked, target.clone(), payload);
            let key = format!("{}/{}", change.request_id, change.status.as_str());
            call.key = Some(Key::Do(key.into()));
            let (code, executions) = match self.0.client.call(&call, &policy, None).await {
                Ok(reply) if !reply.fallback_used => continue,
                // A fallback is no sign that the target has heard of it.
                Ok(reply) => (code::SERVICE_UNAVAILABLE.into(), reply.executions),
                Err(failure) => (failure.code, failure.executions),
            };
            self.0.client.timeline().record(EventKind::CallbackFailed {
                request: change.request_id,
                status: change.status,
                call: target.clone(),
                executions,
                code,
            });
        }
    }
}
