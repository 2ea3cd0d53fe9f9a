use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::goal::Goal;
use crate::domain::{Locked, Violation};

/// Who can carry out plans.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Worker {
    /// Its name, which is the caller of its calls.
    pub id: Arc<str>,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Whether it takes plans.
    #[serde(default = "yes")]
    pub available: bool,
    /// How busy it is, 0 to 1.
    #[serde(default)]
    pub load: f64,
    /// The higher, the sooner it is chosen.
    #[serde(default)]
    pub priority: i32,
}

fn yes() -> bool {
    true
}

impl Worker {
    pub(crate) fn check(&self) -> Result<(), Violation> {
        if self.id.trim().is_empty() {
            return Err(Violation::new("/id", "a worker needs a name"));
        }
        if !(0.0..=1.0).contains(&self.load) {
            let message = format!("expected 0 to 1, found {}", self.load);
            return Err(Violation::new("/load", message));
        }
        Ok(())
    }
}

/// How a worker is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoutingStrategy {
    /// Each of the available ones in turn.
    #[default]
    RoundRobin,
    /// Whoever has most of what is required.
    Capability,
    /// Whoever is least busy.
    LoadBalanced,
    /// Whoever has the highest priority.
    Priority,
    /// Whoever the goal names.
    Manual,
}

impl RoutingStrategy {
    fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "roundRobin",
            Self::Capability => "capability",
            Self::LoadBalanced => "loadBalanced",
            Self::Priority => "priority",
            Self::Manual => "manual",
        }
    }
}

/// Chooses who carries out plans.
#[derive(Debug)]
pub struct Router {
    strategy: RoutingStrategy,
    workers: Vec<Worker>,
    state: Locked<RouterState>,
}

#[derive(Debug)]
struct RouterState {
    /// How many choices were made in turn.
    turns: usize,
    /// How many plans each worker carries out.
    at_work: Vec<usize>,
    available: Vec<bool>,
}

/// A choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    pub worker: Arc<str>,
    pub reason: String,
    pub alternatives: Vec<Arc<str>>,
    pub confidence: f64,
    pub metadata: Value,
}

/// Why there is no choice.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RoutingError {
    /// There is nobody.
    #[error("there are no workers")]
    NoWorkers,
    /// Nobody takes plans.
    #[error("none of the {0} workers is available")]
    NoneAvailable(usize),
    /// Nobody has any of the capabilities.
    #[error("no available worker has any of the required capabilities {0:?}")]
    NoneCapable(Vec<String>),
    /// The goal names nobody.
    #[error("workers are chosen by hand, and the goal has no \"route\"")]
    NotChosen,
    /// The goal names somebody who is not there.
    #[error("{0}")]
    Unknown(String),
    /// Whoever the goal names takes no plans.
    #[error("worker {0:?} is not available")]
    NotAvailable(String),
}

/// A share of the required capabilities below this is none: whoever can do nothing of it is not asked.
const FLOOR: f64 = 0.01;

impl Router {
    pub fn new(strategy: RoutingStrategy, workers: Vec<Worker>) -> Self {
        let state = RouterState {
            turns: 0,
            at_work: vec![0; workers.len()],
            available: workers.iter().map(|worker| worker.available).collect(),
        };
        Self {
            strategy,
            workers,
            state: Locked::new(state),
        }
    }

    /// How many workers take plans.
    pub fn available(&self) -> usize {
        let state = self.state.lock();
        state.available.iter().filter(|it| **it).count()
    }

    /// Whether a worker takes plans from now on.
    pub fn set_available(&self, index: usize, available: bool) {
        self.state.lock().available[index] = available;
    }

    /// Whether there is a worker of this name, who takes plans.
    pub fn takes_plans(&self, worker: &str) -> bool {
        let index = self.index(worker);
        index.is_some_and(|index| self.state.lock().available[index])
    }

    /// Notes that a worker begins to carry out a plan; [`ended`](Self::ended) that it has ended.
    pub fn began(&self, worker: &str) {
        if let Some(index) = self.index(worker) {
            self.state.lock().at_work[index] += 1;
        }
    }

    pub fn ended(&self, worker: &str) {
        if let Some(index) = self.index(worker) {
            let mut state = self.state.lock();
            state.at_work[index] = state.at_work[index].saturating_sub(1);
        }
    }

    fn index(&self, worker: &str) -> Option<usize> {
        self.workers.iter().position(|own| *own.id == *worker)
    }

