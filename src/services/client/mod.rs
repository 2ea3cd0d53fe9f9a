mod guarded;

use std::{
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use self::guarded::CallScope;
use super::{
    CallObserver, CallPolicy, CallResult, Faults, Limit, Policies, Registry, Tries,
    authorisation::Authorisation,
    budgets::Budgets,
    guards::Guards,
    observer::Unobserved,
    registry::Role,
    repetition::{Repetition, stopped_before_any},
};
use crate::{
    clock::{Clock, Seed},
    domain::{Call, Failure, FailureMode, Locked, Reply, code},
    observability::{EventKind, RefusedBy, Retried, Timeline},
    resilience::{BreakerPolicy, BreakerState, Budget, BudgetPolicy, BulkheadPolicy},
};

/// The one way to a service: authorise → retry { reserve budget → bulkhead → breaker → timeout { service →
/// integrity check } → settle budget → record } → fallback.
///
/// What passes the breaker is an execution, even if the service is down, unreachable or hangs; what
/// is refused before that is only an event, but uses up a retry; only who may not call at all is not tried again.
#[derive(Debug)]
pub struct Client {
    registry: Registry,
    policies: Arc<Locked<Policies>>,
    authorisation: Authorisation,
    guards: Guards,
    budgets: Arc<Budgets>,
    faults: Faults,
    timeline: Timeline,
    clock: Clock,
    seed: AtomicU64,
    calls: AtomicU64,
}

impl Client {
    /// A client of the services in a registry, with the default policies and the seed 0.
    pub fn new(registry: Registry, faults: Faults, timeline: Timeline) -> Self {
        Self {
            registry,
            policies: Arc::default(),
            authorisation: Authorisation::default(),
            guards: Guards::new(timeline.clone()),
            budgets: Arc::default(),
            faults,
            clock: timeline.clock(),
            timeline,
            seed: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        }
    }

    /// This client as in a new process: breakers closed, bulkheads empty; what was used of budgets stays
    /// used.
    #[must_use]
    pub fn restarted(&self) -> Self {
        Self {
            registry: self.registry.clone(),
            policies: Arc::clone(&self.policies),
            authorisation: self.authorisation.clone(),
            guards: self.guards.reset(),
            budgets: Arc::clone(&self.budgets),
            faults: self.faults.clone(),
            clock: self.clock,
            timeline: self.timeline.clone(),
            seed: AtomicU64::new(self.seed().0),
            calls: AtomicU64::new(self.calls.load(Ordering::Relaxed)),
        }
    }

    /// A client of the same services for callers that have policies of their own: it neither retries nor
    /// times out, guards nothing, has no budget and gives its calls no security context.
    #[must_use]
    pub(crate) fn without_policies(&self) -> Self {
        Self {
            registry: self.registry.clone(),
            policies: Arc::new(Locked::new(Policies::passthrough())),
            authorisation: self.authorisation.giving_none(),
            guards: Guards::new(self.timeline.clone()),
            budgets: Arc::default(),
            faults: self.faults.clone(),
            clock: self.clock,
            timeline: self.timeline.clone(),
            seed: AtomicU64::new(0),
            // No number of the other client's calls.
            calls: AtomicU64::new(1 << 32),
        }
    }

    /// Derives all randomness from this seed from now on.
    pub fn set_seed(&self, seed: Seed) {
        self.seed.store(seed.0, Ordering::Relaxed);
    }

    pub(crate) fn seed(&self) -> Seed {
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

    /// What decides which calls may reach their services.
    pub(crate) fn authorisation(&self) -> &Authorisation {
        &self.authorisation
    }

    /// Protects a service or one operation, `Service.operation`, with a new, closed breaker.
    pub fn set_breaker(&self, guarded: &str, policy: BreakerPolicy) {
        self.guards.set_breaker(guarded, policy);
    }

    /// Protects a class of services, a service or one operation, `Service.operation`, with a new,
    /// empty bulkhead.
    pub fn set_bulkhead(&self, guarded: &str, policy: BulkheadPolicy) {
        self.guards.set_bulkhead(guarded, policy);
    }

    /// Limits what all calls may use together, compensations aside, by a budget that begins now.
    pub fn set_budget(&self, policy: BudgetPolicy) {
        self.budgets.set(policy, self.timeline.clone());
    }

    /// The same for the calls of a run and of the runs nested in it, which count in other budgets too; none in
    /// place of a former one if no policy is given.
    pub fn set_budget_of_run(&self, run: &str, policy: Option<BudgetPolicy>) {
        let timeline = self.timeline.clone();
        self.budgets.set_of_run(run, policy, timeline);
    }

    /// The budget of all calls, if there is one.
    pub fn budget(&self) -> Option<Budget> {
        self.budgets.of_all()
    }

    /// The budgets that count the calls of a run: that of all calls, then from the outermost run inwards.
    pub fn budgets_of_run(&self, run: &str) -> Vec<Budget> {
        self.budgets.of(Some(run))
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
    /// # Errors
    ///
    /// The last failure, with those that were retried before it as its causes.
    pub async fn call(&self, call: &Call, policy: &CallPolicy, limit: Option<Limit>) -> CallResult {
        self.call_observed(call, policy, limit, &Tries::default(), &Unobserved)
            .await
    }

    /// The same for a caller that observes the retries, and has perhaps made some in a process before.
    pub(crate) async fn call_observed(
        &self,
        call: &Call,
        own: &CallPolicy,
        limit: Option<Limit>,
        earlier: &Tries,
        observer: &dyn CallObserver,
    ) -> CallResult {
        let mut executions = earlier.executions();
        let mut in_doubt = earlier.in_doubt();
        let before = |failure: Failure| {
            let mut failure = Box::new(failure);
            failure.executions = executions;
            failure.in_doubt = in_doubt;
            failure.causes = earlier.failures.clone();
            failure
        };
        let role = match self.registry.role(call.name().service()) {
            Ok(role) => role,
            Err(unknown) => return Err(before(unknown.failure(call.name()))),
        };
        role.check(call.name())
            .map_err(|unknown| before(unknown.failure(call.name())))?;
        if let Some(limit) = limit.filter(|limit| self.clock.now() > limit.at) {
            return Err(before(limit.failure().at(call.name())));
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let given = self.authorisation.given(call);
        let call = given.as_deref().unwrap_or(call);
        if let Some(failure) = self.unauthorised(&role, call, number) {
            return Err(before(failure));
        }
        let policy = self.policies().of(call.name(), own);
        let draw = |retry: u32| {
            let retry = retry.to_string();
            self.seed()
                .part([call.name().as_str(), &number.to_string(), &retry])
        };
        let mut tries = Repetition::after(earlier, &policy.retries, draw);
        let finished = |mut failure: Box<Failure>, executions, in_doubt| {
            failure.executions = executions;
            failure.in_doubt = in_doubt;
            failure
        };
        if let Some(due) = earlier.due
            && !self.wait_for_retry(due, observer).await
        {
            let last = tries.stopped(stopped_before_any);
            return Err(finished(last, executions, in_doubt));
        }
        let scope = CallScope {
            number,
            timeout: policy.timeout,
            timeout_is_default: policy.timeout_is_default,
            limit,
            observer,
        };
        loop {
            let no_reply = match self.guarded(&role, call, &scope).await {
                Ok(mut reply) => {
                    reply.executions = executions + 1;
                    reply.in_doubt |= in_doubt;
                    return Ok(reply);
                }
                Err(no_reply) => no_reply,
            };
            let mut failure = no_reply.failure;
            if no_reply.stopped {
                let last = tries.stopped(|| failure);
                return Err(finished(last, executions, in_doubt));
            }
            executions += failure.executions;
            in_doubt |= failure.in_doubt;
            // Undoing twice does no harm, so a reply that cannot be trusted is asked for again.
            failure.retryable |= call.is_undo() && *failure.code == *code::CORRUPTION_DETECTED;
            let wait = failure
                .retry_after
                .max(no_reply.half_open_in.filter(|_| call.is_undo()));
            let is_final =
                no_reply.is_limit || own.final_code.is_some_and(|code| *failure.code == *code);
            let now = self.clock.now();
            let next = (!is_final)
                .then(|| tries.next_delay(&mut failure, wait, now, limit))
                .flatten();
            let Some(delay) = next else {
                if let Some(fallback) = no_reply.fallback.filter(|_| call.accepts_fallback) {
                    return Ok(Reply {
                        value: marked(&fallback),
                        fallback_used: true,
                        in_doubt,
                        executions,
                    });
                }
                let failure = match policy.retries_are_default {
                    true => tries.with_causes(failure),
                    false => tries.ended(failure),
                };
                return Err(finished(failure, executions, in_doubt));
            };
            let due = now + delay;
            self.timeline.record(EventKind::RetryScheduled {
                of: Retried::Call {
                    call: call.name().clone(),
                },
                execution: no_reply.execution,
                delay,
            });
            let goes_on =
                observer.retry_scheduled(&failure, due) && self.wait_for_retry(due, observer).await;
            tries.repeat(*failure);
            if !goes_on {
                let last = tries.stopped(stopped_before_any);
                return Err(finished(last, executions, in_doubt));
            }
        }
    }

    /// The failure of a call that must not reach its service, which is recorded.
    fn unauthorised(&self, role: &Role, call: &Call, number: u64) -> Option<Failure> {
        let refusal = self.authorisation.refusal(role, call)?;
        let failure = refusal.failure.at(call.name());
        self.timeline.record(EventKind::CallRefused {
            head: Arc::clone(&call.head),
            by: RefusedBy::Authorisation,
            code: Arc::clone(&failure.code),
            permission: refusal.permission,
            number,
        });
        Some(failure)
    }

    /// Waits until a retry is due; returns whether it may start.
    pub(crate) async fn wait_for_retry(&self, due: Duration, observer: &dyn CallObserver) -> bool {
        let admitted = async {
            self.clock.sleep_until(due).await;
            observer.admitted().await;
        };
        tokio::select! {
            // A caller that stops when a retry is due makes none.
            biased;
            () = observer.stopped() => false,
            () = admitted => observer.retry_started(),
        }
    }
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
