use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    BreakerPolicy, BreakerState,
    breaker_window::{Verdict, Window},
};
use crate::observability::{EventKind, ServiceName, Timeline};

/// Keeps calls away from a service that fails, and probes whether it has recovered.
///
/// A handle: clones share the state. States change when a call is let through or ends, never on
/// their own: like resilience4j, whose automatic transition is off by default, an open breaker
/// records that it is half-open once a call asks, so that nothing ticks in a scenario where
/// nothing happens. What [`state`](Self::state) shows is right at every instant all the same.
#[derive(Clone, Debug)]
pub struct Breaker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    service: ServiceName,
    policy: BreakerPolicy,
    timeline: Timeline,
    machine: Mutex<Machine>,
}

#[derive(Debug)]
struct Machine {
    phase: Phase,
    /// Counts the changes of state: a verdict counts only in the one it was permitted in.
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

/// A call that is out while the breaker is half-open.
#[derive(Debug)]
struct Probe {
    permit: u64,
    since: Duration,
}

/// The breaker does not let the call through.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the circuit breaker on {service:?} is {state}")]
pub struct BreakerRefusal {
    /// The service that is not called.
    pub service: ServiceName,
    /// Open, or half-open with as many calls out as may be.
    pub state: BreakerState,
}

/// The right to one execution.
///
/// Dropped without a verdict, it counts for nothing.
#[derive(Debug)]
#[must_use = "a permit that is dropped says nothing of how the call ended"]
pub struct BreakerPermit {
    breaker: Arc<Shared>,
    generation: u64,
    number: u64,
    verdict: Option<Verdict>,
}

impl Breaker {
    /// A closed breaker; thresholds of 0, which [`BreakerPolicy::check`] refuses, count as 1.
    pub fn new(service: ServiceName, policy: BreakerPolicy, timeline: Timeline) -> Self {
        let machine = Mutex::new(Machine {
            phase: Phase::Closed(Window::new(&policy)),
            generation: 0,
            permits: 0,
        });
        Self {
            shared: Arc::new(Shared {
                service,
                policy,
                timeline,
                machine,
            }),
        }
    }

    /// The policy it keeps.
    pub fn policy(&self) -> &BreakerPolicy {
        &self.shared.policy
    }

    /// Whether calls pass now: one whose recovery has just elapsed is half-open.
    ///
    /// Reading it records nothing.
    pub fn state(&self) -> BreakerState {
        let now = self.shared.timeline.now();
        self.shared.lock().state(&self.shared.policy, now)
    }

    /// Asks for an execution.
    ///
    /// # Errors
    ///
    /// If the breaker is open, or half-open with as many calls out as may be.
    pub fn acquire(&self) -> Result<BreakerPermit, BreakerRefusal> {
        self.shared.acquire().map_or_else(
            |state| {
                Err(BreakerRefusal {
                    service: Arc::clone(&self.shared.service),
                    state,
                })
            },
            |(generation, number)| {
                Ok(BreakerPermit {
                    breaker: Arc::clone(&self.shared),
                    generation,
                    number,
                    verdict: None,
                })
            },
        )
    }
}

impl BreakerPermit {
    /// The call succeeded; it may have been slow.
    pub fn succeeded(self, took: Duration) {
        self.ended(false, took);
    }

    /// The call failed in a way that tells against the service.
    pub fn failed(self, took: Duration) {
        self.ended(true, took);
    }

    /// The call ended in a way that tells nothing of the service, such as a faulty input.
    pub fn ignored(self) {}

    fn ended(mut self, failed: bool, took: Duration) {
        let slow = self.breaker.policy.is_slow(took);
        self.verdict = Some(Verdict { failed, slow });
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        self.breaker
            .settle(self.generation, self.number, self.verdict);
    }
}

impl Shared {
    /// Gives the generation and the number of a new permit, or the state that refuses it.
    fn acquire(&self) -> Result<(u64, u64), BreakerState> {
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
            Phase::Open { .. } => return Err(BreakerState::Open),
            Phase::HalfOpen { probes, .. } => {
                if probes.len() as u64 >= u64::from(self.policy.permitted_calls.max(1)) {
                    return Err(BreakerState::HalfOpen);
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

    /// Takes in how a permitted call ended; without a verdict, only that it did.
    fn settle(&self, generation: u64, number: u64, verdict: Option<Verdict>) {
        let now = self.timeline.now();
        let mut machine = self.lock();
        self.catch_up(&mut machine, now);
        if machine.generation != generation {
            return;
        }
        let next = match &mut machine.phase {
            Phase::Closed(window) => verdict
                .is_some_and(|verdict| window.record(now, verdict))
                .then_some(Phase::Open { since: now }),
            Phase::HalfOpen { successes, probes } => {
                probes.retain(|probe| probe.permit != number);
                match verdict {
                    None => None,
                    Some(Verdict {
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
            // Permits are given in the other states only.
            Phase::Open { .. } => None,
        };
        if let Some(next) = next {
            self.enter(&mut machine, next);
        }
    }

    /// Opens the breaker as of when a probe stayed out too long.
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
        // Recorded under the lock, so that events come in the order of the changes.
        self.timeline.record(match next {
            BreakerState::Open => EventKind::BreakerOpened { service },
            BreakerState::HalfOpen => EventKind::BreakerHalfOpened { service },
            BreakerState::Closed => EventKind::BreakerClosed { service },
        });
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        // Nothing between two changes panics, so the machine is whole.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine {
    /// The state as of now, whatever was last recorded.
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

    /// When a probe that stayed out too long reopened the breaker.
    ///
    /// One that is back after exactly the longest wait is in time.
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
