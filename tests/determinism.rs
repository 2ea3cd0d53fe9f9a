//! Runs give the same bytes, however often and on however many threads.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    fmt::Write as _,
    io,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use rehearsal::harness::{
    Options, Selection, Suite,
    events::{Attachment, RunEvent, View},
};

/// Records all events, timelines and logs in full, except for real time.
struct Recorder(Arc<Mutex<String>>);

impl View for Recorder {
    fn handle(&mut self, event: &RunEvent) -> io::Result<()> {
        let mut recorded = self.0.lock().unwrap();
        match event {
            RunEvent::TestRunFinished { .. } => {}
            RunEvent::Attached(Attachment::Timeline(events)) => {
                for event in events.iter() {
                    let fields = serde_json::to_string(&event.fields())?;
                    writeln!(recorded, "  {fields}").unwrap();
                }
            }
            other => writeln!(recorded, "{other:?}").unwrap(),
        }
        Ok(())
    }
}

/// All scenarios in virtual time, except for those of ten thousand steps: repetitions of half a million events
/// would take longer than all the others.
fn in_virtual_time() -> Options {
    let selection = Selection {
        tags: vec!["not @wall-clock and not @orchestration-21".parse().unwrap()],
        ..Selection::default()
    };
    Options {
        selection,
        ..Options::default()
    }
}

/// Runs this package's features; returns the recorded events.
fn run(concurrency: NonZeroUsize) -> String {
    let recorded = Arc::new(Mutex::new(String::new()));
    let options = Options {
        concurrency,
        ..in_virtual_time()
    };
    let summary = Suite::new("features")
        .execute(&options, &mut [Box::new(Recorder(Arc::clone(&recorded)))])
        .unwrap();
    assert_eq!(summary.exit_status(), 0);
    let recorded = recorded.lock().unwrap().clone();
    assert!(recorded.contains("\"event\":\"workflow_ended\""));
    recorded
}

#[test]
fn runs_report_the_same_events_at_every_concurrency() {
    // At least so many that they wait for each other on any machine.
    let many = thread::available_parallelism()
        .unwrap()
        .max(NonZeroUsize::new(8).unwrap());
    let first = run(NonZeroUsize::MIN);
    for repetition in 0..3 {
        for concurrency in [NonZeroUsize::MIN, many] {
            let again = run(concurrency);
            let differs = first
                .lines()
                .zip(again.lines())
                .find(|(one, other)| one != other);
            assert_eq!(
                differs, None,
                "repetition {repetition} at concurrency {concurrency}"
            );
            assert_eq!(
                first.len(),
                again.len(),
                "repetition {repetition} at concurrency {concurrency}"
            );
        }
    }
}

#[test]
fn hours_of_virtual_time_pass_in_seconds() {
    struct Covered(Arc<Mutex<Duration>>);
    impl View for Covered {
        fn handle(&mut self, event: &RunEvent) -> io::Result<()> {
            if let RunEvent::TestCaseFinished { virtual_time, .. } = event {
                *self.0.lock().unwrap() += *virtual_time;
            }
            Ok(())
        }
    }
    let covered = Arc::new(Mutex::new(Duration::ZERO));
    let views: &mut [Box<dyn View>] = &mut [Box::new(Covered(Arc::clone(&covered)))];
    Suite::new("features")
        .execute(&in_virtual_time(), views)
        .unwrap();
    assert!(*covered.lock().unwrap() > Duration::from_secs(24 * 60 * 60));
}
