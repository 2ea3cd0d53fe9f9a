//! Real time in a scenario whose time is virtual: code that blocks, and code that needs real I/O.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use tokio::runtime::Builder;

use crate::clock::REAL_TIME_HINT;

/// How long code may keep its thread busy, in real time, before that is worth a warning.
///
/// A warning names the limit and not the time that passed, so that it is the same in every run.
const LIMIT: Duration = Duration::from_millis(1_500);

thread_local! {
    /// Since when the runtime of this thread runs code without a pause, in which time could pass.
    static BUSY_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
    static LONGEST: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Measures how long code keeps its thread busy on the runtime that is built.
pub(super) fn measure(builder: &mut Builder) {
    builder.on_thread_park(pause).on_thread_unpark(resume);
}

/// The code of a step or a hook begins.
pub(super) fn begin() {
    LONGEST.set(Duration::ZERO);
    resume();
}

/// It has ended: whether it, or a task beside it, kept its thread busy for too long at a stretch.
pub(super) fn has_blocked() -> bool {
    pause();
    LONGEST.get() >= LIMIT
}

fn pause() {
    if let Some(since) = BUSY_SINCE.take() {
        LONGEST.set(LONGEST.get().max(since.elapsed()));
    }
}

fn resume() {
    BUSY_SINCE.set(Some(Instant::now()));
}

/// The warning about a step or a hook that has blocked.
pub(super) fn blocked(what: &str) -> String {
    format!(
        "{what} blocks its thread for more than {} s of real time, in which virtual time stands still: \
         wait in async code or in `tokio::task::spawn_blocking`, or tag the scenario @wall-clock",
        LIMIT.as_secs_f32()
    )
}

/// What to do about a failure that real time would not have had, if its message is that of one.
pub(super) fn hint(message: &str) -> Option<String> {
    let has = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    if has(&["IO is disabled", "there is no signal driver running"]) {
        let hint = "there is no real I/O in virtual time: tag the scenario @wall-clock";
        return Some(hint.to_owned());
    }
    // What `tokio::time::timeout` fails with, as `Display` and as `Debug`.
    has(&["deadline has elapsed", "Elapsed(())"])
        .then(|| format!("virtual time passes as soon as nothing else is due: {REAL_TIME_HINT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(work: impl Future<Output = ()>) -> String {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            crate::clock::virtually(work);
        }));
        let message = panic.unwrap_err().downcast::<String>().unwrap();
        hint(&message).unwrap_or(*message)
    }

    #[test]
    fn failures_of_real_io_in_virtual_time_are_explained() {
        let elapses = async {
            let never = std::future::pending::<()>();
            tokio::time::timeout(LIMIT, never).await.unwrap();
        };
        assert!(fails(elapses).contains("if it waits for real I/O or for another thread"));
        let elapses = async {
            let never = std::future::pending::<()>();
            let ended = tokio::time::timeout(LIMIT, never).await;
            ended.unwrap_or_else(|elapsed| panic!("no answer: {elapsed}"));
        };
        assert!(fails(elapses).contains("tag the scenario @wall-clock"));
        // What tokio says, which has no network in this crate.
        let disabled = "A Tokio 1.x context was found, but IO is disabled. \
                        Call `enable_io` on the runtime builder to enable IO.";
        assert!(hint(disabled).unwrap().contains("@wall-clock"));
        assert_eq!(hint("the price is 7"), None);
    }
}
