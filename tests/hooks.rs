//! Hooks, services and folders of a suite, as run events report them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs, io,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use rehearsal::{
    Hook, Status, Suite, World,
    domain::{Call, Reply},
    harness::{
        HookResult, Options, Selection, SuiteError,
        events::{Attachment, RunEvent, View},
    },
    services::{CallResult, Service},
};
use serde_json::json;

/// Records a line for each part of a scenario.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl View for Recorder {
    fn handle(&mut self, event: &RunEvent) -> io::Result<()> {
        let (what, result) = match event {
            RunEvent::TestStepFinished { step, result } => (format!("step {step}"), result),
            RunEvent::HookFinished { hook, step, result } => {
                let of = step.map(|step| format!(" {step}")).unwrap_or_default();
                (format!("{hook}{of}"), result)
            }
            RunEvent::TestCaseFinished { status, .. } => {
                self.push(format!("= {}", status.as_str()));
                return Ok(());
            }
            RunEvent::Attached(Attachment::Log(log)) => {
                let logged = log.lines().filter_map(|line| line.split_once("hooks: "));
                logged.for_each(|(_, logged)| self.push(logged.to_owned()));
                return Ok(());
            }
            _ => return Ok(()),
        };
        let mut line = format!("{what} {}", result.status.as_str());
        if let Some(message) = &result.message {
            line.push_str(&format!(": {}", message.lines().next().unwrap_or_default()));
        }
        if let Some((file, _)) = result.location.as_ref().and_then(|at| at.split_once(':')) {
            line.push_str(&format!(" by {file}"));
        }
        self.push(line);
        Ok(())
    }
}

impl Recorder {
    fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

fn options() -> Options {
    Options {
        concurrency: NonZeroUsize::new(2).unwrap(),
        scenario_timeout: Duration::from_millis(500),
        ..Options::default()
    }
}

/// Runs a feature with a suite that `build` configures.
fn try_run(
    feature: &str,
    options: &Options,
    build: impl FnOnce(Suite) -> Suite,
) -> Result<Vec<String>, SuiteError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.feature"), feature).unwrap();
    let recorded = Recorder::default();
    let suite = build(Suite::new(folder.path().to_str().unwrap()));
    suite.execute(options, &mut [Box::new(recorded.clone())])?;
    let lines = recorded.0.lock().unwrap().clone();
    Ok(lines)
}

fn run(feature: &str, build: impl FnOnce(Suite) -> Suite) -> Vec<String> {
    try_run(feature, &options(), build).unwrap()
}

const TWO_STEPS: &str = "Feature: F\n  Scenario: S\n    When 1 s passes\n    When 2 s pass\n";
const FAILING: &str =
    "Feature: F\n  Scenario: S\n    Then the call succeeds\n    When 1 s passes\n";

async fn passes(_: &mut World) -> HookResult {
    Ok(())
}

async fn log_status(_: &mut World, status: Status) -> HookResult {
    tracing::info!("saw {}", status.as_str());
    Ok(())
}

#[test]
fn hooks_before_run_in_order_and_hooks_after_in_reverse() {
    let recorded = run(TWO_STEPS, |suite| {
        suite
            .hook(Hook::after_scenario("a", log_status))
            .hook(Hook::before_scenario("a", passes))
            .hook(Hook::before_step("a", passes))
            .hook(Hook::after_step("a", log_status))
            .hook(Hook::before_scenario("b", passes))
            .hook(Hook::before_step("b", passes))
            .hook(Hook::after_step("b", log_status))
            .hook(Hook::after_scenario("b", log_status))
    });
    let mut expected = vec![
        "before the scenario: a passed",
        "before the scenario: b passed",
    ];
    let steps = ["0", "1"].map(|step| {
        [
            format!("before the step: a {step} passed"),
            format!("before the step: b {step} passed"),
            format!("step {step} passed"),
            format!("after the step: b {step} passed"),
            format!("after the step: a {step} passed"),
        ]
    });
    expected.extend(steps.iter().flatten().map(String::as_str));
    expected.extend([
        "after the scenario: b passed",
        "after the scenario: a passed",
    ]);
    expected.extend(["saw passed"; 6]);
    expected.push("= passed");
    assert_eq!(recorded, expected);
}

#[test]
fn tagged_hook_runs_only_for_matching_scenarios() {
    let feature = "Feature: F\n  @db\n  Scenario: A\n    When 1 s passes\n\n  @db @slow\n  Scenario: B\n    When 1 s passes\n";
    let recorded = run(feature, |suite| {
        suite
            .hook(Hook::before_scenario("both", passes).tagged("@db"))
            .hook(Hook::after_step("one", log_status).tagged("@db and not @slow"))
            .hook(Hook::after_scenario("none", log_status).tagged("@other"))
    });
    let expected = [
        "before the scenario: both passed",
        "step 0 passed",
        "after the step: one 0 passed",
        "saw passed",
        "= passed",
        "before the scenario: both passed",
        "step 0 passed",
        "= passed",
    ];
    assert_eq!(recorded, expected);
}

