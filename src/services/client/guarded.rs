//! One execution behind the guards.

use std::{
    pin::pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::{Client, counts_against_service};
use crate::{
    clock::{Clock, REAL_TIME_HINT},
    domain::{Call, Failure, Reply, code, format_duration},
    observability::{EventKind, RefusedBy},
    resilience::{Bulkhead, BulkheadPermit, Timeout},
    services::{
        CallObserver, CallResult, FaultId, Limit, Moment, WireAnswer, budgets::Reservations,
        execution, guards::GuardSet, registry::Role, repetition::stopped_before_any,
    },
};

static OK: LazyLock<Arc<str>> = LazyLock::new(|| "ok".into());

/// An execution that failed, or a refusal before it.
pub(super) struct NoReply {
    pub failure: Box<Failure>,
    pub execution: u32,
    /// The fallback, where the breaker refused and its policy has one.
    pub fallback: Option<Arc<Value>>,
    /// How long until the breaker that refused is half-open.
    pub half_open_in: Option<Duration>,
    /// Whether the caller stopped before it was executed.
    pub stopped: bool,
    /// Whether the call's limit was reached.
    pub is_limit: bool,
}

impl NoReply {
    pub fn of(failure: Box<Failure>) -> Self {
        Self {
            failure,
            execution: 0,
            fallback: None,
            half_open_in: None,
            stopped: false,
            is_limit: false,
        }
    }
}

/// What the executions of a call have in common.
pub(super) struct CallScope<'a> {
    pub number: u64,
    pub timeout: Duration,
    pub timeout_is_default: bool,
    pub limit: Option<Limit>,
    pub observer: &'a dyn CallObserver,
}

impl Client {
    /// One execution behind the guards.
    pub(super) async fn guarded(
        &self,
        role: &Arc<Role>,
        call: &Call,
        scope: &CallScope<'_>,
    ) -> Result<Reply, NoReply> {
        let mut reserved = self.reserve(role, call, scope)?;
        let GuardSet {
            bulkheads,
            breakers,
        } = self.guards.protecting(role, call.name());
        let _permits = self.enter(call, bulkheads, scope).await?;
        let mut permits = [None, None];
        for (permit, breaker) in permits.iter_mut().zip(breakers.iter().flatten()) {
            match breaker.acquire() {
                Ok(acquired) => *permit = Some(acquired),
                Err(refusal) => {
                    let failure = Failure::new(code::SERVICE_UNAVAILABLE, refusal.to_string());
                    let mut refused = self.refused(call, scope, RefusedBy::Breaker, failure);
                    refused.half_open_in = refusal.half_open_in;
                    refused.fallback.clone_from(&breaker.policy().fallback);
                    return Err(refused);
                }
            }
        }
        reserved.begin();
        let started = self.clock.now();
        let (execution, result, is_limit) = self.execute(role, call, scope).await;
        let took = self.clock.now().saturating_sub(started);
        self.settle(reserved, call, &result);
        for permit in permits.into_iter().flatten() {
            match &result {
                Ok(_) => permit.succeeded(took),
                Err(failure)
                    if permit
                        .counts(&failure.code, !is_limit && counts_against_service(failure)) =>
                {
                    permit.failed(took);
                }
                Err(_) => permit.ignored(),
            }
        }
        result.map_err(|mut failure| {
            failure.executions = failure.executions.max(1);
            NoReply {
                execution,
                is_limit,
                ..NoReply::of(failure)
            }
        })
    }

    /// Reserves what a call will probably use. An undo is exempt: what was done can always be undone.
    fn reserve(
        &self,
        role: &Role,
        call: &Call,
        scope: &CallScope<'_>,
    ) -> Result<Reservations, NoReply> {
        let budgets = self.budgets.of(call.context().run.as_deref());
        if budgets.is_empty() || call.is_undo() || self.registry.is_own_machinery(role) {
            return Ok(Reservations::default());
        }
        let estimate = role.estimate(call.name().operation());
        Reservations::of(&budgets, call.name(), estimate).map_err(|shortage| {
            let failure = Failure::new(code::BUDGET_EXHAUSTED, shortage.to_string());
            self.refused(call, scope, RefusedBy::Budget, failure)
        })
    }

    fn settle(&self, reserved: Reservations, call: &Call, result: &CallResult) {
        let reply = result.as_ref().ok().map(|reply| &*reply.value);
        if let Err(why) = reserved.settle(call.name(), reply) {
            self.timeline.record(EventKind::Warning {
                about: call.name().as_str().into(),
                message: format!("the usage in its reply does not count: {why}"),
            });
        }
    }

    /// Enters the bulkheads on the way: that of the class, the service's, the operation's.
    async fn enter(
        &self,
        call: &Call,
        bulkheads: [Option<Bulkhead>; 3],
        scope: &CallScope<'_>,
    ) -> Result<[Option<BulkheadPermit>; 3], NoReply> {
        let mut permits = [None, None, None];
        for (permit, bulkhead) in permits.iter_mut().zip(bulkheads) {
            let Some(bulkhead) = bulkhead else { continue };
            let mut is_limit = false;
            let entered = tokio::select! {
                biased;
                entered = bulkhead.enter() => entered.map_err(|full| {
                    Failure::new(code::BULKHEAD_FULL, full.to_string())
                }),
                limit = self.reached(scope.limit) => {
                    is_limit = true;
                    Err(limit.failure())
                }
                () = scope.observer.stopped() => {
                    let stopped = NoReply::of(Box::new(stopped_before_any().at(call.name())));
                    return Err(NoReply { stopped: true, ..stopped });
                }
            };
            match entered {
                Ok(entered) => *permit = Some(entered),
                Err(failure) => {
                    let refused = self.refused(call, scope, RefusedBy::Bulkhead, failure);
                    return Err(NoReply {
                        is_limit,
                        ..refused
                    });
                }
            }
        }
        Ok(permits)
    }

