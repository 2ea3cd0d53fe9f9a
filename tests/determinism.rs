//! The promise of the house: the same bytes, however often and on however many threads.

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

/// Writes down all that is told, timelines and logs in full, but for the real time it took.
struct Everything(Arc<Mutex<String>>);

impl View for Everything {
    fn handle(&mut self, event: &RunEvent) -> io::Result<()> {
        let mut told = self.0.lock().unwrap();
        match event {
            RunEvent::TestRunFinished { .. } => {}
            RunEvent::Attached(Attachment::Timeline(events)) => {
                for event in events.iter() {
                    let fields = serde_json::to_string(&event.fields())?;
                    writeln!(told, "  {fields}").unwrap();
                }
            }
            other => writeln!(told, "{other:?}").unwrap(),
        }
        Ok(())
    }
}

/// All scenarios that can be repeated to the millisecond, but for those of ten thousand steps: thirty
/// repetitions of half a million events would take longer than all the others.
fn in_virtual_time() -> Options {
    let selection = Selection {
        tags: Some("not @wall-clock and not @orchestration-21".parse().unwrap()),
        ..Selection::default()
    };
    Options {
        selection,
        ..Options::default()
    }
}

/// Runs this package's features; gives all that was told and the virtual time covered.
fn rehearse(concurrency: NonZeroUsize) -> String {
    let told = Arc::new(Mutex::new(String::new()));
    let options = Options {
        concurrency,
        ..in_virtual_time()
    };
    let summary = Suite::new("features")
        .execute(&options, &mut [Box::new(Everything(Arc::clone(&told)))])
        .unwrap();
    assert_eq!(summary.exit_status(), 0);
    let told = told.lock().unwrap().clone();
    assert!(told.contains("\"event\":\"workflow_ended\""));
    told
}

#[test]
fn ten_runs_on_one_thread_and_ten_on_all_tell_the_same() {
    let all = thread::available_parallelism().unwrap();
    let first = rehearse(NonZeroUsize::MIN);
    for run in 0..10 {
        for concurrency in [NonZeroUsize::MIN, all, NonZeroUsize::new(8).unwrap()] {
            let again = rehearse(concurrency);
            let differs = first
                .lines()
                .zip(again.lines())
                .find(|(one, other)| one != other);
            assert_eq!(differs, None, "run {run} at concurrency {concurrency}");
            assert_eq!(
                first.len(),
                again.len(),
                "run {run} at concurrency {concurrency}"
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
