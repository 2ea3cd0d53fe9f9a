use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::report::Attempt;
use crate::{harness::events::HookInfo, observability::Timeline};

/// What a worker is at, for the watchdog to see and to take away.
///
/// A thread that loops or blocks cannot be ended. It loses its slot instead:
/// whatever it brings later finds the slot empty and is discarded.
#[derive(Debug, Default)]
pub(super) struct Slot {
    run: Mutex<Option<Run>>,
    step: AtomicUsize,
}

/// A scenario under way.
#[derive(Debug)]
pub(super) struct Run {
    /// Its index among the jobs.
    pub job: usize,
    /// The attempts that have ended.
    pub attempts: Vec<Attempt>,
    /// What has happened in the current attempt.
    pub timeline: Option<Timeline>,
    /// The step it is in, if it is in no hook.
    pub step: usize,
    /// The hook it is in, and how the attempt went before.
    pub hook: Option<(Arc<HookInfo>, Attempt)>,
    /// None between two attempts.
    started: Option<Instant>,
}

impl Slot {
    /// A scenario begins.
    pub fn begin(&self, job: usize) {
        *self.lock() = Some(Run {
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

    /// The world of the attempt is there.
    pub fn enter(&self, timeline: Timeline) {
        self.with(|run| run.timeline = Some(timeline));
    }

    /// A step begins.
    pub fn reach(&self, step: usize) {
        self.step.store(step, Ordering::Relaxed);
    }

    /// A hook begins.
    pub fn enter_hook(&self, hook: &Arc<HookInfo>, before: &Attempt) {
        self.with(|run| run.hook = Some((Arc::clone(hook), before.clone())));
    }

    /// A hook has ended.
    pub fn leave_hook(&self) {
        self.with(|run| run.hook = None);
    }

    /// An attempt has ended; false if the scenario was taken away.
    pub fn end(&self, attempt: Attempt) -> bool {
        self.with(|run| {
            run.started = None;
            run.timeline = None;
            run.hook = None;
            run.attempts.push(attempt);
        })
    }

    /// The scenario has ended: all attempts, or none if it was taken away.
    pub fn finish(&self) -> Option<Vec<Attempt>> {
        self.lock().take().map(|run| run.attempts)
    }

    /// Takes the scenario away if its attempt has lasted longer than this.
    pub fn take_overdue(&self, limit: Duration) -> Option<Run> {
        let mut run = self.lock();
        let overdue = run
            .as_ref()
            .and_then(|run| run.started)
            .is_some_and(|started| started.elapsed() > limit);
        if overdue { self.take(&mut run) } else { None }
    }

    /// Takes the scenario away.
    pub fn take_now(&self) -> Option<Run> {
        self.take(&mut self.lock())
    }

    fn take(&self, run: &mut Option<Run>) -> Option<Run> {
        let mut run = run.take()?;
        run.step = self.step.load(Ordering::Relaxed);
        Some(run)
    }

    fn with(&self, change: impl FnOnce(&mut Run)) -> bool {
        self.lock().as_mut().map(change).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Run>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_away_cannot_come_back() {
        let slot = Slot::default();
        slot.begin(7);
        assert!(slot.take_overdue(Duration::ZERO).is_none());
        assert!(slot.start());
        slot.reach(2);
        std::thread::sleep(Duration::from_millis(2));
        assert!(slot.take_overdue(Duration::from_secs(60)).is_none());
        let run = slot.take_overdue(Duration::from_millis(1)).unwrap();
        assert_eq!((run.job, run.step), (7, 2));
        assert!(!slot.end(Attempt::with_capacity(0)));
        assert!(!slot.start());
        assert!(slot.finish().is_none());
    }
}
