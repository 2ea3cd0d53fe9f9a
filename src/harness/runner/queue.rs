use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How far scenarios may run ahead of the output, so that the results waiting to be
/// shown stay bounded when an early scenario takes long.
const AHEAD: usize = 4_096;

/// The scenarios still to be run, by index: serial ones first, each
/// alone, then the others, in order.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Debug)]
struct QueueState {
    serial: VecDeque<usize>,
    parallel: VecDeque<usize>,
    running: usize,
    alone: bool,
    horizon: usize,
    waiting: usize,
}

impl Queue {
    pub fn new(serial: VecDeque<usize>, parallel: VecDeque<usize>) -> Self {
        Self {
            state: Mutex::new(QueueState {
                serial,
                parallel,
                running: 0,
                alone: false,
                horizon: AHEAD,
                waiting: 0,
            }),
            changed: Condvar::new(),
        }
    }

    /// Waits for the next scenario that may run; `None` when there is none left.
    pub fn take(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if !state.serial.is_empty() {
                if state.running == 0 {
                    state.running = 1;
                    state.alone = true;
                    return state.serial.pop_front();
                }
            } else {
                let next = *state.parallel.front()?;
                if !state.alone && next < state.horizon {
                    state.running += 1;
                    return state.parallel.pop_front();
                }
            }
            state.waiting += 1;
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    /// A running scenario has ended, or was abandoned.
    pub fn done(&self) {
        let mut state = self.lock();
        state.running -= 1;
        state.alone = false;
        self.wake(&state);
    }

    /// The output has reached this index.
    pub fn shown(&self, next: usize) {
        let mut state = self.lock();
        state.horizon = next + AHEAD;
        self.wake(&state);
    }

    /// Drops the scenarios after an index.
    pub fn stop_after(&self, index: usize) {
        let mut state = self.lock();
        state.serial.retain(|other| *other <= index);
        state.parallel.retain(|other| *other <= index);
        self.wake(&state);
    }

    /// Drops all scenarios.
    pub fn close(&self) {
        let mut state = self.lock();
        state.serial.clear();
        state.parallel.clear();
        self.wake(&state);
    }

    /// Waits until no scenario runs, for at most `max_wait` of real time; returns whether none runs.
    pub fn wait_until_idle(&self, max_wait: Duration) -> bool {
        let mut state = self.lock();
        state.waiting += 1;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, max_wait, |state| state.running > 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.running == 0
    }

    /// A notification is a system call, so it is left out where nobody waits.
    fn wake(&self, state: &QueueState) {
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;

    #[test]
    fn serial_scenarios_run_first_and_alone() {
        let queue = Arc::new(Queue::new([1, 3].into(), [0, 2].into()));
        assert_eq!(queue.take(), Some(1));
        let other = Arc::clone(&queue);
        let second = thread::spawn(move || other.take());
        thread::sleep(Duration::from_millis(20));
        assert!(!second.is_finished());
        queue.done();
        assert_eq!(second.join().unwrap(), Some(3));
        queue.done();
        assert_eq!((queue.take(), queue.take()), (Some(0), Some(2)));
        assert_eq!(queue.take(), None);
        assert!(!queue.wait_until_idle(Duration::ZERO));
    }

    #[test]
    fn scenarios_wait_when_the_output_is_far_behind() {
        let queue = Arc::new(Queue::new([].into(), (0..AHEAD + 2).collect()));
        for index in 0..AHEAD {
            assert_eq!(queue.take(), Some(index));
        }
        let other = Arc::clone(&queue);
        let next = thread::spawn(move || other.take());
        thread::sleep(Duration::from_millis(20));
        assert!(!next.is_finished());
        queue.shown(1);
        assert_eq!(next.join().unwrap(), Some(AHEAD));
        queue.stop_after(3);
        assert_eq!(queue.take(), None);
    }
}
