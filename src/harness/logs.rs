use std::{
    cell::RefCell,
    io::{self, Write},
};

/// Maximum size of a scenario's log, in bytes.
const LIMIT: usize = 256 * 1024;

thread_local! {
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Collects logs of `tracing`, unless there is already a subscriber.
pub(super) fn install() {
    let _ = tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .with_writer(|| ThreadLog)
        .try_init();
}

/// Keeps the logs of this thread from now on.
pub(super) fn begin() {
    LOG.set(Some(Vec::new()));
}

/// Adds a line to the log.
pub(super) fn note(line: &str) {
    let _ = writeln!(ThreadLog, "{line}");
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
