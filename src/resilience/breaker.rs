use std::{
    sync::{Arc, MutexGuard},
    time::Duration,
};

use super::{
    BreakerPolicy, BreakerState,
    breaker_window::{CallOutcome, Window},
};
use crate::{
    domain::Locked,
    observability::{EventKind, ServiceName, Timeline},
};

/// Keeps calls away from a failing service, and probes whether it has recovered.
///
/// A handle: clones share the state. The state changes only when a call asks for a permit or ends:
/// as in resilience4j, whose automatic transition is off by default, an open breaker records that
/// it is half-open when the next call asks, so that a scenario needs no timer for it.
/// [`state`](Self::state) is correct at every instant all the same.
#[derive(Clone, Debug)]
pub struct Breaker {
    core: Arc<BreakerCore>,
}

#[derive(Debug)]
struct BreakerCore {
    service: ServiceName,
    policy: BreakerPolicy,
    timeline: Timeline,
    machine: Locked<Machine>,
}

#[derive(Debug)]
struct Machine {
    phase: Phase,
    /// Counts the changes of state: an outcome counts only in the one that its permit is from.
    generation: u64,
    /// Numbers the permits.
    permits: u64,
}

#[derive(Debug)]
enum Phase {
    Closed(Window),
    Open {
        since: Duration,
    },
    HalfOpen {
        successes: u32,
        /// Oldest first.
        probes: Vec<Probe>,
    },
}

/// A call that runs while the breaker is half-open.
#[derive(Debug)]
struct Probe {
    permit: u64,
    since: Duration,
}

/// The breaker refuses the call.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the circuit breaker on {service:?} is {state}")]
pub struct BreakerRefusal {
    /// The service that is not called.
    pub service: ServiceName,
    /// Open, or half-open with all permitted calls running.
    pub state: BreakerState,
    /// How long until it is half-open, if it is open.
    pub half_open_in: Option<Duration>,
}

/// The right to one execution.
///
/// Dropped without an outcome, it does not count.
#[derive(Debug)]
#[must_use = "a permit that is dropped does not count"]
pub struct BreakerPermit {
    breaker: Arc<BreakerCore>,
    generation: u64,
    number: u64,
    outcome: Option<CallOutcome>,
}

impl Breaker {
    /// A closed breaker; thresholds of 0, which [`BreakerPolicy::check`] refuses, count as 1.
    pub fn new(service: ServiceName, policy: BreakerPolicy, timeline: Timeline) -> Self {
        let machine = Locked::new(Machine {
            phase: Phase::Closed(Window::new(&policy)),
            generation: 0,
            permits: 0,
        });
        Self {
            core: Arc::new(BreakerCore {
                service,
                policy,
                timeline,
                machine,
            }),
        }
    }

    /// Its policy.
    pub fn policy(&self) -> &BreakerPolicy {
        &self.core.policy
    }

    /// The state now: half-open as soon as the recovery has elapsed.
    ///
    /// Reading it records nothing.
    pub fn state(&self) -> BreakerState {
        let now = self.core.timeline.now();
        self.core.lock().state(&self.core.policy, now)
    }

    /// Asks for an execution.
    ///
    /// # Errors
    ///
    /// If the breaker is open, or half-open with all permitted calls running.
    pub fn acquire(&self) -> Result<BreakerPermit, BreakerRefusal> {
        self.core.acquire().map_or_else(
            |(state, half_open_in)| {
                Err(BreakerRefusal {
                    service: Arc::clone(&self.core.service),
                    state,
                    half_open_in,
                })
            },
            |(generation, number)| {
                Ok(BreakerPermit {
                    breaker: Arc::clone(&self.core),
                    generation,
                    number,
                    outcome: None,
                })
            },
        )
    }
}

impl BreakerPermit {
    /// Whether a failure counts, where `usually` says whether it would.
    pub fn counts(&self, code: &str, usually: bool) -> bool {
        self.breaker.policy.counts(code, usually)
    }

    /// The call succeeded; it may have been slow.
    pub fn succeeded(self, took: Duration) {
        self.ended(false, took);
    }

    /// The call failed in a way that counts against the service.
    pub fn failed(self, took: Duration) {
        self.ended(true, took);
    }

    /// The call ended in a way that says nothing about the service, such as a faulty input.
    pub fn ignored(self) {}

    fn ended(mut self, failed: bool, took: Duration) {
        let slow = self.breaker.policy.is_slow(took);
        self.outcome = Some(CallOutcome { failed, slow });
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        self.breaker
            .settle(self.generation, self.number, self.outcome);
    }
}

