use std::{
    fmt,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use serde_json::{Map, Value, json};

use super::{
    BudgetPolicy, Usage, WhenExceeded,
    budget_ceiling::{Ceiling, CeilingOf},
};
use crate::{
    domain::{CallName, IndexMap, Locked},
    observability::{BudgetUse, ControlEvent, EventKind, Timeline},
};

/// What the calls of a scope have used of what they may use together.
///
/// A handle: clones share the state. What a call will probably use is reserved before it, so that no
/// two take the last place, and settled after it.
#[derive(Clone, Debug)]
pub struct Budget {
    core: Arc<BudgetCore>,
}

#[derive(Debug)]
struct BudgetCore {
    scope: Arc<str>,
    policy: BudgetPolicy,
    timeline: Timeline,
    began: Duration,
    meters: Locked<Meters>,
}

type Meters = IndexMap<CeilingOf, Meter>;

/// What counts towards one ceiling.
#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    used: u128,
    reserved: u128,
    has_warned: bool,
    was_exceeded: bool,
}

/// Calls need more than is left of a budget.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the budget of {scope} does not suffice for {}", listed(.shortages))]
pub struct OverBudget {
    /// The calls that it is for: a run's id, or `all calls`.
    pub scope: Arc<str>,
    /// Each ceiling that they would exceed.
    pub shortages: Vec<Shortage>,
}

/// A ceiling that calls would exceed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Its name in a policy.
    pub ceiling: &'static str,
    /// The service or operation, where each has its own.
    pub of: Option<Arc<str>>,
    /// What the calls need: a number; of time, what has passed, as text.
    pub needed: Value,
    /// What is left of the limit.
    pub available: Value,
    /// All that there was.
    pub limit: Value,
}

/// What a call has reserved of a budget.
///
/// Dropped before the call is made, it is given back; dropped later, it stays used.
#[derive(Debug)]
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    core: Arc<BudgetCore>,
    amounts: [(CeilingOf, u128); 6],
    is_used: bool,
}

impl Budget {
    /// A budget that begins now, of which nothing is used.
    pub fn new(scope: impl Into<Arc<str>>, policy: BudgetPolicy, timeline: Timeline) -> Self {
        let began = timeline.now();
        Self {
            core: Arc::new(BudgetCore {
                scope: scope.into(),
                policy,
                timeline,
                began,
                meters: Locked::default(),
            }),
        }
    }

    /// Reserves what a call will probably use.
    ///
    /// # Errors
    ///
    /// If the budget blocks, and less than that is left.
    pub fn reserve(&self, call: &CallName, estimate: Usage) -> Result<Reservation, OverBudget> {
        let mut meters = self.core.lock();
        if self.core.policy.policy == WhenExceeded::Block {
            self.core.check(&meters, [(call, estimate)])?;
        }
        let amounts = estimate.amounts(call);
        for (ceiling, amount) in &amounts {
            meters.entry(ceiling.clone()).or_default().reserved += amount;
        }
        Ok(Reservation {
            core: Arc::clone(&self.core),
            amounts,
            is_used: false,
        })
    }

    /// Checks whether enough is left for all these calls, also of a budget that does not block.
    ///
    /// # Errors
    ///
    /// If less than they need is left.
    pub fn check<'a>(
        &self,
        calls: impl IntoIterator<Item = (&'a CallName, Usage)>,
    ) -> Result<(), OverBudget> {
        let meters = self.core.lock();
        self.core.check(&meters, calls)
    }

    /// What is used of each ceiling, its limit and what is left, as JSON.
    pub fn report(&self) -> Value {
        let meters = self.core.lock();
        let show = |ceiling: Ceiling, meter: &Meter| {
            let mut shown = json!({ "used": ceiling.show(meter.used) });
            if let Some(limit) = ceiling.limit(&self.core.policy) {
                shown["limit"] = ceiling.show(limit);
                shown["remaining"] = ceiling.show(meter.left(limit));
            }
            shown
        };
        let mut report = Map::new();
        for ceiling in [
            Ceiling::Cost,
            Ceiling::Calls,
            Ceiling::Tokens,
            Ceiling::Time,
        ] {
            let meter = meters.get(&ceiling.of_all()).copied().unwrap_or_default();
            report.insert(ceiling.name().to_owned(), show(ceiling, &meter));
        }
        for ceiling in [Ceiling::CallsPerService, Ceiling::CallsPerOperation] {
            let of_each = meters.iter().filter(|(own, _)| own.ceiling == ceiling);
            let of_each: Map<_, _> = of_each
                .filter_map(|(own, meter)| {
                    Some((own.of.as_ref()?.to_string(), show(ceiling, meter)))
                })
                .collect();
            report.insert(ceiling.name().to_owned(), of_each.into());
        }
        report.into()
    }
}

