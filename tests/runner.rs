//! The runner, from feature files to run events.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    cell::RefCell,
    collections::HashMap,
    fs, io,
    num::NonZeroUsize,
    path::Path,
    process::ExitCode,
    rc::Rc,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use cucumber::step::Context;
use regex::Regex;
use rehearsal::{
    domain::CallName,
    harness::{
        Hook, Options, Order, StepDefinition, Suite, Summary, World,
        events::{Attachment, RunEvent, Status, StepReport, View},
        pickle::StepKind,
    },
    observability::EventKind,
};

/// Records the events of a run, in order.
#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Vec<RunEvent>>>);

impl View for Recorder {
    fn handle(&mut self, event: &RunEvent) -> io::Result<()> {
        self.0.borrow_mut().push(event.clone());
        Ok(())
    }
}

impl Recorder {
    /// `name: status`, one per attempt; those that are retried end in `, again`.
    fn cases(&self) -> Vec<String> {
        let mut name = String::new();
        let mut cases = Vec::new();
        for event in self.0.borrow().iter() {
            match event {
                RunEvent::TestCaseStarted { pickle, .. } => name.clone_from(&pickle.name),
                RunEvent::TestCaseFinished {
                    status,
                    will_be_retried,
                    ..
                } => {
                    let again = if *will_be_retried { ", again" } else { "" };
                    cases.push(format!("{name}: {}{again}", status.as_str()));
                }
                _ => {}
            }
        }
        cases
    }

    fn results(&self) -> Vec<StepReport> {
        let events = self.0.borrow();
        let results = events.iter().filter_map(|event| match event {
            RunEvent::TestStepFinished { result, .. } => Some(result.clone()),
            _ => None,
        });
        results.collect()
    }

    fn statuses(&self) -> Vec<Status> {
        self.results().iter().map(|result| result.status).collect()
    }

    /// The first result that did not pass.
    fn first_failure(&self) -> StepReport {
        let results = self.results();
        let mut failures = results.into_iter().filter(|r| r.status != Status::Passed);
        failures.next().expect("a result that is not passed")
    }

    /// Everything but real time.
    fn text(&self) -> String {
        let mut text = String::new();
        for event in self.0.borrow().iter() {
            if !matches!(event, RunEvent::TestRunFinished { .. }) {
                text.push_str(&format!("{event:?}\n"));
            }
        }
        text
    }

    fn virtual_time(&self) -> Duration {
        let events = self.0.borrow();
        let times = events.iter().filter_map(|event| match event {
            RunEvent::TestCaseFinished { virtual_time, .. } => Some(*virtual_time),
            _ => None,
        });
        times.sum()
    }
}

