use std::{sync::Arc, time::Duration};

use super::{CallResult, Response, registry::Role, script::Cue};
use crate::domain::{Call, Failure, Reply, code};

/// Lets a service answer one execution, as its script says.
pub(super) async fn perform(role: &Arc<Role>, call: &Call, cue: &Cue) -> CallResult {
    if cue.down {
        let message = format!("{} is down", role.name);
        return Err(Box::new(
            Failure::new(code::SERVICE_UNAVAILABLE, message).at(&call.name),
        ));
    }
    match &cue.response {
        Response::Hang => std::future::pending().await,
        Response::Late(after) => {
            let _late = LateEffect {
                role: Arc::clone(role),
                call: call.clone(),
                after: *after,
            };
            std::future::pending().await
        }
        Response::Error(code) => {
            wait(cue.latency).await;
            Err(Box::new(scripted_failure(role, call, code)))
        }
        Response::Normal => {
            wait(cue.latency).await;
            role.service.call(call).await
        }
        Response::Reply(reply) => {
            wait(cue.latency).await;
            role.service.call(call).await?;
            let operation = call.name.operation();
            let reply = role
                .script
                .reply_once(operation, call.key.as_ref(), Arc::clone(reply));
            Ok(Reply::new(reply))
        }
    }
}

async fn wait(latency: Duration) {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

fn scripted_failure(role: &Role, call: &Call, code: &str) -> Failure {
    let (mode, retryable) = role.service.classify(code);
    let mut failure = Failure::new(code, "answered so by script").at(&call.name);
    failure.mode = mode;
    failure.retryable = retryable;
    failure
}

/// An effect that arrives after its caller gave up, which is when this is dropped.
struct LateEffect {
    role: Arc<Role>,
    call: Call,
    after: Duration,
}

impl Drop for LateEffect {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let role = Arc::clone(&self.role);
        let call = self.call.clone();
        let after = self.after;
        runtime.spawn(async move {
            wait(after).await;
            // Nobody is left to hear the answer; the effect is what counts.
            let _ = role.service.call(&call).await;
        });
    }
}