#[test]
fn failing_hook_before_a_scenario_skips_its_steps_but_not_hooks_after() {
    let after = |suite: Suite| {
        suite
            .hook(Hook::before_scenario("skipped", passes))
            .hook(Hook::before_step("skipped", passes))
            .hook(Hook::after_step("skipped", log_status))
            .hook(Hook::after_scenario("looks", log_status))
    };
    let by_error = Hook::before_scenario("the stock", async |world| {
        world.cast().script("Stock.reserve")?;
        Ok(())
    });
    let by_panic = Hook::before_scenario("the stock", async |_| panic!("no luck"));
    let never = Hook::before_scenario("the stock", async |_| std::future::pending().await);
    for (hook, says) in [
        (by_error, "service \"Stock\" does not exist: there are none"),
        (by_panic, "no luck"),
        (
            never,
            "the hook before the scenario: the stock never ends: nothing is left that could happen, however much virtual time passes; if it waits for real I/O or for another thread, tag the scenario @wall-clock",
        ),
    ] {
        let failed = format!("before the scenario: the stock failed: {says} by tests/hooks.rs");
        let expected = [
            &failed,
            "step 0 skipped",
            "step 1 skipped",
            "after the scenario: looks passed",
            "saw failed",
            "= failed",
        ];
        let recorded = run(TWO_STEPS, |suite| after(suite.hook(hook)));
        assert_eq!(recorded, expected);
    }
}

#[test]
fn failing_step_hook_fails_the_scenario_and_skips_the_rest() {
    let fails = async |_: &mut World| Err("no".into());
    let recorded = run(TWO_STEPS, |suite| {
        suite
            .hook(Hook::before_step("b", fails))
            .hook(Hook::after_step("a", log_status))
    });
    let expected = [
        "before the step: b 0 failed: no by tests/hooks.rs",
        "step 0 skipped",
        "after the step: a 0 passed",
        "step 1 skipped",
        "saw skipped",
        "= failed",
    ];
    assert_eq!(recorded, expected);

    let recorded = run(TWO_STEPS, |suite| {
        suite.hook(Hook::after_step("a", async |_, _| Err("no".into())))
    });
    let expected = [
        "step 0 passed",
        "after the step: a 0 failed: no by tests/hooks.rs",
        "step 1 skipped",
        "= failed",
    ];
    assert_eq!(recorded, expected);

    let recorded = run(FAILING, |suite| {
        suite.hook(Hook::after_step("a", log_status))
    });
    let expected = [
        "step 0 failed: no service was called directly by steps/calls.rs",
        "after the step: a 0 passed",
        "step 1 skipped",
        "saw failed",
        "= failed",
    ];
    assert_eq!(recorded, expected);
}

#[test]
fn hook_after_a_scenario_gets_its_status_and_can_fail_it() {
    let hooks = |suite: Suite| {
        suite
            .hook(Hook::after_scenario("last", log_status))
            .hook(Hook::after_scenario(
                "first",
                async |_, status| match status {
                    Status::Passed => Err("left over".into()),
                    _ => Ok(()),
                },
            ))
    };
    let expected = [
        "step 0 passed",
        "step 1 passed",
        "after the scenario: first failed: left over by tests/hooks.rs",
        "after the scenario: last passed",
        "saw failed",
        "= failed",
    ];
    assert_eq!(run(TWO_STEPS, hooks), expected);
    assert_eq!(
        run(FAILING, hooks)[2..],
        [
            "after the scenario: first passed",
            "after the scenario: last passed",
            "saw failed",
            "= failed"
        ]
    );
    let unused = "Feature: F\n  Scenario: S\n    Given a service \"A\"\n    And \"A\" is down\n";
    let recorded = run(unused, hooks);
    assert!(
        recorded[2].starts_with("step 2 failed: declared but never hit"),
        "{recorded:?}"
    );
    assert_eq!(recorded.last().unwrap(), "= failed");
}

