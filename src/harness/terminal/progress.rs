use std::{
    io::{self, Write},
    sync::{Arc, MutexGuard},
    time::Duration,
};

use crate::{
    domain::{Locked, short_duration},
    harness::events::{RunEvent, Status, View},
};

/// The least real time between two redraws.
const PAUSE: Duration = Duration::from_millis(100);

/// Back to the line's start, and clears it.
const ERASE: &[u8] = b"\r\x1b[2K";

/// A line that shows how far the run is, redrawn on a terminal.
///
/// Whatever else is written to the same terminal goes through [`ProgressLine::above`], which takes the
/// line away first.
pub struct ProgressLine {
    line: Arc<Locked<DrawnLine>>,
    elapsed: Box<dyn Fn() -> Duration + Send>,
    drawn: Option<Duration>,
    scenarios: usize,
    done: usize,
    failed: usize,
    virtual_time: Duration,
    on_wall_clock: bool,
}

struct DrawnLine {
    terminal: Box<dyn Write + Send>,
    visible: bool,
}

struct AboveLine {
    line: Arc<Locked<DrawnLine>>,
    out: Box<dyn Write + Send>,
}

impl ProgressLine {
    /// Draws on `terminal`, by the real time since the run's start.
    pub fn new(
        terminal: Box<dyn Write + Send>,
        elapsed: impl Fn() -> Duration + Send + 'static,
    ) -> Self {
        let line = DrawnLine {
            terminal,
            visible: false,
        };
        Self {
            line: Arc::new(Locked::new(line)),
            elapsed: Box::new(elapsed),
            drawn: None,
            scenarios: 0,
            done: 0,
            failed: 0,
            virtual_time: Duration::ZERO,
            on_wall_clock: false,
        }
    }

    /// `out`, with the line erased before each write.
    pub fn above(&self, out: Box<dyn Write + Send>) -> Box<dyn Write + Send> {
        Box::new(AboveLine {
            line: Arc::clone(&self.line),
            out,
        })
    }
}

impl View for ProgressLine {
    fn handle(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::TestRunStarted { scenarios, .. } => self.scenarios = *scenarios,
            RunEvent::TestCaseFinished {
                status,
                virtual_time,
                will_be_retried,
            } => {
                if !self.on_wall_clock {
                    self.virtual_time = self.virtual_time.saturating_add(*virtual_time);
                }
                if !will_be_retried {
                    self.done += 1;
                    self.failed += usize::from(matches!(
                        status,
                        Status::Failed | Status::Undefined | Status::Ambiguous
                    ));
                }
            }
            RunEvent::TestRunFinished { .. } => return lock(&self.line).erase(),
            RunEvent::TestCaseStarted { pickle, .. } => {
                self.on_wall_clock = pickle.has_tag("wall-clock");
                return Ok(());
            }
            RunEvent::TestStepFinished { .. }
            | RunEvent::HookFinished { .. }
            | RunEvent::Attached(_)
            | RunEvent::FindingsListed { .. } => return Ok(()),
        }
        self.tick()
    }

    /// Draws the line unless it was drawn less than [`PAUSE`] ago.
    fn tick(&mut self) -> io::Result<()> {
        let now = (self.elapsed)();
        if self.drawn.is_some_and(|drawn| now < drawn + PAUSE) {
            return Ok(());
        }
        self.drawn = Some(now);
        let text = format!(
            "{} of {} scenarios, {} failed, {} virtual, {:.1} s real",
            self.done,
            self.scenarios,
            self.failed,
            short_duration(self.virtual_time),
            now.as_secs_f64()
        );
        lock(&self.line).draw(&text)
    }
}

impl DrawnLine {
    fn draw(&mut self, text: &str) -> io::Result<()> {
        self.visible = true;
        self.terminal.write_all(ERASE)?;
        self.terminal.write_all(text.as_bytes())?;
        self.terminal.flush()
    }

    fn erase(&mut self) -> io::Result<()> {
        if self.visible {
            self.visible = false;
            self.terminal.write_all(ERASE)?;
            self.terminal.flush()?;
        }
        Ok(())
    }
}

impl Write for AboveLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.line).erase()?;
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn lock(line: &Locked<DrawnLine>) -> MutexGuard<'_, DrawnLine> {
    // A line half drawn is overwritten.
    line.lock()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{super::tests::Screen, *};

    #[test]
    fn progress_line_is_redrawn_after_a_pause_and_erased_before_other_output() {
        let (screen, now) = (Screen::default(), Arc::new(AtomicU64::new(0)));
        let clock = Arc::clone(&now);
        let mut progress = ProgressLine::new(Box::new(screen.clone()), move || {
            Duration::from_millis(clock.load(Ordering::Relaxed))
        });
        let mut out = progress.above(Box::new(screen.clone()));
        let done = |status| RunEvent::TestCaseFinished {
            status,
            virtual_time: Duration::from_secs(843),
            will_be_retried: false,
        };

        let started = RunEvent::TestRunStarted {
            scenarios: 3,
            seed: 0,
            dry_run: false,
        };
        progress.handle(&started).unwrap();
        assert_eq!(
            screen.take(),
            "\r\x1b[2K0 of 3 scenarios, 0 failed, 0 ms virtual, 0.0 s real"
        );
        progress.handle(&done(Status::Passed)).unwrap();
        assert_eq!(screen.take(), "");
        now.store(1_234, Ordering::Relaxed);
        progress.handle(&done(Status::Failed)).unwrap();
        assert_eq!(
            screen.take(),
            "\r\x1b[2K2 of 3 scenarios, 1 failed, 28 min 6 s virtual, 1.2 s real"
        );
        out.write_all(b"one\n").unwrap();
        out.write_all(b"two\n").unwrap();
        assert_eq!(screen.take(), "\r\x1b[2Kone\ntwo\n");
        now.store(2_000, Ordering::Relaxed);
        progress.tick().unwrap();
        screen.take();
        let finished = RunEvent::TestRunFinished {
            real_time: Duration::ZERO,
        };
        progress.handle(&finished).unwrap();
        assert_eq!(screen.take(), "\r\x1b[2K");
    }
}