fn steps() -> Vec<StepDefinition> {
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    static FAILURES: Mutex<Option<HashMap<String, u32>>> = Mutex::new(None);
    let mut steps = Vec::new();
    for kind in [StepKind::Given, StepKind::When, StepKind::Then] {
        let mut define = |regex: &str, run: cucumber::Step<World>| {
            let regex = Regex::new(regex).unwrap();
            steps.push(StepDefinition::matching(kind, regex, run));
        };
        define("^t: works$", |_, _| Box::pin(async {}));
        define("^t: fails$", |_, _| {
            Box::pin(async { panic!("out of {}", "luck") })
        });
        define("^t: fails at once$", |_, _| panic!("before it waits"));
        define("^t: sleeps (\\d+) s$", |_, context| {
            Box::pin(async move {
                let seconds = context.matches[1].1.parse().unwrap();
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            })
        });
        define("^t: takes (\\d+) real ms$", |_, context| {
            Box::pin(async move { thread::sleep(millis(&context)) })
        });
        define("^t: is pending$", |world, _| {
            Box::pin(async { world.pending("the design") })
        });
        define("^t: spawns a task that panics$", |_, _| {
            Box::pin(async { drop(tokio::spawn(async { panic!("lost in a task") })) })
        });
        define("^t: spawns a blocking task that panics$", |_, _| {
            Box::pin(async {
                let task = tokio::task::spawn_blocking(|| panic!("lost in a task"));
                // Whoever waits for it may not look at its result.
                let _ = task.await;
            })
        });
        define("^t: blocks in a task$", |_, _| {
            let blocks = async { thread::sleep(Duration::from_millis(1_600)) };
            Box::pin(async { drop(tokio::spawn(blocks)) })
        });
        define("^t: waits for ever$", |_, _| {
            Box::pin(std::future::pending())
        });
        define("^t: spins$", |_, _| {
            Box::pin(async {
                loop {
                    thread::sleep(Duration::from_millis(5));
                }
            })
        });
        define("^t: records (\\w+)$", |world, context| {
            Box::pin(async move {
                world.timeline().record(EventKind::Warning {
                    about: context.matches[1].1.as_str().into(),
                    message: format!("{:?} line {}", world.scenario().seed, world.scenario().line),
                });
            })
        });
        define("^t: logs$", |_, _| {
            Box::pin(async { tracing::info!(order = 7, "logged") })
        });
        define("^t: fails (\\d+) times? as (\\w+)$", |_, context| {
            Box::pin(async move {
                let failed = {
                    let mut failures = FAILURES.lock().unwrap();
                    let failures = failures.get_or_insert_default();
                    let failed = failures.entry(context.matches[2].1.clone()).or_default();
                    *failed += 1;
                    *failed
                };
                let fails = failed <= context.matches[1].1.parse().unwrap();
                assert!(!fails, "failure {failed}");
            })
        });
        define("^t: runs alone$", |_, _| {
            Box::pin(async {
                RUNNING.fetch_add(1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(5));
                let running = RUNNING.fetch_sub(1, Ordering::SeqCst);
                assert_eq!(running, 1);
            })
        });
        define("^t: runs with others$", |_, _| {
            Box::pin(async {
                RUNNING.fetch_add(1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(2));
                RUNNING.fetch_sub(1, Ordering::SeqCst);
            })
        });
        define("^t: is (?:here|there)$", |_, _| Box::pin(async {}));
        define("^t: is here$", |_, _| Box::pin(async {}));
    }
    steps
}

fn millis(context: &Context) -> Duration {
    Duration::from_millis(context.matches[1].1.parse().unwrap())
}

fn options() -> Options {
    Options {
        concurrency: NonZeroUsize::new(4).unwrap(),
        ..Options::default()
    }
}

/// Runs scenarios written below each other as `tags name: step, step`.
fn run(scenarios: &str, options: &Options) -> (Summary, Recorder) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.feature"), feature(scenarios)).unwrap();
    run_in(folder.path(), options)
}

fn run_in(folder: &Path, options: &Options) -> (Summary, Recorder) {
    let recorded = Recorder::default();
    let suite = Suite::new(folder.to_str().unwrap()).steps(steps());
    let summary = suite
        .execute(options, &mut [Box::new(recorded.clone())])
        .unwrap();
    (summary, recorded)
}

fn feature(scenarios: &str) -> String {
    let mut feature = "Feature: a\n".to_owned();
    for scenario in scenarios.lines().map(str::trim).filter(|s| !s.is_empty()) {
        let (head, steps) = scenario.split_once(':').unwrap();
        let (tags, name): (Vec<&str>, Vec<&str>) = head
            .split_whitespace()
            .partition(|word| word.starts_with('@'));
        feature.push_str(&format!(
            "  {}\n  Scenario: {}\n",
            tags.join(" "),
            name.join(" ")
        ));
        for step in steps.split(',').map(str::trim).filter(|s| !s.is_empty()) {
            feature.push_str(&format!("    Given t: {step}\n"));
        }
    }
    feature
}