    async fn execute(
        &self,
        role: &Arc<Role>,
        call: &Call,
        scope: &CallScope<'_>,
    ) -> (u32, CallResult, bool) {
        let number = scope.number;
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
        let mut execution = Execution {
            client: self,
            call,
            number,
            execution: scripted.execution,
            started,
            is_over: false,
        };
        if let Some(row) = scripted.reached {
            self.faults.hit(row);
        }
        if let Some(fault) = scripted.fault {
            self.record_fault(call, scripted.execution, fault);
        }
        let injected = |fault| self.record_fault(call, scripted.execution, fault);
        let observer = Acting {
            observer: scope.observer,
            is_acting: AtomicBool::new(false),
        };
        let exchange = execution::exchange(role, call, &scripted, injected, &observer);
        let exchange = pin!(exchange);
        let answered = Timeout(scope.timeout).run(exchange);
        let mut is_limit = false;
        let result = tokio::select! {
            // An answer or a timeout at exactly the deadline wins.
            biased;
            answer = answered => answer.unwrap_or_else(|_| Err(timed_out(scope))),
            limit = self.reached(scope.limit) => {
                is_limit = true;
                let mut failure = limit.failure();
                failure.in_doubt = true;
                Err(Box::new(failure))
            }
        };
        let result = result.map_err(|failure| match observer.is_acting.load(Ordering::Relaxed) {
            true => cut_off(failure, role),
            false => failure,
        });
        let result = result.map_err(|mut failure: Box<Failure>| {
            // Whether the service had acted when its connection broke, nobody knows.
            failure.in_doubt |= matches!(
                &*failure.code,
                code::NETWORK_TIMEOUT | code::CONNECTION_RESET
            );
            if failure.service.is_none() {
                failure.service = Some(call.name().service().into());
                failure.operation = Some(operation.into());
            }
            failure
        });
        match &result {
            Ok(reply) => execution.ends(Arc::clone(&OK), Some(Arc::clone(&reply.value))),
            Err(failure) => execution.ends(Arc::clone(&failure.code), None),
        }
        (scripted.execution, result, is_limit)
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

    fn refused(
        &self,
        call: &Call,
        scope: &CallScope<'_>,
        by: RefusedBy,
        failure: Failure,
    ) -> NoReply {
        let failure = failure.at(call.name());
        self.timeline.record(EventKind::CallRefused {
            head: Arc::clone(&call.head),
            by,
            code: Arc::clone(&failure.code),
            permission: None,
            number: scope.number,
        });
        NoReply::of(Box::new(failure))
    }

    /// Waits until the limit, if there is one.
    async fn reached(&self, limit: Option<Limit>) -> Limit {
        match limit {
            Some(limit) => {
                self.clock.sleep_until(limit.at).await;
                limit
            }
            None => std::future::pending().await,
        }
    }
}

/// An execution that has started; one that is dropped was abandoned by its caller.
struct Execution<'a> {
    client: &'a Client,
    call: &'a Call,
    number: u64,
    execution: u32,
    started: Duration,
    is_over: bool,
}

impl Execution<'_> {
    fn ends(&mut self, result: Arc<str>, reply: Option<Arc<Value>>) {
        self.is_over = true;
        let now = self.client.clock.now();
        let ended = self.ended(now, result, reply);
        self.client.timeline.record_at(now, ended);
    }

    fn ended(&self, now: Duration, result: Arc<str>, reply: Option<Arc<Value>>) -> EventKind {
        EventKind::CallEnded {
            head: Arc::clone(&self.call.head),
            execution: self.execution,
            took: now.saturating_sub(self.started),
            result,
            reply,
            number: self.number,
        }
    }
}

impl Drop for Execution<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let now = self.client.clock.now();
            let ended = self.ended(now, code::CANCELLED.into(), None);
            self.client.timeline.record_abandoned(now, ended);
        }
    }
}

/// Notes whether the service is at work.
struct Acting<'a> {
    observer: &'a dyn CallObserver,
    is_acting: AtomicBool,
}

impl CallObserver for Acting<'_> {
    fn dies(&self, moment: Moment, execution: u32) -> bool {
        let dies = self.observer.dies(moment, execution);
        let acts = moment == Moment::BeforeActing && !dies;
        self.is_acting.store(acts, Ordering::Relaxed);
        dies
    }

    fn answers(&self, answer: &WireAnswer, reply: &Arc<Value>) {
        self.observer.answers(answer, reply);
    }
}

/// The failure of an execution that ended while the service was at work.
fn cut_off(mut failure: Box<Failure>, role: &Role) -> Box<Failure> {
    if role.is_own() && Clock::is_virtual() {
        let name = &role.name;
        failure.message += &format!(
            "; {name} is a service of your own, and virtual time passes as soon as nothing else is due: \
             {REAL_TIME_HINT}"
        );
    }
    failure
}

fn timed_out(scope: &CallScope<'_>) -> Box<Failure> {
    let after = format_duration(scope.timeout);
    let default = if scope.timeout_is_default {
        ", the default"
    } else {
        ""
    };
    let message = format!("no answer within {after}{default}");
    let mut failure = Failure::new(code::TIMEOUT, message);
    failure.in_doubt = !scope.timeout.is_zero();
    Box::new(failure)
}