impl Reservation {
    /// The call is made: what was reserved is used.
    pub fn begin(&mut self) {
        self.is_used = true;
        let mut meters = self.core.lock();
        for (ceiling, amount) in &self.amounts {
            let meter = meters.entry(ceiling.clone()).or_default();
            meter.reserved -= amount;
            meter.used += amount;
            self.core.notice(ceiling, meter);
        }
    }

    /// The call, which was made, has used this instead.
    pub fn settle(self, call: &CallName, actual: Usage) {
        let mut meters = self.core.lock();
        for ((ceiling, estimate), (_, actual)) in self.amounts.iter().zip(actual.amounts(call)) {
            let meter = meters.entry(ceiling.clone()).or_default();
            meter.used = meter.used - estimate + actual;
            self.core.notice(ceiling, meter);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.is_used {
            return;
        }
        let mut meters = self.core.lock();
        for (ceiling, amount) in &self.amounts {
            meters.entry(ceiling.clone()).or_default().reserved -= amount;
        }
    }
}

impl BudgetCore {
    /// The meters, with the time that has passed by now.
    fn lock(&self) -> MutexGuard<'_, Meters> {
        let mut meters = self.meters.lock();
        let passed = self.timeline.now().saturating_sub(self.began);
        let time = meters.entry(Ceiling::Time.of_all()).or_default();
        time.used = passed.as_millis();
        meters
    }

    fn check<'a>(
        &self,
        meters: &Meters,
        calls: impl IntoIterator<Item = (&'a CallName, Usage)>,
    ) -> Result<(), OverBudget> {
        let mut needed: IndexMap<CeilingOf, u128> = IndexMap::default();
        for (call, usage) in calls {
            for (ceiling, amount) in usage.amounts(call) {
                *needed.entry(ceiling).or_default() += amount;
            }
        }
        let shortages = needed.into_iter().filter_map(|(of, needed)| {
            let CeilingOf { ceiling, of: name } = &of;
            let meter = meters.get(&of).copied().unwrap_or_default();
            let limit = ceiling.limit(&self.policy)?;
            if meter.used + meter.reserved + needed <= limit {
                return None;
            }
            let needed = match ceiling {
                Ceiling::Time => meter.used,
                _ => needed,
            };
            Some(Shortage {
                ceiling: ceiling.name(),
                of: name.clone(),
                needed: ceiling.show(needed),
                available: ceiling.show(meter.left(limit)),
                limit: ceiling.show(limit),
            })
        });
        let shortages: Vec<_> = shortages.collect();
        match shortages.is_empty() {
            true => Ok(()),
            false => Err(OverBudget {
                scope: Arc::clone(&self.scope),
                shortages,
            }),
        }
    }

    /// Records what the use of a ceiling has reached: its warning once, and once that it is exceeded.
    ///
    /// Under the lock, so that events are in the order of the changes.
    fn notice(&self, of: &CeilingOf, meter: &mut Meter) {
        let CeilingOf { ceiling, of: name } = of;
        let Some(limit) = ceiling.limit(&self.policy) else {
            return;
        };
        let is_exceeded = meter.used > limit;
        let warns = is_exceeded || self.is_near(meter.used, limit);
        let named = |own| name.clone().filter(|_| *ceiling == own);
        let used = BudgetUse {
            scope: Arc::clone(&self.scope),
            ceiling: ceiling.name(),
            service: named(Ceiling::CallsPerService),
            call: named(Ceiling::CallsPerOperation),
            used: ceiling.show(meter.used),
            limit: ceiling.show(limit),
        };
        if warns && !std::mem::replace(&mut meter.has_warned, true) {
            self.record(ControlEvent::BudgetWarning(used.clone()));
        }
        if is_exceeded && !std::mem::replace(&mut meter.was_exceeded, true) {
            self.record(ControlEvent::BudgetExceeded(used));
        }
    }

    /// Whether so much of a limit is used that the budget warns, reckoned in whole millionths, because
    /// fractions are not exact in binary.
    fn is_near(&self, used: u128, limit: u128) -> bool {
        const WHOLE: f64 = 1e6;
        let share = (self.policy.warn_at * WHOLE).round() as u128;
        used * WHOLE as u128 >= limit * share
    }

    fn record(&self, event: ControlEvent) {
        self.timeline.record(EventKind::Control(Box::new(event)));
    }
}

impl Meter {
    fn left(&self, limit: u128) -> u128 {
        limit.saturating_sub(self.used + self.reserved)
    }
}

fn listed(shortages: &[Shortage]) -> String {
    let shortages: Vec<_> = shortages.iter().map(ToString::to_string).collect();
    shortages.join("; ")
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ceiling,
            needed,
            available,
            limit,
            ..
        } = self;
        f.write_str(ceiling)?;
        if let Some(of) = &self.of {
            write!(f, " of {of}")?;
        }
        match (needed, limit) {
            (Value::String(passed), Value::String(limit)) => {
                write!(f, ": {passed} have passed, of {limit}")
            }
            _ => write!(f, ": {needed} needed, {available} of {limit} available"),
        }
    }
}

#[cfg(test)]
mod tests;