#[test]
fn failed_step_has_message_and_location_and_the_rest_is_skipped() {
    for (step, expected_message) in [
        ("fails", "out of luck"),
        ("fails at once", "before it waits"),
    ] {
        let (summary, recorded) = run(&format!("a: works, {step}, works"), &options());
        assert_eq!(
            recorded.statuses(),
            [Status::Passed, Status::Failed, Status::Skipped]
        );
        let failure = recorded.first_failure();
        assert_eq!(failure.message.as_deref(), Some(expected_message));
        let location = failure.location.unwrap();
        assert!(location.starts_with("tests/runner.rs:"), "{location}");
        assert_eq!((summary.failed, summary.exit_status()), (1, 1));
    }
}

#[test]
fn pending_undefined_and_ambiguous_steps_fail_the_run_but_wip_scenarios_do_not() {
    for (step, status, expected_message) in [
        ("is pending", Status::Pending, "the design"),
        (
            "wroks",
            Status::Undefined,
            "did you mean\n    Given t: works",
        ),
        ("is here", Status::Ambiguous, "Given t: here/there"),
    ] {
        let (summary, recorded) = run(&format!("a: {step}, works"), &options());
        assert_eq!(recorded.statuses(), [status, Status::Skipped]);
        let message = recorded.first_failure().message.unwrap();
        let expected_message = expected_message.replace("t: here/there", "t: is here/there");
        assert!(message.contains(&expected_message), "{message}");
        assert_eq!(summary.exit_status(), 1, "{step}");
    }
    let (summary, recorded) = run("@wip a: fails\n b: works", &options());
    assert_eq!(recorded.cases(), ["a: pending", "b: passed"]);
    assert_eq!((summary.pending, summary.exit_status()), (1, 0));
}

