use std::{sync::Arc, time::Duration};

use serde::Serialize;

use super::{ControlEvent, Event, EventKind};
use crate::domain::{CallName, HashMap, IndexMap, shown_duration};

/// How well calls, runs and approvals went, as a view of a timeline.
///
/// They are the four of "Monitoring Distributed Systems" in Google's *Site Reliability Engineering*, as
/// far as a timeline knows them: traffic, errors, latency, and in place of saturation what people and
/// plans take.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GoldenSignals {
    /// Of all operations.
    #[serde(flatten)]
    pub calls: CallSignals,
    /// How many steps have ended, on average over the workflows that were run, those of nested ones among
    /// them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps_per_run: Option<f64>,
    /// How many steps have ended, on average over the goals that had a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps_per_goal: Option<f64>,
    /// From the request for an approval to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_wait: Option<Percentiles>,
    /// The largest share of a ceiling of a budget that was used, where one came close to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_use: Option<f64>,
    /// Of each operation, in the order of their first calls.
    pub operations: IndexMap<CallName, CallSignals>,
}

/// How well calls went that have ended.
///
/// Rates are shares of 1, rounded to four digits.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallSignals {
    /// How many there were; a call and its retries are one.
    pub calls: u64,
    /// The share of calls whose last execution succeeded. One that was refused in the end did not, even if
    /// a fallback stood in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// How often services were called, retries included.
    pub executions: u64,
    /// The share of executions that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<f64>,
    /// How often a call was refused before it reached its service.
    pub refusals: u64,
    /// How long executions took, failed ones among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Percentiles>,
}

/// Percentiles by the nearest-rank method: of n durations in order, that of rank ⌈p / 100 × n⌉, so always
/// one that occurred (see NIST/SEMATECH, *e-Handbook of Statistical Methods*, 7.2.6.2, on the definitions in
/// use).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half of them are no longer.
    #[serde(serialize_with = "shown_duration::serialize")]
    pub p50: Duration,
    /// 95 % are no longer.
    #[serde(serialize_with = "shown_duration::serialize")]
    pub p95: Duration,
    /// 99 % are no longer.
    #[serde(serialize_with = "shown_duration::serialize")]
    pub p99: Duration,
}

impl Percentiles {
    /// The percentiles of durations in any order; `None` without any.
    pub fn of(mut durations: Vec<Duration>) -> Option<Self> {
        durations.sort_unstable();
        let of_rank = |percent: usize| {
            let rank = (percent * durations.len()).div_ceil(100);
            durations.get(rank.checked_sub(1)?).copied()
        };
        Some(Self {
            p50: of_rank(50)?,
            p95: of_rank(95)?,
            p99: of_rank(99)?,
        })
    }
}

impl GoldenSignals {
    /// The signals of the events so far.
    pub fn of(events: &[Event]) -> Self {
        let mut all = Calls::default();
        let mut operations: IndexMap<CallName, Calls> = IndexMap::default();
        let mut runs: HashMap<&str, u64> = HashMap::default();
        let mut goals: HashMap<&str, &str> = HashMap::default();
        let mut asked: HashMap<&str, Duration> = HashMap::default();
        let mut waits = Vec::new();
        let mut budget_use: Option<f64> = None;
        for event in events {
            match &event.kind {
                EventKind::CallEnded { head, .. } | EventKind::CallRefused { head, .. } => {
                    all.add(&event.kind);
                    let operation = match operations.get_mut(&head.name) {
                        Some(operation) => operation,
                        None => operations.entry(head.name.clone()).or_default(),
                    };
                    operation.add(&event.kind);
                }
                EventKind::WorkflowStarted { run, .. } => {
                    runs.entry(root(run)).or_default();
                }
                EventKind::StepEnded { run, .. } => *runs.entry(root(run)).or_default() += 1,
                EventKind::Control(control) => match &**control {
                    ControlEvent::PlanCreated(plan) => {
                        goals.insert(&plan.target, &plan.trace);
                    }
                    ControlEvent::ApprovalRequested { request, .. } => {
                        asked.insert(request, event.at);
                    }
                    ControlEvent::ApprovalEnded { request, .. } => {
                        let since = asked.remove(&**request);
                        waits.extend(since.map(|since| event.at.saturating_sub(since)));
                    }
                    ControlEvent::BudgetWarning(budget) | ControlEvent::BudgetExceeded(budget) => {
                        let share = budget.used.as_f64().zip(budget.limit.as_f64());
                        let share = share.filter(|(_, limit)| *limit > 0.0);
                        let share = share.map(|(used, limit)| rounded(used / limit));
                        budget_use = budget_use.into_iter().chain(share).reduce(f64::max);
                    }
                    ControlEvent::StageEntered { .. }
                    | ControlEvent::RouteDecided(_)
                    | ControlEvent::ApprovalRefused { .. } => {}
                },
                _ => {}
            }
        }
        let steps_of = |run: &&str| runs.get(run).copied().unwrap_or_default();
        let planned = goals.keys().map(steps_of).sum();
        let mut traces: Vec<&str> = goals.values().copied().collect();
        traces.sort_unstable();
        traces.dedup();
        Self {
            calls: all.signals(),
            steps_per_run: rate(runs.values().sum(), runs.len() as u64),
            steps_per_goal: rate(planned, traces.len() as u64),
            approval_wait: Percentiles::of(waits),
            budget_use,
            operations: operations
                .into_iter()
                .map(|(name, calls)| (name, calls.signals()))
                .collect(),
        }
    }
}

/// What calls add up to.
#[derive(Default)]
struct Calls {
    /// Whether a call has succeeded so far, by its number.
    succeeded: HashMap<u64, bool>,
    took: Vec<Duration>,
    failed: u64,
    refusals: u64,
}

impl Calls {
    fn add(&mut self, kind: &EventKind) {
        match kind {
            EventKind::CallEnded {
                took,
                result,
                number,
                ..
            } => {
                let succeeds = **result == *"ok";
                self.succeeded.insert(*number, succeeds);
                self.took.push(*took);
                self.failed += u64::from(!succeeds);
            }
            EventKind::CallRefused { number, .. } => {
                self.succeeded.insert(*number, false);
                self.refusals += 1;
            }
            _ => {}
        }
    }

    fn signals(self) -> CallSignals {
        let calls = self.succeeded.len() as u64;
        let succeeded = self.succeeded.values().filter(|succeeds| **succeeds);
        let executions = self.took.len() as u64;
        CallSignals {
            calls,
            success_rate: rate(succeeded.count() as u64, calls),
            executions,
            error_rate: rate(self.failed, executions),
            refusals: self.refusals,
            latency: Percentiles::of(self.took),
        }
    }
}

fn rate(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| rounded(part as f64 / of as f64))
}

fn rounded(share: f64) -> f64 {
    const DIGITS: f64 = 10_000.0;
    (share * DIGITS).round() / DIGITS
}

/// The run that a run is nested in.
fn root(run: &Arc<str>) -> &str {
    run.split('/').next().unwrap_or(run)
}

#[cfg(test)]
mod tests;