#[test]
fn undefined_step_runs_no_step_hooks_and_a_hook_can_make_a_scenario_pending() {
    let feature = "Feature: F\n  Scenario: S\n    Given something undefined\n";
    let recorded = run(feature, |suite| {
        suite
            .hook(Hook::before_step("no", passes))
            .hook(Hook::after_scenario("looks", log_status))
    });
    assert!(
        recorded[0].starts_with("step 0 undefined: no definition"),
        "{recorded:?}"
    );
    assert_eq!(
        recorded[1..],
        [
            "after the scenario: looks passed",
            "saw undefined",
            "= undefined"
        ]
    );
    let recorded = run(TWO_STEPS, |suite| {
        suite.hook(Hook::before_scenario("later", async |world| {
            world.pending("the design");
            Ok(())
        }))
    });
    let expected = [
        "before the scenario: later pending: the design",
        "step 0 skipped",
        "step 1 skipped",
        "= pending",
    ];
    assert_eq!(recorded, expected);
}

#[test]
fn spinning_hook_is_abandoned_and_earlier_results_are_reported() {
    let spins = async |_: &mut World, _| loop {
        thread::sleep(Duration::from_millis(5));
    };
    let recorded = run(FAILING, |suite| {
        suite
            .hook(Hook::before_scenario("first", passes))
            .hook(Hook::after_scenario("spins", spins))
    });
    let expected = [
        "before the scenario: first passed",
        "step 0 failed: no service was called directly by steps/calls.rs",
        "step 1 skipped",
        "after the scenario: spins failed: no progress in 500 ms of real time (--scenario-timeout), abandoned in the hook after the scenario: spins by tests/hooks.rs",
        "= failed",
    ];
    assert_eq!(recorded, expected);
}

#[test]
fn time_in_hooks_counts_for_the_scenario_but_not_for_its_steps() {
    let feature = "Feature: F\n  Scenario: S\n    When 2 s pass\n    Then it takes 2 s\n";
    let waits = async |world: &mut World| {
        world.clock().sleep(Duration::from_secs(60)).await;
        Ok(())
    };
    let recorded = run(feature, |suite| {
        suite
            .hook(Hook::before_step("waits", waits))
            .hook(Hook::after_step("waits", async move |world, _| {
                waits(world).await
            }))
            .hook(Hook::after_scenario("the end", async |world, _| {
                assert_eq!(world.clock().now(), Duration::from_secs(242));
                Ok(())
            }))
    });
    assert_eq!(recorded.last().unwrap(), "= passed", "{recorded:#?}");
}

#[test]
fn scenario_with_a_failed_hook_is_retried() {
    let feature = "Feature: F\n  @retry(1)\n  Scenario: S\n    When 1 s passes\n";
    let recorded = run(feature, |suite| {
        suite.hook(Hook::after_scenario("no", async |_, _| Err("no".into())))
    });
    assert_eq!(
        recorded.iter().filter(|line| *line == "= failed").count(),
        2
    );
}

/// A service that counts its calls.
struct Counter {
    name: &'static str,
    calls: Mutex<u32>,
    probe: Option<&'static str>,
}

impl Counter {
    fn named(name: &'static str) -> Self {
        Self {
            name,
            calls: Mutex::new(0),
            probe: None,
        }
    }
}

#[async_trait::async_trait]
impl Service for Counter {
    fn name(&self) -> &str {
        self.name
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(vec!["ask", "ping"])
    }

    fn probe(&self) -> Option<&str> {
        self.probe
    }

    async fn call(&self, _: &Call) -> CallResult {
        let mut calls = self.calls.lock().unwrap();
        *calls += 1;
        Ok(Reply::new(json!({ "calls": *calls })))
    }
}

#[test]
fn each_scenario_gets_new_services_of_the_suite() {
    let scenario = "    When \"Counter.ask\" is called\n    Then the reply has:\n      | path   | value |\n      | /calls | 1     |\n";
    let feature = format!("Feature: F\n  Scenario: A\n{scenario}\n  Scenario: B\n{scenario}");
    let recorded = run(&feature, |suite| {
        suite
            .service(|| Counter::named("Counter"))
            .hook(Hook::before_scenario("a slow counter", async |world| {
                let script = world.cast().script("Counter.ask")?;
                script.takes(Duration::from_secs(1));
                Ok(())
            }))
            .hook(Hook::after_scenario("it was slow", async |world, _| {
                assert_eq!(world.clock().now(), Duration::from_secs(1));
                Ok(())
            }))
    });
    let ends = recorded.iter().filter(|line| line.starts_with('='));
    assert_eq!(
        ends.collect::<Vec<_>>(),
        ["= passed", "= passed"],
        "{recorded:#?}"
    );
    assert!(
        !recorded.iter().any(|line| line.contains("service")),
        "{recorded:#?}"
    );
}