#[test]
fn events_do_not_depend_on_concurrency() {
    let mut scenarios = String::new();
    for number in 0..40 {
        let step = ["works", "fails", "sleeps 3 s", "takes 3 real ms"][number % 4];
        let tags = ["", "@serial", "@wip", "@retry(2)", ""][number % 5];
        scenarios.push_str(&format!(
            "{tags} s{number}: records n{number}, {step}, works\n"
        ));
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.feature"), feature(&scenarios)).unwrap();
    for fail_fast in [false, true] {
        let events = |concurrency| {
            let options = Options {
                concurrency: NonZeroUsize::new(concurrency).unwrap(),
                fail_fast,
                ..Options::default()
            };
            run_in(folder.path(), &options).1.text()
        };
        let one = events(1);
        assert!(one.contains("Seed("), "{one}");
        for concurrency in [2, 7] {
            let more = events(concurrency);
            let difference = one
                .lines()
                .zip(more.lines())
                .find(|(one, more)| one != more);
            assert_eq!(difference, None, "concurrency {concurrency}");
            assert_eq!(one.len(), more.len());
        }
    }
}

#[test]
fn virtual_time_of_a_run_excludes_real_time() {
    let (_, recorded) = run(
        "a: sleeps 86400 s, sleeps 1 s\n@wall-clock b: works",
        &options(),
    );
    assert_eq!(recorded.cases(), ["a: passed", "b: passed"]);
    assert_eq!(recorded.virtual_time(), Duration::from_secs(86_401));
}

#[test]
fn fail_fast_skips_everything_after_the_first_failure_in_file_order() {
    let scenarios = "a: takes 30 real ms\n b: fails\n c: works\n @serial d: fails\n @wip e: works";
    let options = Options {
        fail_fast: true,
        ..options()
    };
    let (summary, recorded) = run(scenarios, &options);
    let expected = [
        "a: passed",
        "b: failed",
        "c: skipped",
        "d: skipped",
        "e: skipped",
    ];
    assert_eq!(recorded.cases(), expected);
    assert_eq!((summary.skipped, summary.exit_status()), (3, 1));
}

#[test]
fn failing_scenario_is_retried_as_often_as_configured() {
    let scenarios = "@retry(3).after(1h) a: records x, fails 2 times as first
        @retry b: fails
        c: fails 1 time as third
        @wall-clock @retry.after(20ms) d: fails 1 time as fourth";
    let mut options = options();
    options.retry.retries = Some(1);
    let (summary, recorded) = run(scenarios, &options);
    let expected = [
        "a: failed, again",
        "a: failed, again",
        "a: passed",
        "b: failed, again",
        "b: failed",
        "c: failed, again",
        "c: passed",
        "d: failed, again",
        "d: passed",
    ];
    assert_eq!(recorded.cases(), expected);
    assert_eq!((summary.passed, summary.failed), (3, 1));
    // Every attempt has the same seed.
    let text = recorded.text();
    let seeds: Vec<_> = text
        .split("Seed(")
        .skip(1)
        .map(|t| t.split(')').next())
        .collect();
    assert_eq!(seeds.len(), 3);
    assert!(seeds.iter().all(|seed| *seed == seeds[0]), "{seeds:?}");
}

#[test]
fn serial_scenarios_run_alone_and_are_reported_in_file_order() {
    let mut scenarios = String::new();
    for number in 0..12 {
        scenarios.push_str(&format!(
            "p{number}: runs with others\n@serial s{number}: runs alone\n"
        ));
    }
    let (summary, recorded) = run(&scenarios, &options());
    assert_eq!((summary.passed, summary.failed), (24, 0));
    assert_eq!(
        recorded.cases()[..3],
        ["p0: passed", "s0: passed", "p1: passed"]
    );
}

#[test]
fn random_order_depends_only_on_its_seed() {
    let scenarios: String = (0..20).map(|n| format!("s{n}: works\n")).collect();
    let cases = |order, concurrency| {
        let options = Options {
            order,
            concurrency: NonZeroUsize::new(concurrency).unwrap(),
            ..Options::default()
        };
        run(&scenarios, &options).1.cases()
    };
    let shuffled = cases(Order::Random(7), 1);
    assert_eq!(shuffled, cases(Order::Random(7), 3));
    assert_ne!(shuffled, cases(Order::Random(8), 1));
    assert_ne!(shuffled, cases(Order::File, 1));
}

#[test]
fn deadlocked_scenario_fails_without_delay() {
    let (summary, recorded) = run(
        "a: sleeps 2 s, records x, waits for ever, works\n b: works",
        &options(),
    );
    assert_eq!(recorded.cases(), ["a: failed", "b: passed"]);
    let message = recorded.first_failure().message.unwrap();
    assert!(
        message.starts_with("\"Given t: waits for ever\" never ends"),
        "{message}"
    );
    assert!(
        message.contains("tag the scenario @wall-clock"),
        "{message}"
    );
    assert_eq!(recorded.virtual_time(), Duration::from_secs(2));
    assert_eq!(summary.exit_status(), 1);
}

#[test]
fn code_that_blocks_in_virtual_time_is_a_warning() {
    let scenarios = "a: works, takes 1600 real ms, works
        b: sleeps 9 s, takes 100 real ms
        c: blocks in a task, sleeps 1 s
        @wall-clock d: takes 1600 real ms
        @long-hook e: works";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.feature"), feature(scenarios)).unwrap();
    let recorder = Recorder::default();
    let long = Hook::before_step("a long one", async |_| {
        thread::sleep(Duration::from_millis(1_600));
        Ok(())
    });
    let summary = Suite::new(folder.path().to_str().unwrap())
        .steps(steps())
        .hook(long.tagged("@long-hook"))
        .execute(
            &Options {
                concurrency: NonZeroUsize::new(5).unwrap(),
                ..options()
            },
            &mut [Box::new(recorder.clone())],
        )
        .unwrap();
    assert_eq!((summary.passed, summary.exit_status()), (5, 0));
    let mut name = String::new();
    let mut warned = Vec::new();
    for event in recorder.0.borrow().iter() {
        match event {
            RunEvent::TestCaseStarted { pickle, .. } => name.clone_from(&pickle.name),
            RunEvent::Attached(Attachment::Warning(text)) => {
                let what = text.split(" blocks its thread").next().unwrap();
                warned.push(format!("{name}: {what}"));
            }
            _ => {}
        }
    }
    let expected = [
        "a: \"Given t: takes 1600 real ms\" (line 5)",
        "c: \"Given t: sleeps 1 s\" (line 14)",
        "e: the hook before the step: a long one",
    ];
    assert_eq!(warned, expected);
}

