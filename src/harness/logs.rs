use std::{
    cell::RefCell,
    io::{self, Write},
};

use tracing_subscriber::util::SubscriberInitExt;

/// Maximum size of a scenario's log, in bytes.
const LIMIT: usize = 256 * 1024;

thread_local! {
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Collects logs of `tracing`, unless there is already a subscriber. The events of timelines are not among
/// them: their level is below that of logs, and a failure shows them anyway.
pub(super) fn install() {
    let _ = subscriber().try_init();
}

fn subscriber() -> impl SubscriberInitExt {
    tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .with_writer(|| ThreadLog)
        .finish()
}

/// Keeps the logs of this thread from now on.
pub(super) fn begin() {
    LOG.set(Some(Vec::new()));
}

/// Adds a line to the log.
pub(super) fn note(line: &str) {
    let _ = writeln!(ThreadLog, "{line}");
}

/// Whether a text is in the log of this thread.
pub(crate) fn is_logged(text: &str) -> bool {
    LOG.with_borrow(|log| {
        let log = log.as_deref().unwrap_or_default();
        String::from_utf8_lossy(log).contains(text)
    })
}

/// Takes the log of this thread, unless it is empty, and stops keeping it.
pub(super) fn take() -> Option<String> {
    let log = LOG.take().filter(|log| !log.is_empty())?;
    let mut text = String::from_utf8_lossy(&log).into_owned();
    if log.len() >= LIMIT {
        text.push_str("\n(the log is cut here)\n");
    }
    Some(text)
}

/// Writes to the log of the current thread, or to standard error if it keeps none.
struct ThreadLog;

impl Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let kept = LOG.try_with(|log| {
            let Ok(mut log) = log.try_borrow_mut() else {
                return true;
            };
            log.as_mut().is_some_and(|log| {
                let room = LIMIT.saturating_sub(log.len()).min(bytes.len());
                log.extend_from_slice(&bytes[..room]);
                true
            })
        });
        match kept {
            Ok(true) => Ok(bytes.len()),
            _ => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        observability::{EventKind, Timeline},
    };

    #[tokio::test(start_paused = true)]
    async fn log_has_no_events_of_timelines() {
        let _guard = subscriber().set_default();
        begin();
        tracing::info!("first");
        let timeline = Timeline::new(Clock::start());
        timeline.record(EventKind::OrchestratorCrashed {});
        assert_eq!(
            take().as_deref(),
            Some(" INFO rehearsal::harness::logs::tests: first\n")
        );
    }

    #[test]
    fn thread_keeps_its_own_log_up_to_the_limit() {
        begin();
        note("first");
        std::thread::spawn(|| {
            begin();
            assert_eq!(take(), None);
        })
        .join()
        .unwrap();
        assert_eq!(take().as_deref(), Some("first\n"));
        assert_eq!(take(), None);
        begin();
        note(&"x".repeat(2 * LIMIT));
        let log = take().unwrap();
        assert!(log.len() < LIMIT + 100 && log.ends_with("cut here)\n"));
    }
}