impl BreakerCore {
    /// Returns the generation and the number of a new permit, or the state that refuses it and how
    /// long until it is half-open.
    fn acquire(&self) -> Result<(u64, u64), (BreakerState, Option<Duration>)> {
        let now = self.timeline.now();
        let mut machine = self.lock();
        self.catch_up(&mut machine, now);
        if let Phase::Open { .. } = machine.phase
            && machine.state(&self.policy, now) == BreakerState::HalfOpen
        {
            let phase = Phase::HalfOpen {
                successes: 0,
                probes: Vec::new(),
            };
            self.enter(&mut machine, phase);
        }
        let number = machine.permits;
        match &mut machine.phase {
            Phase::Closed(_) => {}
            Phase::Open { since } => {
                let left = (*since + self.policy.recovery).saturating_sub(now);
                return Err((BreakerState::Open, Some(left)));
            }
            Phase::HalfOpen { probes, .. } => {
                if probes.len() as u64 >= u64::from(self.policy.permitted_calls.max(1)) {
                    return Err((BreakerState::HalfOpen, None));
                }
                probes.push(Probe {
                    permit: number,
                    since: now,
                });
            }
        }
        machine.permits += 1;
        Ok((machine.generation, number))
    }

    /// Counts how a permitted call ended; without an outcome, only frees its slot.
    fn settle(&self, generation: u64, number: u64, outcome: Option<CallOutcome>) {
        let now = self.timeline.now();
        let mut machine = self.lock();
        self.catch_up(&mut machine, now);
        if machine.generation != generation {
            return;
        }
        let next = match &mut machine.phase {
            Phase::Closed(window) => outcome
                .is_some_and(|outcome| window.record(now, outcome))
                .then_some(Phase::Open { since: now }),
            Phase::HalfOpen { successes, probes } => {
                probes.retain(|probe| probe.permit != number);
                match outcome {
                    None => None,
                    Some(CallOutcome {
                        failed: false,
                        slow: false,
                    }) => {
                        *successes += 1;
                        (*successes >= self.policy.success_threshold)
                            .then(|| Phase::Closed(Window::new(&self.policy)))
                    }
                    Some(_) => Some(Phase::Open { since: now }),
                }
            }
            // No permit is from this state.
            Phase::Open { .. } => None,
        };
        if let Some(next) = next {
            self.enter(&mut machine, next);
        }
    }

    /// Opens the breaker, as of when a probe ran too long.
    fn catch_up(&self, machine: &mut Machine, now: Duration) {
        if let Some(since) = machine.reopened(&self.policy, now) {
            self.enter(machine, Phase::Open { since });
        }
    }

    fn enter(&self, machine: &mut Machine, phase: Phase) {
        let next = phase.state();
        debug_assert!(machine.phase.state().can_become(next));
        machine.phase = phase;
        machine.generation += 1;
        let service = Arc::clone(&self.service);
        // Recorded under the lock, so that events are in the order of the changes.
        self.timeline.record(match next {
            BreakerState::Open => EventKind::BreakerOpened { service },
            BreakerState::HalfOpen => EventKind::BreakerHalfOpened { service },
            BreakerState::Closed => EventKind::BreakerClosed { service },
        });
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        // Nothing panics between two changes, so the state is consistent.
        self.machine.lock()
    }
}

impl Machine {
    /// The state now, whatever was last recorded.
    fn state(&self, policy: &BreakerPolicy, now: Duration) -> BreakerState {
        let since = match self.phase {
            Phase::Closed(_) => return BreakerState::Closed,
            Phase::Open { since } => since,
            Phase::HalfOpen { .. } => match self.reopened(policy, now) {
                Some(since) => since,
                None => return BreakerState::HalfOpen,
            },
        };
        if now.saturating_sub(since) >= policy.recovery {
            BreakerState::HalfOpen
        } else {
            BreakerState::Open
        }
    }

    /// When a probe that ran too long reopened the breaker; one that ends at exactly the limit is in
    /// time.
    fn reopened(&self, policy: &BreakerPolicy, now: Duration) -> Option<Duration> {
        let Phase::HalfOpen { probes, .. } = &self.phase else {
            return None;
        };
        let reopened = probes
            .first()?
            .since
            .checked_add(policy.max_half_open_wait?)?;
        (now > reopened).then_some(reopened)
    }
}

impl Phase {
    fn state(&self) -> BreakerState {
        match self {
            Self::Closed(_) => BreakerState::Closed,
            Self::Open { .. } => BreakerState::Open,
            Self::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests;
