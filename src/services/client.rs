use std::{
    pin::pin,
    sync::{
        Arc, LazyLock, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::{
    CallPolicy, CallResult, FaultId, Faults, Policies, Registry, execution,
    guards::{GuardSet, Guards},
    registry::Role,
};
use crate::{
    clock::{Clock, Seed},
    domain::{Call, Failure, FailureMode, Locked, Reply, code},
    observability::{EventKind, RefusedBy, Timeline},
    resilience::{BreakerPolicy, BreakerState, Bulkhead, BulkheadPermit, BulkheadPolicy, Timeout},
};

static OK: LazyLock<Arc<str>> = LazyLock::new(|| "ok".into());

/// The one way to a service: retry { bulkhead → breaker → timeout { service → integrity check } →
/// record } → fallback.
///
/// What passes the breaker is an execution, even if the service is down, unreachable or hangs; what
/// is refused before that is only an event, but uses up a retry.
#[derive(Debug)]
pub struct Client {
    registry: Registry,
    policies: Arc<Locked<Policies>>,
    guards: Guards,
    faults: Faults,
    timeline: Timeline,
    clock: Clock,
    seed: AtomicU64,
    calls: AtomicU64,
}

/// An execution that failed, or a refusal before it.
struct NoReply {
    failure: Box<Failure>,
    execution: u32,
    /// The fallback, where the breaker refused and its policy has one.
    fallback: Option<Arc<Value>>,
}

impl Client {
    /// A client of the services in a registry, with the default policies and the seed 0.
    pub fn new(registry: Registry, faults: Faults, timeline: Timeline) -> Self {
        Self {
            registry,
            policies: Arc::default(),
            guards: Guards::new(timeline.clone()),
            faults,
            clock: timeline.clock(),
            timeline,
            seed: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        }
    }

    /// This client as in a new process: breakers closed, bulkheads empty.
    #[must_use]
    pub fn restarted(&self) -> Self {
        Self {
            registry: self.registry.clone(),
            policies: Arc::clone(&self.policies),
            guards: self.guards.reset(),
            faults: self.faults.clone(),
            clock: self.clock,
            timeline: self.timeline.clone(),
            seed: AtomicU64::new(self.seed().0),
            calls: AtomicU64::new(self.calls.load(Ordering::Relaxed)),
        }
    }

    /// Derives all randomness from this seed from now on.
    pub fn set_seed(&self, seed: Seed) {
        self.seed.store(seed.0, Ordering::Relaxed);
    }

    fn seed(&self) -> Seed {
        Seed(self.seed.load(Ordering::Relaxed))
    }

    /// The services it calls.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The timeline it records on.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Protects a service with a new, closed breaker.
    pub fn set_breaker(&self, service: &str, policy: BreakerPolicy) {
        self.guards.set_breaker(service, policy);
    }

    /// Protects a service or a class of services with a new, empty bulkhead.
    pub fn set_bulkhead(&self, service_or_class: &str, policy: BulkheadPolicy) {
        self.guards.set_bulkhead(service_or_class, policy);
    }

    /// Timeouts and retries of all calls, to read or to change.
    pub fn policies(&self) -> MutexGuard<'_, Policies> {
        self.policies.lock()
    }

    /// The state of a service's breaker, if it has one.
    pub fn breaker_state(&self, service: &str) -> Option<BreakerState> {
        self.guards.breaker_state(service)
    }

    /// Calls a service and waits for the result.
    ///
    /// `deadline` is an offset on the clock: an execution ends there, and no delay starts that would
    /// pass it.
    ///
    /// # Errors
    ///
    /// The last failure, with those that were retried before it as its causes.
    pub async fn call(
        &self,
        call: &Call,
        policy: &CallPolicy,
        deadline: Option<Duration>,
    ) -> CallResult {
        let role = match self.registry.role(call.name().service()) {
            Ok(role) => role,
            Err(unknown) => return Err(Box::new(unknown.failure(call.name()))),
        };
        role.check(call.name())
            .map_err(|unknown| Box::new(unknown.failure(call.name())))?;
        if deadline.is_some_and(|end| self.clock.now() > end) {
            return Err(Box::new(past_deadline().at(call.name())));
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let (timeout, retries) = self.policies().of(call.name(), policy);
        let mut executions = 0;
        let mut causes = Vec::new();
        let mut in_doubt = false;
        let mut retrying = retries.begin();
        loop {
            let no_reply = match self.guarded(&role, call, number, timeout, deadline).await {
                Ok(mut reply) => {
                    reply.executions = executions + 1;
                    return Ok(reply);
                }
                Err(no_reply) => no_reply,
            };
            let mut failure = no_reply.failure;
            executions += failure.executions;
            in_doubt |= failure.in_doubt;
            let delay = retrying
                .next_delay(&failure, |retry| {
                    let draw = [
                        call.name().as_str(),
                        &number.to_string(),
                        &retry.to_string(),
                    ];
                    self.seed().part(draw)
                })
                .filter(|delay| deadline.is_none_or(|end| self.clock.now() + *delay <= end));
            let Some(delay) = delay else {
                if let Some(fallback) = no_reply.fallback {
                    return Ok(Reply {
                        value: marked(&fallback),
                        fallback_used: true,
                        executions,
                    });
                }
                failure.executions = executions;
                failure.in_doubt = in_doubt;
                failure.causes.splice(0..0, causes);
                return Err(failure);
            };
            self.timeline.record(EventKind::RetryScheduled {
                call: call.name().clone(),
                execution: no_reply.execution,
                delay,
            });
            self.clock.sleep(delay).await;
            causes.push(*failure);
        }
    }

    /// One execution behind the guards.
    async fn guarded(
        &self,
        role: &Arc<Role>,
        call: &Call,
        number: u64,
        timeout: Duration,
        deadline: Option<Duration>,
    ) -> Result<Reply, NoReply> {
        let GuardSet { bulkheads, breaker } = self.guards.protecting(role);
        let _permits = self.enter(call, bulkheads, deadline).await?;
        let permit = match breaker.as_ref().map(|breaker| breaker.acquire()) {
            None => None,
            Some(Ok(permit)) => Some((permit, self.clock.now())),
            Some(Err(refusal)) => {
                let failure = Failure::new(code::SERVICE_UNAVAILABLE, refusal.to_string());
                let mut refused = self.refused(call, RefusedBy::Breaker, failure);
                refused.fallback = breaker.and_then(|breaker| breaker.policy().fallback.clone());
                return Err(refused);
            }
        };
        let (execution, result) = self.execute(role, call, number, timeout, deadline).await;
        if let Some((permit, started)) = permit {
            let took = self.clock.now().saturating_sub(started);
            match &result {
                Ok(_) => permit.succeeded(took),
                Err(failure) if counts_against_service(failure) => permit.failed(took),
                Err(_) => permit.ignored(),
            }
        }
        result.map_err(|mut failure| {
            failure.executions = failure.executions.max(1);
            NoReply {
                failure,
                execution,
                fallback: None,
            }
        })
    }

    /// Enters the bulkhead of the class, then the service's own.
    async fn enter(
        &self,
        call: &Call,
        bulkheads: [Option<Bulkhead>; 2],
        deadline: Option<Duration>,
    ) -> Result<[Option<BulkheadPermit>; 2], NoReply> {
        let mut permits = [None, None];
        for (permit, bulkhead) in permits.iter_mut().zip(bulkheads) {
            let Some(bulkhead) = bulkhead else { continue };
            let entered = tokio::select! {
                biased;
                entered = bulkhead.enter() => entered.map_err(|full| {
                    Failure::new(code::BULKHEAD_FULL, full.to_string())
                }),
                () = self.wait_until(deadline) => Err(past_deadline()),
            };
            match entered {
                Ok(entered) => *permit = Some(entered),
                Err(failure) => return Err(self.refused(call, RefusedBy::Bulkhead, failure)),
            }
        }
        Ok(permits)
    }

    async fn execute(
        &self,
        role: &Arc<Role>,
        call: &Call,
        number: u64,
        timeout: Duration,
        deadline: Option<Duration>,
    ) -> (u32, CallResult) {
        let started = self.clock.now();
        let operation = call.name().operation();
        let latency = role.service.latency(operation);
        let scripted = role.script.next(operation, call.caller(), started, latency);
        let sent = EventKind::CallStarted {
            head: Arc::clone(&call.head),
            execution: scripted.execution,
            input: Arc::clone(&call.input),
            number,
        };
        self.timeline.record_at(started, sent);
        if let Some(fault) = scripted.fault {
            self.record_fault(call, scripted.execution, fault);
        }
        let injected = |fault| self.record_fault(call, scripted.execution, fault);
        let exchange = pin!(execution::exchange(role, call, &scripted, injected));
        let answered = Timeout(timeout).run(exchange);
        let result = tokio::select! {
            // An answer or a timeout at exactly the deadline wins.
            biased;
            answer = answered => answer.unwrap_or_else(|_| Err(timed_out(timeout))),
            () = self.wait_until(deadline) => {
                let mut failure = past_deadline();
                failure.in_doubt = true;
                Err(Box::new(failure))
            }
        };
        let result = result.map_err(|mut failure: Box<Failure>| {
            if failure.service.is_none() {
                failure.service = Some(call.name().service().into());
                failure.operation = Some(operation.into());
            }
            failure
        });
        let now = self.clock.now();
        let ended = EventKind::CallEnded {
            head: Arc::clone(&call.head),
            execution: scripted.execution,
            took: now.saturating_sub(started),
            result: match &result {
                Ok(_) => Arc::clone(&OK),
                Err(failure) => Arc::clone(&failure.code),
            },
            reply: result.as_ref().ok().map(|reply| Arc::clone(&reply.value)),
            number,
        };
        self.timeline.record_at(now, ended);
        (scripted.execution, result)
    }

    fn record_fault(&self, call: &Call, execution: u32, fault: FaultId) {
        let (what, declared_at) = self.faults.hit(fault);
        self.timeline.record(EventKind::FaultInjected {
            call: call.name().clone(),
            execution: Some(execution),
            fault: what,
            declared_at,
        });
    }

    fn refused(&self, call: &Call, by: RefusedBy, failure: Failure) -> NoReply {
        let failure = failure.at(call.name());
        self.timeline.record(EventKind::CallRefused {
            head: Arc::clone(&call.head),
            by,
            code: Arc::clone(&failure.code),
        });
        NoReply {
            failure: Box::new(failure),
            execution: 0,
            fallback: None,
        }
    }

    async fn wait_until(&self, deadline: Option<Duration>) {
        match deadline {
            Some(deadline) => self.clock.sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }
}

fn timed_out(timeout: Duration) -> Box<Failure> {
    let after = crate::domain::format_duration(timeout);
    let mut failure = Failure::new(code::TIMEOUT, format!("no answer within {after}"));
    failure.in_doubt = !timeout.is_zero();
    Box::new(failure)
}

fn past_deadline() -> Failure {
    Failure::new(code::WORKFLOW_TIMEOUT, "the workflow's deadline passed")
}

/// A service that refuses a request, or that its caller stopped waiting for, is not unhealthy.
pub(super) fn counts_against_service(failure: &Failure) -> bool {
    let cancelled = matches!(&*failure.code, code::CANCELLED | code::WORKFLOW_TIMEOUT);
    !cancelled && failure.mode != FailureMode::AgentValidation
}

/// An object gets a field that marks it as a fallback.
fn marked(fallback: &Arc<Value>) -> Arc<Value> {
    match &**fallback {
        Value::Object(fields) => {
            let mut fields = fields.clone();
            fields.insert("fallbackUsed".to_owned(), true.into());
            Arc::new(Value::Object(fields))
        }
        _ => Arc::clone(fallback),
    }
}