    /// Chooses who carries out the plan of a goal.
    ///
    /// # Errors
    ///
    /// If nobody can.
    pub fn route(&self, goal: &Goal) -> Result<Routing, RoutingError> {
        if self.workers.is_empty() {
            return Err(RoutingError::NoWorkers);
        }
        let mut state = self.state.lock();
        let candidates: Vec<usize> = (0..self.workers.len())
            .filter(|index| state.available[*index])
            .collect();
        if candidates.is_empty() {
            return Err(RoutingError::NoneAvailable(self.workers.len()));
        }
        let count = candidates.len();
        let first = |key: &dyn Fn(usize) -> f64| {
            let lowest = candidates.iter().copied();
            // Of equal ones the first.
            lowest.min_by(|one, other| key(*one).total_cmp(&key(*other)))
        };
        let (index, reason, confidence) = match self.strategy {
            RoutingStrategy::RoundRobin => {
                let turn = state.turns;
                state.turns += 1;
                let reason = format!("the next of {count} available workers in turn");
                (candidates[turn % count], reason, 1.0)
            }
            RoutingStrategy::Capability => {
                let required = &goal.requires;
                let best = first(&|index| -self.share(index, required)).unwrap_or(candidates[0]);
                let share = self.share(best, required);
                match required.is_empty() {
                    true => (
                        best,
                        "nothing is required, so the first one".to_owned(),
                        0.5,
                    ),
                    false if share < FLOOR => {
                        return Err(RoutingError::NoneCapable(required.clone()));
                    }
                    false => {
                        let all = required.len();
                        let has = required.iter().filter(|it| self.has(best, it)).count();
                        let reason = format!("has {has} of the {all} required capabilities");
                        (best, reason, share)
                    }
                }
            }
            RoutingStrategy::LoadBalanced => {
                let busy = |index: usize| self.workers[index].load;
                let lowest = first(&busy).map_or(0.0, busy);
                let at_work = |index: usize| match busy(index) > lowest {
                    true => f64::INFINITY,
                    false => count_of(state.at_work[index]),
                };
                let index = first(&at_work).unwrap_or(candidates[0]);
                let reason = format!(
                    "the lowest load, {lowest}, with {} plans at work",
                    state.at_work[index]
                );
                (index, reason, 1.0)
            }
            RoutingStrategy::Priority => {
                let priority = |index: usize| -f64::from(self.workers[index].priority);
                let index = first(&priority).unwrap_or(candidates[0]);
                let reason = format!("the highest priority, {}", self.workers[index].priority);
                (index, reason, 1.0)
            }
            RoutingStrategy::Manual => {
                let route = goal.route.as_ref().ok_or(RoutingError::NotChosen)?;
                let index = self.find(&route.worker)?;
                if !candidates.contains(&index) {
                    return Err(RoutingError::NotAvailable(route.worker.clone()));
                }
                (index, route.reason.clone(), route.confidence)
            }
        };
        let others = candidates.iter().filter(|other| **other != index);
        Ok(Routing {
            worker: Arc::clone(&self.workers[index].id),
            reason,
            alternatives: others
                .map(|other| Arc::clone(&self.workers[*other].id))
                .collect(),
            confidence,
            metadata: json!({ "strategy": self.strategy.as_str(), "available": count }),
        })
    }

    fn find(&self, id: &str) -> Result<usize, RoutingError> {
        self.index(id).ok_or_else(|| {
            let ids = self.workers.iter().map(|worker| &*worker.id);
            let hint = crate::domain::did_you_mean(id, ids);
            RoutingError::Unknown(format!("worker {id:?} does not exist: {hint}"))
        })
    }

    fn has(&self, index: usize, capability: &str) -> bool {
        let own = &self.workers[index].capabilities;
        own.iter().any(|it| it == capability)
    }

    /// The share of the required capabilities that a worker has, 0 to 1.
    fn share(&self, index: usize, required: &[String]) -> f64 {
        if required.is_empty() {
            return 0.0;
        }
        let has = required.iter().filter(|it| self.has(index, it)).count();
        count_of(has) / count_of(required.len())
    }
}

/// A count as a number to compare; no count of workers, plans or capabilities is that large.
fn count_of(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A worker that carries out a plan, until this is dropped.
pub struct WorkerAtWork {
    router: Arc<Router>,
    worker: Option<Arc<str>>,
}

impl WorkerAtWork {
    pub fn begin(router: &Arc<Router>, routing: Option<&Routing>) -> Self {
        let worker = routing.map(|routing| Arc::clone(&routing.worker));
        if let Some(worker) = &worker {
            router.began(worker);
        }
        Self {
            router: Arc::clone(router),
            worker,
        }
    }
}

impl Drop for WorkerAtWork {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            self.router.ended(worker);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn worker(id: &str, available: bool) -> Worker {
        Worker {
            id: id.into(),
            capabilities: Vec::new(),
            available,
            load: 0.0,
            priority: 0,
        }
    }

    #[test]
    fn hundred_plans_in_turn_are_25_for_each_of_four_workers_on_any_thread() {
        let workers = ["a", "b", "c", "d"].map(|id| worker(id, true));
        let router = Router::new(RoutingStrategy::RoundRobin, workers.to_vec());
        let mut counts = [0; 4];
        std::thread::scope(|scope| {
            let route = || {
                let chosen = (0..25).map(|_| router.route(&Goal::new("Add")).unwrap().worker);
                chosen.collect::<Vec<_>>()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(route)).collect();
            for thread in threads {
                for worker in thread.join().unwrap() {
                    counts[router.index(&worker).unwrap()] += 1;
                }
            }
        });
        assert_eq!(counts, [25; 4]);
    }

    proptest! {
        #[test]
        fn whoever_is_chosen_is_available_and_turns_are_even(
            available in proptest::collection::vec(any::<bool>(), 1..6),
            rounds in 1..5_usize,
        ) {
            let workers = available.iter().enumerate();
            let workers = workers.map(|(index, is)| worker(&format!("w{index}"), *is));
            let router = Router::new(RoutingStrategy::RoundRobin, workers.collect());
            let count = available.iter().filter(|is| **is).count();
            let mut turns = vec![0; available.len()];
            for _ in 0..rounds * count.max(1) {
                match router.route(&Goal::new("Add")) {
                    Ok(routing) => {
                        turns[router.index(&routing.worker).unwrap()] += 1;
                        prop_assert_eq!(routing.alternatives.len(), count - 1);
                    }
                    Err(error) => {
                        prop_assert_eq!(error, RoutingError::NoneAvailable(available.len()));
                    }
                }
            }
            for (turns, is) in turns.iter().zip(&available) {
                prop_assert_eq!(*turns, if *is { rounds } else { 0 });
            }
        }
    }
}
