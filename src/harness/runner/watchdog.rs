use std::{
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::results::AttemptResult;
use crate::{domain::Locked, harness::events::HookInfo, observability::Timeline};

/// The scenario that a worker runs, which the watchdog can take away.
///
/// A thread that loops or blocks cannot be ended. It loses its scenario instead:
/// any result it delivers later finds the slot empty and is discarded.
#[derive(Debug, Default)]
pub(super) struct WorkerSlot {
    run: Locked<Option<ScenarioInProgress>>,
    step: AtomicUsize,
}

/// A scenario that is being run.
#[derive(Debug)]
pub(super) struct ScenarioInProgress {
    /// Its index among the jobs.
    pub job: usize,
    /// The attempts that have ended.
    pub attempts: Vec<AttemptResult>,
    /// The timeline of the current attempt.
    pub timeline: Option<Timeline>,
    /// The step it is in, unless it is in a hook.
    pub step: usize,
    /// The hook it is in, and the results of the attempt before the hook.
    pub hook: Option<(Arc<HookInfo>, AttemptResult)>,
    /// `None` between two attempts.
    started: Option<Instant>,
}

impl WorkerSlot {
    /// A scenario begins.
    pub fn begin(&self, job: usize) {
        *self.lock() = Some(ScenarioInProgress {
            job,
            attempts: Vec::new(),
            timeline: None,
            step: 0,
            hook: None,
            started: None,
        });
    }

    /// An attempt begins; false if the scenario was taken away.
    pub fn start(&self) -> bool {
        self.reach(0);
        self.with(|run| run.started = Some(Instant::now()))
    }

    /// The attempt has its world.
    pub fn enter(&self, timeline: Timeline) {
        self.with(|run| run.timeline = Some(timeline));
    }

    /// A step begins.
    pub fn reach(&self, step: usize) {
        self.step.store(step, Ordering::Relaxed);
    }

    /// A hook begins.
    pub fn enter_hook(&self, hook: &Arc<HookInfo>, before: &AttemptResult) {
        self.with(|run| run.hook = Some((Arc::clone(hook), before.clone())));
    }

    /// A hook has ended.
    pub fn leave_hook(&self) {
        self.with(|run| run.hook = None);
    }

    /// An attempt has ended; false if the scenario was taken away.
    pub fn end(&self, attempt: AttemptResult) -> bool {
        self.with(|run| {
            run.started = None;
            run.timeline = None;
            run.hook = None;
            run.attempts.push(attempt);
        })
    }

    /// The scenario has ended: all attempts; `None` if it was taken away.
    pub fn finish(&self) -> Option<Vec<AttemptResult>> {
        self.lock().take().map(|run| run.attempts)
    }

    /// Takes the scenario away if its attempt has lasted longer than this.
    pub fn take_overdue(&self, limit: Duration) -> Option<ScenarioInProgress> {
        let mut run = self.lock();
        let overdue = run
            .as_ref()
            .and_then(|run| run.started)
            .is_some_and(|started| started.elapsed() > limit);
        if overdue { self.take(&mut run) } else { None }
    }

    /// Takes the scenario away.
    pub fn take_now(&self) -> Option<ScenarioInProgress> {
        self.take(&mut self.lock())
    }

    fn take(&self, run: &mut Option<ScenarioInProgress>) -> Option<ScenarioInProgress> {
        let mut run = run.take()?;
        run.step = self.step.load(Ordering::Relaxed);
        Some(run)
    }

    fn with(&self, change: impl FnOnce(&mut ScenarioInProgress)) -> bool {
        self.lock().as_mut().map(change).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<ScenarioInProgress>> {
        self.run.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_of_a_scenario_taken_away_is_discarded() {
        let slot = WorkerSlot::default();
        slot.begin(7);
        assert!(slot.take_overdue(Duration::ZERO).is_none());
        assert!(slot.start());
        slot.reach(2);
        std::thread::sleep(Duration::from_millis(2));
        assert!(slot.take_overdue(Duration::from_secs(60)).is_none());
        let run = slot.take_overdue(Duration::from_millis(1)).unwrap();
        assert_eq!((run.job, run.step), (7, 2));
        assert!(!slot.end(AttemptResult::with_capacity(0)));
        assert!(!slot.start());
        assert!(slot.finish().is_none());
    }
}