#[test]
fn service_of_the_suite_that_cannot_be_added_fails_the_scenario() {
    let recorded = |build: fn(Suite) -> Suite| run(TWO_STEPS, build).swap_remove(0);
    let failed = |says: &str| {
        format!("before the scenario: a service of the suite failed: {says} by tests/hooks.rs")
    };
    let twice = |suite: Suite| {
        suite
            .service(|| Counter::named("Counter"))
            .service(|| Counter::named("Counter"))
    };
    assert_eq!(
        recorded(twice),
        failed(
            "\"Counter\" is registered already as a service of your own, which this one would replace: leave one of them out, give it another name, or remove the former before with `registry().remove(\"Counter\")`"
        )
    );
    let nameless = |suite: Suite| suite.service(|| Counter::named("A.b"));
    assert_eq!(
        recorded(nameless),
        failed("\"A.b\" is not a valid service name: it must not be empty or contain a dot")
    );
    let unprobed = |suite: Suite| {
        suite.service(|| Counter {
            probe: Some("pong"),
            ..Counter::named("Counter")
        })
    };
    assert_eq!(
        recorded(unprobed),
        failed(
            "the probe of its health: operation \"Counter.pong\" does not exist: did you mean \"ping\"?"
        )
    );
    let panics = |suite: Suite| {
        suite.service_with(|world| {
            assert!(world.clock().now() > Duration::ZERO, "not yet");
            Counter::named("Counter")
        })
    };
    assert_eq!(recorded(panics), failed("not yet"));
}

#[test]
fn suite_with_invalid_folder_or_tags_does_not_run() {
    let refused = |build: fn(Suite) -> Suite| {
        let error = try_run(TWO_STEPS, &options(), build).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        (error.to_string(), cause.unwrap_or_default())
    };
    let (message, _) = refused(|suite| suite.fixtures("fixtuers"));
    assert_eq!(
        message,
        "the folder of fixtures \"fixtuers\" does not exist: did you mean \"fixtures\"?"
    );
    let (message, _) = refused(|suite| suite.snapshots("Cargo.toml"));
    assert_eq!(
        message,
        "the folder of snapshots \"Cargo.toml\" is not a folder"
    );
    let (message, cause) =
        refused(|suite| suite.hook(Hook::before_step("h", passes).tagged("@a and")));
    assert!(
        message.starts_with("the hook \"h\" (tests/hooks.rs:"),
        "{message}"
    );
    assert!(
        cause.starts_with("\"@a and\" is not a valid tag expression"),
        "{cause}"
    );
}

#[test]
fn suite_runs_only_scenarios_that_match_its_tags_and_the_selection() {
    let feature = "Feature: F
  Scenario: plain
    When 1 s passes
  @a
  Scenario: a
    When 2 s pass
  @a @b
  Scenario: both
    When 3 s pass
    And 4 s pass
";
    let steps = |expressions: &[&str], selected: Option<&str>| {
        let options = Options {
            selection: Selection {
                tags: selected.iter().map(|text| text.parse().unwrap()).collect(),
                ..Selection::default()
            },
            ..options()
        };
        let build = |suite| {
            let expressions = expressions.iter();
            expressions.fold(suite, |suite: Suite, text| suite.tags(*text))
        };
        let recorded = try_run(feature, &options, build).map_err(|error| error.to_string())?;
        Ok::<_, String>(
            recorded
                .iter()
                .filter(|line| line.starts_with("step"))
                .count(),
        )
    };
    assert_eq!(steps(&[], None), Ok(4));
    assert_eq!(steps(&["not @b"], None), Ok(2));
    assert_eq!(steps(&["not @b", "@a"], None), Ok(1));
    assert_eq!(steps(&["@a"], Some("not @b")), Ok(1));
    let refused = |expressions: &[&str], selected| steps(expressions, selected).unwrap_err();
    assert_eq!(
        refused(&["@c", "@a"], None),
        "no scenario matches the suite's tags \"@c and @a\""
    );
    assert_eq!(
        refused(&["not @b"], Some("@b")),
        "no scenario matches --tags \"@b\""
    );
    let message = refused(&["@a", "@b and"], None);
    assert!(
        message.starts_with("\"@b and\" is not a valid tag expression"),
        "{message}"
    );
}

#[test]
fn events_of_hooks_do_not_depend_on_concurrency() {
    let mut feature = "Feature: F\n".to_owned();
    for number in 0..20 {
        let tag = ["@a", "@b", "@c"][number % 3];
        feature.push_str(&format!(
            "  {tag}\n  Scenario: S{number}\n    When 1 s passes\n"
        ));
    }
    let lines = |concurrency| {
        let options = Options {
            concurrency: NonZeroUsize::new(concurrency).unwrap(),
            ..Options::default()
        };
        let build = |suite: Suite| {
            suite
                .hook(Hook::before_step("fails", async |_| Err("no".into())).tagged("@a"))
                .hook(Hook::after_step("looks", log_status).tagged("@a or @b"))
        };
        try_run(&feature, &options, build).unwrap()
    };
    assert_eq!(lines(1), lines(7));
}
