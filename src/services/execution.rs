use std::{borrow::Cow, sync::Arc, time::Duration};

use super::{
    CallObserver, CallResult, FaultId, Moment, Response, WireAnswer,
    integrity::{Checksum, corrupted},
    registry::Role,
    script::{ScriptedExecution, Transit},
};
use crate::domain::{Call, Failure, Reply, code};

/// Sends a request over the wire and receives the reply.
///
/// `injected` is called for a fault that corrupts the reply. The service has acted by then, so a
/// corrupted reply leaves the call in doubt.
pub(super) async fn exchange(
    role: &Arc<Role>,
    call: &Call,
    scripted: &ScriptedExecution,
    injected: impl Fn(FaultId),
    observer: &dyn CallObserver,
) -> CallResult {
    let sent = scripted.checked.then(|| Checksum::of(&call.input));
    let arrived = match scripted.transit {
        Transit::Lost => std::future::pending().await,
        Transit::Corrupted => Cow::Owned(Call {
            input: corrupted(&call.input),
            ..call.clone()
        }),
        Transit::Clear | Transit::Down => Cow::Borrowed(call),
    };
    let (mut reply, answered) = serve(role, &arrived, sent, scripted, observer).await?;
    if let Some(fault) = scripted.reply_corrupted {
        injected(fault);
        reply.value = corrupted(&reply.value);
        observer.answers(&WireAnswer::Corrupted, &reply.value);
    }
    if let Some(answered) = answered {
        answered
            .check(&reply.value, "reply", call.name())
            .map_err(|mut failure| {
                failure.in_doubt = true;
                failure
            })?;
    }
    Ok(reply)
}

/// The service's side: checks the request, answers, and computes the checksum of its reply.
async fn serve(
    role: &Arc<Role>,
    call: &Call,
    sent: Option<Checksum>,
    scripted: &ScriptedExecution,
    observer: &dyn CallObserver,
) -> Result<(Reply, Option<Checksum>), Box<Failure>> {
    if scripted.transit == Transit::Down {
        let message = format!("{} is down", role.name);
        return Err(Box::new(
            Failure::new(code::SERVICE_UNAVAILABLE, message).at(call.name()),
        ));
    }
    if let Some(sent) = sent {
        sent.check(&call.input, "request", call.name())?;
    }
    let reply = perform(role, call, scripted, observer).await?;
    let answered = scripted.checked.then(|| Checksum::of(&reply.value));
    Ok((reply, answered))
}

/// Lets a service answer one execution, as its script says.
async fn perform(
    role: &Arc<Role>,
    call: &Call,
    scripted: &ScriptedExecution,
    observer: &dyn CallObserver,
) -> CallResult {
    let act = || act(role, call, scripted.execution, observer);
    match &scripted.response {
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
            wait(scripted.latency).await;
            Err(Box::new(scripted_failure(role, call, code)))
        }
        Response::RetryLater(code, after) => {
            wait(scripted.latency).await;
            let mut failure = scripted_failure(role, call, code);
            failure.retry_after = Some(*after);
            Err(Box::new(failure))
        }
        Response::ActsThenError(code) => {
            wait(scripted.latency).await;
            act().await?;
            Err(Box::new(scripted_failure(role, call, code)))
        }
        Response::Wire(answer) => {
            wait(scripted.latency).await;
            let reply = match answer.acts() {
                // Whatever a lost answer is, it never arrives.
                true if *answer == WireAnswer::Lost => {
                    act().await.unwrap_or_else(|_| Reply::empty())
                }
                true => act().await?,
                false => Reply::empty(),
            };
            let reply = replied(role, call, scripted, reply);
            observer.answers(answer, &reply.value);
            answer.arrive(call, reply).await
        }
        Response::Twice => {
            wait(scripted.latency).await;
            let first = act().await;
            // The caller receives one answer, the first.
            let _ = act().await;
            first.map(|reply| replied(role, call, scripted, reply))
        }
        Response::Normal | Response::Corrupt | Response::Reply(_) => {
            wait(scripted.latency).await;
            let reply = act().await?;
            Ok(replied(role, call, scripted, reply))
        }
    }
}

/// The scripted reply in place of the service's own, if there is one.
fn replied(role: &Role, call: &Call, scripted: &ScriptedExecution, own: Reply) -> Reply {
    let Some(reply) = &scripted.reply else {
        return own;
    };
    let operation = call.name().operation();
    let script = &role.script;
    Reply::new(script.reply_once(operation, call.key.as_ref(), Arc::clone(reply)))
}

/// Lets a service act, unless the caller's process dies before or after that.
async fn act(role: &Role, call: &Call, execution: u32, observer: &dyn CallObserver) -> CallResult {
    if observer.dies(Moment::BeforeActing, execution) {
        return std::future::pending().await;
    }
    let result = role.service.call(call).await;
    if observer.dies(Moment::AfterActing, execution) {
        return std::future::pending().await;
    }
    result
}

async fn wait(latency: Duration) {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

fn scripted_failure(role: &Role, call: &Call, code: &str) -> Failure {
    let (mode, retryable) = role.service.classify(code);
    let mut failure = Failure::new(code, "scripted failure").at(call.name());
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
            // The caller is gone: only the effect matters.
            let _ = role.service.call(&call).await;
        });
    }
}
