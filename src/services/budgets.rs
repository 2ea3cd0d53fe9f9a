//! The budgets that count a client's calls.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use crate::{
    domain::{CallName, Cost, HashMap, Locked},
    observability::{ALL_CALLS, Timeline},
    resilience::{Budget, BudgetPolicy, OverBudget, Reservation, Usage},
};

/// The budget of all calls, and those of the calls of a run and of the runs nested in it.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    /// Whether there is any: without one, a call pays for nothing else.
    is_any: AtomicBool,
    table: Locked<BudgetTable>,
}

#[derive(Debug, Default)]
struct BudgetTable {
    all: Option<Budget>,
    runs: HashMap<Arc<str>, Budget>,
}

/// What a call has reserved, of each budget that counts it.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    of_each: Vec<Reservation>,
    estimate: Usage,
}

impl Budgets {
    /// Sets the budget of all calls.
    pub fn set(&self, policy: BudgetPolicy, timeline: Timeline) {
        self.table.lock().all = Some(Budget::new(ALL_CALLS, policy, timeline));
        self.is_any.store(true, Ordering::Release);
    }

    /// Sets the budget of the calls of a run.
    pub fn set_of_run(&self, run: &str, policy: Option<BudgetPolicy>, timeline: Timeline) {
        let Some(policy) = policy else {
            self.table.lock().runs.remove(run);
            return;
        };
        let run: Arc<str> = run.into();
        let budget = Budget::new(Arc::clone(&run), policy, timeline);
        self.table.lock().runs.insert(run, budget);
        self.is_any.store(true, Ordering::Release);
    }

    /// The budget of all calls.
    pub fn of_all(&self) -> Option<Budget> {
        self.table.lock().all.clone()
    }

    /// The budgets that count the calls of a run, or those that belong to none: that of all calls, then
    /// from the outermost run inwards.
    pub fn of(&self, run: Option<&str>) -> Vec<Budget> {
        if !self.is_any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let table = self.table.lock();
        let runs = run.into_iter().flat_map(|run| {
            // A child run is named after the steps it is nested in: `<run>/<step>/…`.
            let ends = run.match_indices('/').map(|(end, _)| end);
            let outer = ends.chain([run.len()]).map(|end| &run[..end]);
            outer.filter_map(|run| table.runs.get(run))
        });
        table.all.iter().chain(runs).cloned().collect()
    }
}

impl Reservations {
    /// Reserves what a call will probably use, of all of these budgets or of none.
    ///
    /// # Errors
    ///
    /// As for [`Budget::reserve`], of the first that refuses.
    pub fn of(budgets: &[Budget], call: &CallName, estimate: Usage) -> Result<Self, OverBudget> {
        let reserved = budgets.iter().map(|budget| budget.reserve(call, estimate));
        Ok(Self {
            of_each: reserved.collect::<Result<_, _>>()?,
            estimate,
        })
    }

    /// The call is made.
    pub fn begin(&mut self) {
        for reservation in &mut self.of_each {
            reservation.begin();
        }
    }

    /// Settles what the call, which was made, has used: what its reply says, else the estimate.
    ///
    /// # Errors
    ///
    /// If the reply says it in a way that cannot be read; the estimate counts then.
    pub fn settle(self, call: &CallName, reply: Option<&Value>) -> Result<(), String> {
        if self.of_each.is_empty() {
            return Ok(());
        }
        let estimate = self.estimate;
        let said = reply.map_or(Ok(estimate), |reply| usage_of(reply, estimate));
        for reservation in self.of_each {
            reservation.settle(call, *said.as_ref().unwrap_or(&estimate));
        }
        said.map(drop)
    }
}

/// The `cost` and `tokens` in the `usage` of a reply; what it does not say is estimated.
fn usage_of(reply: &Value, estimate: Usage) -> Result<Usage, String> {
    let said = |pointer: &str| reply.pointer(pointer).filter(|said| !said.is_null());
    let mut usage = estimate;
    if let Some(cost) = said("/usage/cost") {
        usage.cost = Cost::from_json(cost).map_err(|why| format!("at /usage/cost: {why}"))?;
    }
    if let Some(tokens) = said("/usage/tokens") {
        usage.tokens = tokens.as_u64().ok_or_else(|| {
            format!("at /usage/tokens: expected a whole number, 0 or more, found {tokens}")
        })?;
    }
    Ok(usage)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::{Clock, virtually};

    fn only_calls(calls: u64) -> BudgetPolicy {
        BudgetPolicy {
            calls: Some(calls),
            ..BudgetPolicy::default()
        }
    }

    #[test]
    fn call_counts_in_the_budgets_of_all_calls_and_of_its_runs() {
        virtually(async {
            let timeline = Timeline::new(Clock::start());
            let budgets = Budgets::default();
            assert!(budgets.of(Some("trip-1")).is_empty());
            for (run, calls) in [
                ("trip-1", 2),
                ("trip-1/car", 3),
                ("trip-1/car~2", 4),
                ("trip", 5),
            ] {
                budgets.set_of_run(run, Some(only_calls(calls)), timeline.clone());
            }
            let limits = |run: Option<&str>| {
                let budgets = budgets.of(run).into_iter();
                budgets
                    .map(|budget| budget.report()["calls"]["remaining"].clone())
                    .collect::<Vec<_>>()
            };
            assert!(limits(None).is_empty());
            budgets.set(only_calls(1), timeline.clone());
            for (run, expected) in [
                (None, &[1][..]),
                (Some("trip-1"), &[1, 2]),
                (Some("trip-1/car"), &[1, 2, 3]),
                (Some("trip-1/car/fuel"), &[1, 2, 3]),
                (Some("trip-1/car~2"), &[1, 2, 4]),
                (Some("trip-1/hotel"), &[1, 2]),
                (Some("trip-10"), &[1]),
                (Some("trip-10/car"), &[1]),
            ] {
                assert_eq!(limits(run), expected, "{run:?}");
            }
        });
    }

    #[test]
    fn reservation_that_one_budget_refuses_is_given_back_to_the_others() {
        virtually(async {
            let timeline = Timeline::new(Clock::start());
            let block = |calls| BudgetPolicy {
                policy: crate::resilience::WhenExceeded::Block,
                ..only_calls(calls)
            };
            let wide = Budget::new(ALL_CALLS, block(5), timeline.clone());
            let narrow = Budget::new("trip-1", block(0), timeline);
            let call = CallName::new("Cars", "rent");
            let both = [wide.clone(), narrow];
            let refused = Reservations::of(&both, &call, Usage::default()).unwrap_err();
            assert_eq!(&*refused.scope, "trip-1");
            assert_eq!(wide.report()["calls"]["remaining"], 5);
        });
    }

    #[test]
    fn usage_of_a_reply_is_read_as_far_as_it_says_so() {
        let estimate = Usage::default();
        let cost = |cost: f64| Cost::from_json(&json!(cost)).unwrap();
        for (reply, expected) in [
            (json!({}), estimate),
            (json!("text"), estimate),
            (json!({ "usage": "80 %" }), estimate),
            (json!({ "usage": { "total": 7 } }), estimate),
            (
                json!({ "usage": { "tokens": 7 } }),
                Usage {
                    tokens: 7,
                    ..estimate
                },
            ),
            (
                json!({ "usage": { "cost": 0, "tokens": null } }),
                Usage {
                    cost: cost(0.0),
                    ..estimate
                },
            ),
        ] {
            assert_eq!(usage_of(&reply, estimate), Ok(expected), "{reply}");
        }
    }
}