#[test]
fn spinning_scenario_is_abandoned_and_the_others_run() {
    let options = Options {
        concurrency: NonZeroUsize::MIN,
        scenario_timeout: Duration::from_millis(100),
        ..Options::default()
    };
    let (summary, recorded) = run(
        "a: records x, works, spins, works\n b: works\n @serial c: spins",
        &options,
    );
    assert_eq!(recorded.cases(), ["a: failed", "b: passed", "c: failed"]);
    use Status::{Failed, Passed, Skipped};
    assert_eq!(
        recorded.statuses(),
        [Passed, Passed, Failed, Skipped, Passed, Failed]
    );
    let message = recorded.first_failure().message.unwrap();
    for part in ["100 ms of real time", "\"Given t: spins\" (line 6)"] {
        assert!(message.contains(part), "{message}");
    }
    let text = recorded.text();
    assert!(text.contains("Attached(Timeline([Event"), "{text}");
    assert_eq!((summary.failed, summary.exit_status()), (2, 1));
}

#[test]
fn log_and_timeline_are_attached_to_the_scenario() {
    let (_, recorded) = run("a: logs, records x\n b: works", &options());
    let attached: Vec<_> = recorded
        .0
        .borrow()
        .iter()
        .filter_map(|event| match event {
            RunEvent::Attached(Attachment::Log(log)) => Some(log.clone()),
            RunEvent::Attached(Attachment::Timeline(events)) => Some(format!("{}", events.len())),
            _ => None,
        })
        .collect();
    assert_eq!(attached.len(), 2, "{attached:?}");
    assert_eq!(attached[0], "1");
    assert!(attached[1].contains("logged order=7"), "{attached:?}");
    // Calls are named in timelines as everywhere.
    assert_eq!(CallName::new("A", "b").as_str(), "A.b");
}

#[test]
fn exit_status_reflects_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("good.feature", &feature("@x a: works"));
    write("bad.feature", &feature("b: fails"));
    let status = |args: &[&str]| {
        let program = ["cucumber"].iter().chain(args);
        Suite::new(folder.path().to_str().unwrap())
            .steps(steps())
            .run(program.map(Into::into))
    };
    for (args, expected) in [
        (&["--tags", "@x"][..], 0),
        (&["good.feature:3"], 0),
        (&[], 1),
        (&["--name", "b"], 1),
        (&["nothing-is-called-so"], 0),
        (&["--name", "nothing-is-called-so"], 2),
        (&["--tags", "@nothing"], 2),
        (&["good.feature:99"], 2),
        (&["--input", "no-such-folder"], 2),
        (&["--no-such-flag"], 2),
        (&["--report", "html5=x"], 2),
        (&["--help"], 0),
    ] {
        assert_eq!(status(args), ExitCode::from(expected), "{args:?}");
    }
    write("worse.feature", "Faeture: c\n");
    assert_eq!(status(&["--tags", "@x"]), ExitCode::from(2));
    let nothing = tempfile::tempdir().unwrap();
    let suite = Suite::new(nothing.path().to_str().unwrap());
    assert_eq!(suite.run(["x".into()]), ExitCode::from(2));
}

#[test]
fn panic_in_a_spawned_task_fails_the_scenario() {
    for steps in [
        "spawns a task that panics",
        "spawns a task that panics, sleeps 1 s, works",
        "spawns a blocking task that panics",
    ] {
        let scenario = format!("a: {steps}\n b: works");
        let (summary, recorder) = run(&scenario, &options());
        assert_eq!(recorder.cases(), ["a: failed", "b: passed"]);
        assert_eq!(summary.exit_status(), 1);
        let failure = recorder.first_failure();
        assert_eq!(failure.message.unwrap(), "a task panicked: lost in a task");
        assert!(failure.location.unwrap().contains("tests/runner.rs:"));
    }
}
