//! What users see: the built test binaries run on sample features, as processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "command_line/dry_run.rs"]
mod dry_run;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

/// The test binaries by target, as cargo builds them.
static BINARIES: LazyLock<HashMap<String, PathBuf>> = LazyLock::new(|| {
    let built = Command::new(std::env::var("CARGO").unwrap())
        .args([
            "test",
            "--no-run",
            "--test",
            "cucumber",
            "--test",
            "own_steps",
        ])
        .args(["--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    String::from_utf8(built.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| {
            let executable = message["executable"].as_str()?;
            Some((
                message["target"]["name"].as_str()?.to_owned(),
                executable.into(),
            ))
        })
        .collect()
});

/// A temporary package of features and fixtures.
struct Package(tempfile::TempDir);

impl Package {
    fn new(feature: &str) -> Self {
        let package = Self(tempfile::tempdir().unwrap());
        package.file("features/sample.feature", feature.as_bytes())
    }

    fn file(self, path: &str, content: &[u8]) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn run(&self, args: &[&str]) -> Finished {
        self.run_with(args, &[])
    }

    fn run_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Finished {
        run("cucumber", self.0.path(), args, environment)
    }
}

/// The output of a process and its exit status.
#[derive(Debug)]
struct Finished {
    status: i32,
    out: String,
    err: String,
}

impl Finished {
    #[track_caller]
    fn exits(&self, status: i32) -> &Self {
        assert_eq!(self.status, status, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn prints(&self, text: &str) -> &Self {
        let output = format!("{}\n{}", self.out, self.err);
        assert!(output.contains(text), "missing: {text}\n{output}");
        self
    }
}

fn run(target: &str, package: &Path, args: &[&str], environment: &[(&str, &str)]) -> Finished {
    let mut command = Command::new(&BINARIES[target]);
    command
        .args(args)
        .current_dir(package)
        .env("CARGO_MANIFEST_DIR", package)
        .env_remove("CUCUMBER_FILTER_TAGS")
        .env_remove("INSTA_UPDATE")
        .env("CI", "true");
    for (name, value) in environment {
        command.env(name, value);
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Finished {
        status: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

const PASSING: &str = r#"Feature: Sample
  @quick
  Scenario: One
    Given a service "A"
    When "A.x" is called
    Then the call succeeds

  Scenario: Two
    When 24 h pass
"#;

#[test]
fn passing_run_exits_0_with_a_summary() {
    let package = Package::new(PASSING);
    package
        .run(&[])
        .exits(0)
        .prints("2 scenarios (2 passed)")
        .prints("4 steps (4 passed)")
        .prints("1 d virtual, ");
    assert_eq!(package.run(&[]).err, "");
}

#[test]
fn failed_step_shows_message_location_timeline_and_command_to_reproduce_it() {
    let package = Package::new(
        r#"Feature: Sample
  Scenario: Fails
    Given a service "A"
    And "A.x" fails 1 time with "OUT_OF_LUCK"
    And "A.x" takes 20 ms
    When "A.x" is called
    Then the call succeeds
    And "A.x" is executed 1 time
"#,
    );
    package
        .run(&["--seed", "7"])
        .exits(1)
        .prints("✘ Then the call succeeds")
        .prints("expected the call to succeed, but it failed with OUT_OF_LUCK from A.x")
        .prints("at features/sample.feature:7")
        .prints("steps/calls.rs:")
        .prints("20 ms  call_ended      A.x  execution 1  took 20 ms  OUT_OF_LUCK")
        .prints("cargo test --test cucumber -- features/sample.feature:2 --seed 7")
        .prints("6 steps (4 passed, 1 failed, 1 skipped)");
    package
        .run(&["features/sample.feature:2", "--seed", "7"])
        .exits(1);
}

#[test]
fn output_for_ten_thousand_steps_is_cut() {
    let mut feature = "Feature: Sample\n".to_owned();
    for (name, then) in [
        ("Completes", "the workflow completes"),
        (
            "Outcome",
            "the outcome has:\n      | path | value |\n      | /steps | [] |",
        ),
        (
            "State",
            "the state of the workflow has:\n      | path | value |\n      | /failed | [] |",
        ),
        ("Order", "the steps run in this order:\n      | step-2 |"),
        (
            "Calls",
            "the calls are:\n      | call | result |\n      | A.y | ok |",
        ),
        (
            "Timeline",
            "the timeline has, in order:\n      | event | step |\n      | step_started | step-0 |",
        ),
        (
            "Undone",
            "these compensations run in order:\n      | A.undo |",
        ),
        ("Snapshot", "the outcome matches the snapshot"),
    ] {
        feature += &format!(
            r#"
  Scenario: {name}
    Given a service "A"
    And the workflow "long" of 10000 steps that call "A.x", undone by "A.y"
    And "A.x" answers:
      | execution | answer            |
      | 10000     | error OUT_OF_LUCK |
    When the workflow runs
    Then {then}
"#
        );
    }
    let package = Package::new(&feature);
    let ran = package.run(&[]);
    ran.exits(1)
        .prints("8 scenarios (8 failed)")
        .prints("first failure: OUT_OF_LUCK from A.x")
        .prints("… 9980 more")
        .prints("the last 12 of 99997 events:");
    assert!(
        ran.out.lines().count() < 1_000,
        "{}",
        ran.out.lines().count()
    );
    let longest = ran.out.lines().map(|line| line.chars().count()).max();
    assert!(longest < Some(2_000), "{longest:?}");
}

#[test]
fn undefined_step_lists_the_nearest_phrases() {
    Package::new("Feature: F\n  Scenario: S\n    Then the workflow complets\n")
        .run(&[])
        .exits(1)
        .prints("1 undefined")
        .prints("the workflow completes");
}

#[test]
fn stuck_pending_and_ambiguous_scenarios_fail_and_the_others_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let args = ["--input", "tests/data/stuck", "--scenario-timeout", "1s"];
    run("own_steps", root, &args, &[])
        .exits(1)
        .prints("✔ Before")
        .prints("nothing is left that could happen")
        .prints("no progress in 1 s of real time (--scenario-timeout), abandoned in \"And the thread spins\"")
        .prints("call_ended    Payments.charge")
        .prints("waiting for the specification")
        .prints("✔ After")
        .prints("6 scenarios (2 passed, 2 failed, 1 ambiguous, 1 pending)");
}

#[test]
fn suite_with_own_services_hooks_and_state_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    run("own_steps", root, &[], &[])
        .exits(0)
        .prints("7 scenarios (7 passed)");
}

#[test]
fn failing_hook_is_reported_by_name_and_location() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("junit.xml");
    let to_report = format!("junit={}", report.display());
    let args = [
        "--input",
        "tests/data/failing-hooks",
        "--report",
        &to_report,
    ];
    let ran = run("own_steps", root, &args, &[]);
    ran.exits(1)
        .prints(
            "  ✘ After a step (failed, 0 ms)
    ✔ Given a service Payments of my own
    ✘ hook after the step: the inventory
    ↷ When \"Payments.charge\" is called

      service \"Stok\" does not exist: there are: \"Ledger\", \"Carrier\", \"Payments\"
      at tests/data/failing-hooks/failing-hooks.feature:5
      by tests/own_steps.rs:",
        )
        .prints(
            "    ✔ Given \"Emma\" is in the basket
    ✘ hook after the scenario: the basket is cleared

      books are left
      at tests/data/failing-hooks/failing-hooks.feature:9
      by tests/own_steps.rs:",
        )
        .prints("INFO own_steps: the scenario has passed")
        .prints("4 scenarios (4 failed)\n6 steps (3 passed, 2 failed, 1 skipped)");
    assert_eq!(ran.out.matches("the scenario has failed").count(), 2);
    let report = fs::read_to_string(report).unwrap();
    let case = "type=\"failed\">hook after the scenario: the basket is cleared
at tests/data/failing-hooks/failing-hooks.feature:9
by tests/own_steps.rs:";
    assert!(report.contains(case), "{report}");
}

#[cfg(unix)]
#[test]
fn run_interrupted_by_a_signal_reports_what_ran_and_exits_with_its_number() {
    is_interrupted_by("-INT", 130);
    is_interrupted_by("-TERM", 143);
}

#[cfg(unix)]
fn is_interrupted_by(signal: &str, status: i32) {
    use std::io::Read as _;

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new(&BINARIES["own_steps"])
        .args(["--input", "tests/data/stuck", "--concurrency", "1"])
        .current_dir(root)
        .env("CARGO_MANIFEST_DIR", root)
        .env("CI", "true")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut output = String::new();
    let mut some = [0; 4096];
    // The deadlocked scenario is reported while the next one spins.
    while !output.contains("Deadlocked") {
        let read = out.read(&mut some).unwrap();
        assert!(read > 0, "ended early: {output}");
        output.push_str(&String::from_utf8_lossy(&some[..read]));
    }
    let interrupted = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    let _ = out.read_to_string(&mut output);
    assert_eq!(child.wait().unwrap().code(), Some(status), "{output}");
    assert!(
        output.contains("interrupted in \"And the thread spins\""),
        "{output}"
    );
}

#[test]
fn unused_fault_fails_its_scenario() {
    let unused = |tag: &str| {
        Package::new(&format!(
            "Feature: F\n  {tag}\n  Scenario: S\n    Given a service \"A\"\n    And \"A.x\" hangs\n    And \"A.y\" answers:\n      | execution | answer |\n      | 1 | ok |\n      | 2 | error GONE |\n    When \"A.y\" is called\n"
        ))
    };
    unused("@x")
        .run(&[])
        .exits(1)
        .prints("declared but never hit")
        .prints("A.x hangs (declared at features/sample.feature:5)")
        .prints(
            "A.y answers execution 2 with `error GONE` (declared at features/sample.feature:6)",
        );
    unused("@allow-unused").run(&[]).exits(0);
}

#[test]
fn scenario_without_steps_and_outline_without_rows_fail_the_run() {
    let feature = |tag: &str| {
        format!(
            "Feature: F
  Background:
    Given a service \"A\"

  {tag}
  Scenario: To be written
    # When \"A.x\" is called

  {tag}
  Scenario Outline: Rows are gone for <call>
    When \"A.<call>\" is called
    Examples:
      | call |
      # | x    |

  {tag}
  Scenario Outline: Tables are gone
    When \"A.x\" is called

  {tag}
  Scenario Outline: Steps are gone
    Examples:
      | call |
      | x    |

  Scenario Outline: Some rows are gone
    When \"A.<call>\" is called
    Examples:
      | call |
    Examples:
      | call |
      | x    |
"
        )
    };
    let package = Package::new(&feature("@x"));
    let run = package.run(&[]);
    run.exits(1)
        .prints("the scenario has no steps of its own, so it proves nothing (tag it @wip if it is to be written yet)\n      at features/sample.feature:6\n")
        .prints("the outline has no row of examples, so it proves nothing (tag it @wip if they are to be written yet)\n      at features/sample.feature:10\n")
        .prints("at features/sample.feature:17\n")
        .prints("at features/sample.feature:24\n")
        .prints("5 scenarios (1 passed, 4 failed)");
    package
        .run(&["features/sample.feature:10"])
        .exits(1)
        .prints("1 scenario (1 failed)");
    Package::new(&feature("@wip"))
        .run(&[])
        .exits(0)
        .prints("5 scenarios (1 passed, 4 pending)");
}

#[test]
fn wip_scenario_is_pending_and_does_not_fail_the_run() {
    Package::new("Feature: F\n  @wip\n  Scenario: S\n    Given something undefined\n")
        .run(&[])
        .exits(0)
        .prints("1 scenario (1 pending)");
}

#[test]
fn fault_that_is_hit_less_often_than_declared_fails_its_scenario() {
    let feature = r#"Feature: F
  Background:
    Given a service "A"

  Scenario: Hit once of three times
    Given "A.x" fails 3 times with "TOOL_ERROR"
    When "A.x" is called

  Scenario: Half a range, and a row that is not reached
    Given "A.x" answers:
      | execution | answer           |
      | 1-2       | error TOOL_ERROR |
      | 4         | ok               |
    When "A.x" is called

  Scenario: A row for all that follow needs one
    Given "A.x" answers:
      | execution | answer |
      | 1-2       | ok     |
      | 3-        | hang   |
    When "A.x" is called 3 times

  Scenario: What is replaced need not be hit
    Given "A.x" hangs 2 times
    And "A.x" answers:
      | execution | answer         |
      | 1         | reply {"a": 1} |
    When "A.x" is called
"#;
    Package::new(feature)
        .run(&[])
        .exits(1)
        .prints("declared but not hit as often as declared, so it proves nothing")
        .prints("A.x fails 3 time(s) with TOOL_ERROR (declared at features/sample.feature:6): declared 3 times, hit once")
        .prints("A.x answers execution 1-2 with `error TOOL_ERROR` (declared at features/sample.feature:10): declared 2 times, hit once")
        .prints("A.x answers execution 4 with `ok` (declared at features/sample.feature:10)")
        .prints("4 scenarios (2 passed, 2 failed)");
}

#[test]
fn assertion_that_proves_nothing_fails_its_scenario() {
    let feature = r#"Feature: F
  Background:
    Given a service "A"
    And a service "Mail"

  Scenario: Nothing has happened, 1
    Then "A.x" is never executed
  Scenario: Nothing has happened, 2
    Then nothing has an effect
  Scenario: Nothing has happened, 3
    Given a circuit breaker on "A" opening after 1 failure for 1 s
    Then the circuit breaker on "A" is closed
  Scenario: Nothing has happened, 4
    Then the timeline has none of:
      | event   |
      | warning |
  Scenario: Nothing has happened, 5
    Given "Mail.send" handles "OrderPlaced"
    Then the event "OrderPlaced" never reaches the bus

  Scenario: A typo in an operation that is not expected
    When "A.refund" is called
    Then "A.refnud" is never executed
  Scenario: A typo in an operation of a workflow
    Given the workflow:
      """json
      { "id": "w", "steps": [ { "id": "a", "service": "A", "operation": "pay", "compensation": "refund" } ] }
      """
    When the workflow runs
    Then "A.refunds" is never executed
  Scenario: Another operation, and one that only the workflow names
    Given the workflow:
      """json
      { "id": "w", "steps": [ { "id": "a", "service": "A", "operation": "pay", "compensation": "refund" } ] }
      """
    When the workflow runs
    Then "A.refund" is never executed
    And "A.anything" is never executed

  Scenario: A header without rows
    When "A.x" is called
    Then the reply has:
      | path | value |
  Scenario: Answers without rows
    Given "A.x" answers:
      | execution | answer |
  Scenario: A row without values
    When "A.x" is called
    Then the timeline has, in order:
      | event | call |
      |       |      |
  Scenario: A kind of event that does not exist
    When "A.x" is called
    Then the timeline has none of:
      | event       |
      | call_statred |
  Scenario: A field that the event has not
    When "A.x" is called
    Then the timeline has none of:
      | event          | call |
      | breaker_opened | A.x  |
  Scenario: A column that does not exist
    When "A.x" is called
    Then the timeline has none of:
      | cal |
      | A.x |
  Scenario: A time that no event can have
    When "A.x" is called
    Then the timeline has none of:
      | at     | event        |
      | 200 mz | call_started |
  Scenario: A service that does not exist
    When "A.x" is called
    Then the timeline has none of:
      | event        | call |
      | call_started | B.x  |

  Scenario: A status that does not exist
    When "A.x" is called
    Then the timeline has none of:
      | event      | status   |
      | step_ended | complted |
  Scenario: A step that does not exist
    Given the workflow "w" of 1 steps that call "A.x"
    When the workflow runs
    Then the timeline has none of:
      | event      | step   |
      | step_ended | stpe-1 |
  Scenario: No file could exist
    When "A.x" is called
    Then the file "a.txt" does not exist
  Scenario: No event to be handled
    When every event is handled
  Scenario: No projection to catch up
    When the projections catch up
  Scenario: No run to take up
    Given the workflow "w" of 1 steps that call "A.x"
    When the orchestrator restarts
  Scenario: A refusal that says nothing
    Given the workflow:
      """json
      { "id": "w", "steps": [] }
      """
    When the workflow runs
    Then the refusal names "/steps" and says ""
  Scenario: No dead letter at all
    When the event "OrderPlaced" of "order-1" is published
    And the dead letters are redriven

  Scenario: No secret to be hidden
    When "A.x" is called
    Then no secret is visible
  Scenario: No event to become a dead letter
    When "A.x" is called
    Then no event is dead-lettered
  Scenario: No dead letter to be redriven
    When the event "OrderPlaced" of "order-1" is published
    Then no dead letter is left
  Scenario: No event for a projection
    Given the aggregate:
      """json
      { "name": "Account", "initial": {}, "commands": { "open": { "emits": [{ "event": "Opened" }] } }, "events": { "Opened": [] } }
      """
    And the projection:
      """json
      { "name": "Balances", "handles": { "Opened": { "changes": [] } } }
      """
    When 1 s passes
    Then no event holds "Balances" back

  Scenario: No call that could fail
    Then 0 calls fail with "TIMEOUT"
  Scenario: No call that could succeed
    Then 0 calls succeed
  Scenario: A typo in a code
    When "A.x" is called
    Then 0 calls fail with "TIMEUOT"
  Scenario: No call at all
    When "A.x" is called 0 times
  Scenario: No call at once
    When "A.x" is called 0 times at once
  Scenario: No run
    Given the workflow "w" of 1 steps that call "A.x"
    When the workflow runs 0 times at once

  Scenario: An input that is ignored
    Given the workflow "w" of 1 steps that call "A.x"
    When the workflow runs
      """json
      { "order": 7 }
      """
  Scenario: A table that is ignored
    When 1 s passes
      | field |
  Scenario: Answers of a service that is declared after them
    Given "A.x" takes 1 s
    And a service "A"
    When "A.x" is called
    Then it takes 1 s
  Scenario: A service that is declared again
    Given "A.x" takes 1 s
    When "A.x" is called
    Given a service "A"
    When "A.x" is called
    Then it takes 0 s
  Scenario: A service in place of a read model
    Given the aggregate:
      """json
      { "name": "Account", "initial": {}, "commands": { "open": { "emits": [{ "event": "Opened" }] } }, "events": { "Opened": [] } }
      """
    And the projection:
      """json
      { "name": "Balances", "handles": { "Opened": { "changes": [] } } }
      """
    And a service "Balances"
  Scenario: A call in place of a publication
    When "A.x" is called
    Then the publication succeeds
  Scenario: A definition as a table
    Given a service "B"
      | field | value |
"#;
    let ran = Package::new(feature).run(&[]);
    ran.exits(1)
        .prints("operation \"A.refnud\" does not exist: nothing else in the scenario names it, did you mean \"refund\"?")
        .prints("operation \"A.refunds\" does not exist: ")
        .prints("✔ Another operation, and one that only the workflow names")
        .prints("a row needs a value, as every event matches an empty one")
        .prints("event \"call_statred\" does not exist: did you mean \"call_started\"?")
        .prints("\"call\" is not a field of breaker_opened: there are: \"at\", \"event\", \"service\"")
        .prints("\"cal\" is not a field of any event: did you mean \"call\"?")
        .prints("service \"B\" does not exist")
        .prints("no secret was there to be hidden, so this proves nothing")
        .prints("no event was published, so none could be dead-lettered")
        .prints("no event was ever dead-lettered: say so by `no event is dead-lettered`")
        .prints("Balances was given no event yet, so none could hold it back")
        .prints("the code \"TIMEUOT\" is neither defined by any service nor built in: did you mean \"TIMEOUT\"?")
        .prints("expected at least 1 run, found 0")
        .prints("the step takes no doc string and would ignore the one below it: did you mean `the workflow runs with:`?")
        .prints("the step takes no table and would ignore the one below it: leave it out")
        .prints("a service is defined by JSON in a doc string, found a table")
        .prints("200 mz")
        .prints("\"A\" is played already, and what was declared of \"A.x\" would be lost: declare the service before its answers")
        .prints("\"Balances\" is the read model of a projection, which a played one would replace")
        .prints("the last When published no event")
        .prints("status \"complted\" does not exist: did you mean \"completed\"?")
        .prints("step \"stpe-1\" does not exist: did you mean \"step-1\"?")
        .prints("no file could exist: no service keeps files")
        .prints("no projection is declared")
        .prints("no workflow was run, so none can be taken up")
        .prints("every message says nothing: expected a part of the message")
        .prints("there is no dead letter to redrive")
        .prints("41 scenarios (2 passed, 39 failed)");
    for (message, times) in [
        ("there is no When before this step", 6),
        ("the table needs at least one row below its header", 2),
        ("no service was called directly", 2),
        ("expected at least 1 call, found 0", 2),
    ] {
        assert_eq!(ran.out.matches(message).count(), times, "{message}");
    }
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let feature = r#"Feature: F
  @slow
  Scenario: Only set up
    Given a service "A"

  Scenario Outline: Only set up for <name>
    Given a service "<name>"
    Examples:
      | name |
      | A    |
      | B    |

  @wip
  Scenario: To be written
    Given a service "A"
"#;
    let package = Package::new(feature)
        .file(
            "features/later.feature",
            b"Feature: Later\n  To be written.\n",
        )
        .file("features/gone.feature", b"");
    let ran = package.run(&["--tags", "not @solw", "--tags", "not @cheap"]);
    ran.exits(0).prints("4 scenarios (3 passed, 1 pending)");
    assert_eq!(
        ran.err,
        "warning: features/gone.feature: the feature has no scenario
warning: features/later.feature: the feature has no scenario
warning: features/sample.feature:3: the scenario has neither a When nor a Then, so it only checks its own setup
warning: features/sample.feature:6: the scenario has neither a When nor a Then, so it only checks its own setup
warning: --tags \"not @solw\": no scenario has the tag \"@solw\", did you mean \"@slow\"?
"
    );
    let package = Package::new("").file(
        "tests/data/own-steps/a.feature",
        b"Feature: F\n  @stocks\n  Scenario: S\n    When 1 s passes\n",
    );
    let own = package.0.path();
    run("own_steps", own, &[], &[])
        .exits(0)
        .prints("warning: the hook \"a stock\" (tests/own_steps.rs:")
        .prints("): no scenario has the tag \"@stock\", did you mean \"@stocks\"?");
    let ran = run("own_steps", own, &["tests/data/own-steps/a.feature"], &[]);
    assert_eq!(ran.err, "");
}

#[test]
fn misspelt_tag_of_the_runner_is_refused_with_its_place() {
    Package::new("Feature: F\n  @wallclock\n  Scenario: S\n    When 1 s passes\n")
        .run(&[])
        .exits(2)
        .prints("features/sample.feature:2:3")
        .prints("the tag \"@wallclock\" is not valid: did you mean \"@wall-clock\"?");
}

#[test]
fn scenarios_are_selected_by_name_tags_line_and_filter() {
    let package = Package::new(PASSING);
    package
        .run(&["--name", "^T"])
        .exits(0)
        .prints("1 scenario (1 passed)")
        .prints("✔ Two");
    package
        .run(&["--tags", "not @quick"])
        .exits(0)
        .prints("✔ Two")
        .prints("1 scenario (1 passed)");
    package
        .run(&["features/sample.feature:5"])
        .exits(0)
        .prints("✔ One")
        .prints("1 scenario (1 passed)");
    package
        .run(&["One", "--tags", "@quick"])
        .exits(0)
        .prints("1 scenario (1 passed)");
    package.run(&["nothing like it"]).exits(0);
    package
        .run(&["--tags", "@slow"])
        .exits(2)
        .prints("no scenario matches");
    package
        .run(&["--name", "Three"])
        .exits(2)
        .prints("no scenario matches");
    package.run(&["features/other.feature:5"]).exits(2);
    package
        .run(&["features/"])
        .exits(0)
        .prints("2 scenarios (2 passed)");
    package
        .run(&["features/sample.feature", "features/orders"])
        .exits(2)
        .prints("no scenario matches features/orders");
    package
        .run(&["--tags", "@quick", "--tags", "not @quick"])
        .exits(2)
        .prints("no scenario matches --tags \"@quick\" and --tags \"not @quick\"");
}

#[test]
fn invalid_command_line_is_refused_before_anything_runs() {
    let package = Package::new(PASSING);
    package
        .run(&["--concurency", "2"])
        .exits(2)
        .prints("--concurrency");
    package.run(&["--concurrency", "0"]).exits(2);
    package.run(&["--tags", "@a and"]).exits(2);
    package.run(&["--name", "("]).exits(2);
    package
        .run(&["--report", "junitt=x.xml"])
        .exits(2)
        .prints("junit");
    package
        .run(&["--report", "junit=no/such/folder/x.xml"])
        .exits(2)
        .prints("no/such/folder/x.xml");
    package
        .run(&["--input", "elsewhere"])
        .exits(2)
        .prints("elsewhere");
    package.run(&["--scenario-timeout", "soon"]).exits(2);
    let refused = package.run(&["--seed", "x"]);
    refused.exits(2);
    assert!(!refused.out.contains("Feature"), "{}", refused.out);
    package
        .run(&["--help"])
        .exits(0)
        .prints("--scenario-timeout");
}

#[test]
fn run_accepts_flags_of_cargo_test() {
    let package = Package::new(PASSING);
    let flags = [
        "--nocapture",
        "--test-threads",
        "1",
        "--quiet",
        "--color",
        "never",
        "--show-output",
    ];
    package
        .run(&flags)
        .exits(0)
        .prints("2 scenarios (2 passed)");
}

#[test]
fn all_faulty_features_are_reported() {
    let package = Package::new("Feature: F\n  Scenario: S\n    Given x\n    Givven y\n")
        .file("features/latin.feature", b"Feature: \xe9\n")
        .file(
            "features/tags.feature",
            b"Feature: F\n  @retry(x)\n  Scenario: S\n    When 1 s passes\n",
        );
    package
        .run(&[])
        .exits(2)
        .prints("sample.feature")
        .prints("latin.feature")
        .prints("tags.feature");
}

#[test]
fn run_of_one_file_does_not_read_the_others() {
    let package = Package::new(PASSING).file("features/broken.feature", b"Nonsense\n");
    package.run(&["features/sample.feature"]).exits(0);
    package
        .run(&["features/absent.feature:2"])
        .exits(2)
        .prints("no scenario matches features/absent.feature:2");
    package
        .run(&["features/sample.feature", "features/broken.feature"])
        .exits(2)
        .prints("broken.feature:1:1");
}

#[test]
fn duplicate_scenario_name_is_a_warning() {
    let feature =
        "Feature: F\n  Scenario: S\n    When 1 s passes\n  Scenario: S\n    When 2 s pass\n";
    Package::new(feature)
        .run(&[])
        .exits(0)
        .prints("warning: features/sample.feature:4: a scenario named \"S\" is already at line 2");
}

#[test]
fn run_without_features_is_refused() {
    let package = Package::new(PASSING);
    fs::remove_file(package.0.path().join("features/sample.feature")).unwrap();
    package.run(&[]).exits(2).prints("features");
    fs::remove_dir(package.0.path().join("features")).unwrap();
    package.run(&[]).exits(2).prints("features");
}

#[test]
fn faulty_fixtures_and_names_fail_with_location_pointer_and_nearest_name() {
    let feature = r#"Feature: F
  Scenario: A definition with an unknown field
    Given the services from "broken"

  Scenario: Services that do not exist
    Given the services from "brokn"

  Scenario: A workflow that does not exist
    Given the workflow "chekout"

  Scenario: An inline definition
    Given a service "A":
    Given a service "A"
      """json
      {
        "operations": {"x": {"latency": "-1 s"}}
      }
      """

  Scenario: A service that does not exist
    Given a service "Payments"
    When "Payment.charge" is called

  Scenario: An operation that does not exist
    Given a service "Stock"
      """json
      {"operations": {"reserve": {}, "release": {}}}
      """
    When "Stock.resreve" is called

  Scenario: A code that no service defines
    Given a service "Stock"
      """json
      {"operations": {"reserve": {}}, "codes": {"OUT_OF_STOCK": {"retryable": false}}}
      """
    And "Stock.reserve" fails with "OUT_OF_SOCK"

  Scenario: A text that is not a code
    Given a service "A"
    And "A.x" fails with "Out of luck"

  Scenario: A preset that does not exist
    Given the retry policy "coordinaton"

  Scenario: An absurd duration
    When 400 days pass

  Scenario: A negative duration
    When -5 s pass
"#;
    Package::new(&feature.replace("    Given a service \"A\":\n", ""))
        .file("fixtures/services/broken.json", b"{\"services\": [{\"name\": \"A\",\n  \"operations\": {\"x\": {\"latncy\": \"1s\"}}}]}")
        .file("fixtures/flows.json", br#"{"workflows": [{"id": "checkout", "totalExpectedDuration": "1s", "steps": [{"id": "pay", "service": "Payments", "operation": "charge"}]}]}"#)
        .run(&[])
        .exits(1)
        .prints("fixtures/services/broken.json:2:")
        .prints("at /services/0/operations/x/latncy: \"latncy\" is not known here")
        .prints("did you mean \"latency\"?")
        .prints("did you mean \"broken\"?")
        .prints("did you mean \"checkout\"?")
        .prints("features/sample.feature:15:")
        .prints("is negative")
        .prints("did you mean \"Payments\"?")
        .prints("did you mean \"coordination\"?")
        .prints("longer than 366 days")
        .prints("did you mean \"reserve\"?")
        .prints("did you mean \"OUT_OF_STOCK\"?")
        .prints("\"Out of luck\" is not a valid code, expected UPPER_SNAKE case")
        .prints("11 scenarios (11 failed)");
}

#[test]
fn faulty_references_fail_where_the_workflow_is_declared() {
    let feature = r#"Feature: F
  Scenario: A name that does not exist
    Given the workflow:
      """json
      { "id": "w", "steps": [
        { "id": "price", "service": "A", "operation": "a", "input": { "sku": "${/imput/sku}" } },
        { "id": "charge", "service": "A", "operation": "a", "input": ["${/prise/amount}"] } ] }
      """

  Scenario: A later step, and the step itself
    Given the workflow:
      """json
      { "id": "w", "steps": [
        { "id": "charge", "service": "A", "operation": "a", "input": ["${/thank/id}", "${/charge/id}"] },
        { "id": "thank", "service": "A", "operation": "a" } ] }
      """

  Scenario: A step that is not waited for, in an undo and in a workflow within
    Given the workflow:
      """json
      { "id": "w", "steps": [
        { "id": "price", "service": "A", "operation": "a" },
        { "id": "charge", "service": "A", "operation": "a", "dependencies": [],
          "compensation": { "operation": "b", "input": "${/price/id}" } },
        { "id": "inner", "workflow": { "id": "v", "steps": [
          { "id": "x", "service": "A", "operation": "a", "input": "${/charge}" } ] } } ] }
      """

  Scenario: What looks like a reference but is not one
    Given the workflow:
      """json
      { "id": "w", "steps": [
        { "id": "a", "service": "A", "operation": "a",
          "input": { "dot": "${input.weight}", "brace": "{/input/x}", "text": "Hello ${/input/name}" } } ] }
      """

  Scenario: A workflow of the fixtures
    Given the workflow "faulty"
"#;
    Package::new(feature)
        .file("fixtures/flows.json", br#"{"workflows": [{"id": "faulty", "steps": [{"id": "pay", "service": "A", "operation": "a", "input": "${/order}"}]}]}"#)
        .run(&[])
        .exits(1)
        .prints("at /steps/0/input/sku: \"${/imput/sku}\" leads nowhere: there is no step \"imput\", did you mean \"input\"?")
        .prints("at /steps/1/input/0: \"${/prise/amount}\" leads nowhere: there is no step \"prise\", did you mean \"price\"?")
        .prints("step \"charge\" does not wait for step \"thank\", add it to its dependencies")
        .prints("at /steps/0/input/1: \"${/charge/id}\" leads nowhere: it is the step itself")
        .prints("at /steps/1/compensation/input: \"${/price/id}\" leads nowhere: step \"charge\" does not wait for step \"price\"")
        .prints("at /steps/2/workflow/steps/0/input: \"${/charge}\" leads nowhere: there is no step \"charge\"")
        .prints("at /steps/0/input/dot: \"${input.weight}\" looks like a reference but is not one")
        .prints("at /steps/0/input/brace: ")
        .prints("at /steps/0/input/text: ")
        .prints("fixtures/flows.json:1: at /workflows/0/steps/0/input: \"${/order}\" leads nowhere")
        .prints("5 scenarios (5 failed)");
}

#[test]
fn faulty_budgets_fail_with_the_place_and_the_nearest_name() {
    let feature = r#"Feature: F
  Scenario: Faulty ceilings, all at once
    Given a budget:
      | field  | value |
      | cost   | -1    |
      | calls  | -2    |
      | tokens | 0.5   |
      | time   | -3 s  |

  Scenario: An unknown ceiling
    Given a budget:
      | field           | value |
      | callsPerServise | 1     |

  Scenario: An unknown policy
    Given a budget:
      | field  | value |
      | policy | bolck |

  Scenario: A share that is none
    Given a budget:
      | field  | value |
      | warnAt | 80    |

  Scenario: A ceiling given twice
    Given a budget:
      | field | value |
      | calls | 1     |
      | calls | 2     |

  Scenario: A table without a ceiling
    Given a budget:
      | field | value |

  Scenario: A budget that was never declared
    Given a service "A"
    When "A.x" is called
    Then the budget has:
      | path        | value |
      | /calls/used | 1     |

  Scenario: A budget before anything happened
    Given a budget:
      | field | value |
      | calls | 1     |
    Then the budget has:
      | path        | value |
      | /calls/used | 0     |

  Scenario: A negative cost
    Given a service "A"
      """json
      {"operations": {"x": {"cost": -1}}}
      """

  Scenario: A negative number of tokens
    Given a service "A"
      """json
      {"operations": {"x": {"tokens": -1}}}
      """
"#;
    Package::new(feature)
        .run(&[])
        .exits(1)
        .prints("at /cost: expected a cost of 0 to 1000000000, such as 0.25, found -1")
        .prints("at /calls: expected a whole number, 0 or more, found -2")
        .prints("at /tokens: expected a whole number, 0 or more, found 0.5")
        .prints("at /time: the duration \"-3 s\" is negative")
        .prints("at /callsPerServise: unknown field `callsPerServise`")
        .prints("did you mean \"callsPerService\"?")
        .prints("at /policy: unknown variant `bolck`, expected `warn` or `block`; did you mean \"block\"?")
        .prints("at /warnAt: expected a share above 0 and below 1, such as 0.8, found 80")
        .prints("at /calls: is given twice")
        .prints("the table needs at least one row below its header")
        .prints("there is no budget: say `a budget:` before")
        .prints("nothing has happened yet, so this proves nothing")
        .prints("features/sample.feature:53:")
        .prints("at /operations/x/cost: expected a cost of 0 to 1000000000, such as 0.25, found -1")
        .prints("at /operations/x/tokens: invalid value: integer `-1`, expected u64")
        .prints("10 scenarios (10 failed)");
}

#[test]
fn faulty_security_contexts_fail_with_the_place_and_the_nearest_name() {
    let feature = r#"Feature: F
  Background:
    Given a service "A"
    And the role "editor" grants "a.write"

  Scenario: A context without a user
    Given the security context:
      | field | value  |
      | roles | editor |

  Scenario: An unknown field
    Given the security context:
      | field      | value |
      | user       | ada   |
      | permission | a     |

  Scenario: An unknown role
    Given the security context:
      | field | value          |
      | user  | ada            |
      | roles | editor, editer |

  Scenario: A field given twice
    Given the security context:
      | field | value |
      | user  | ada   |
      | user  | bea   |

  Scenario: A permission without a name
    Given the security context:
      | field       | value     |
      | user        | ada       |
      | permissions | a.write,, |

  Scenario: A session without a name
    Given the security context:
      | field   | value |
      | user    | ada   |
      | session |       |

  Scenario: A credential that is a number
    Given the security context:
      | field      | value |
      | user       | ada   |
      | credential | [1]   |

  Scenario: A table of other columns
    Given the security context:
      | name | value |
      | user | ada   |

  Scenario: A role without a name
    Given the role "" grants "a.write"

  Scenario: A role that grants nothing in particular
    Given the role "editor" grants "a.write, "

  Scenario: A permission that is no text
    Given a service "B"
      """json
      {"operations": {"x": {"permission": 5}}}
      """

  Scenario: Nothing to hide
    When "A.x" is called
    Then no secret is visible
"#;
    Package::new(feature)
        .run(&[])
        .exits(1)
        .prints("faulty security context: at /user: a security context needs a \"user\"")
        .prints("at /permission: unknown field `permission`")
        .prints("did you mean \"permissions\"?")
        .prints("at /roles/1: the role \"editer\" does not exist: did you mean \"editor\"?")
        .prints("at /user: is given twice")
        .prints("at /permissions/1: \"\" is not a valid name")
        .prints("at /session: a session needs a name")
        .prints("at /credential: invalid type: sequence, expected a string")
        .prints("the table has the columns | name | value |, expected | field | value |")
        .prints("\"\" is not a valid name: it must not be empty, contain a comma, or begin or end with a space")
        .prints("at /1: \"\" is not a valid name")
        .prints("at /operations/x/permission: invalid type: integer `5`, expected a string")
        .prints("no secret was there to be hidden, so this proves nothing")
        .prints("12 scenarios (12 failed)");
}

#[test]
fn faulty_requests_fail_with_the_nearest_name() {
    let feature = r#"Feature: F
  Background:
    Given a service "Reports"
      """json
      { "operations": { "build": {}, "built": {} } }
      """

  Scenario: A callback target that does not exist
    Given "Report.built" receives the callbacks

  Scenario: A callback operation that does not exist
    Given "Reports.buit" receives the callbacks

  Scenario: A request to a service that does not exist
    When a request to "Reprts.build" is submitted

  Scenario: A request that does not exist
    When a request to "Reports.build" is submitted
    Then the request "request-7" is completed

  Scenario: No request was submitted
    When the request ends

  Scenario: No request was sent
    Then the response has:
      | path | value |

  Scenario: A negative window
    Given ended requests are kept for -5 min

  Scenario: A limit of zero
    Given requests are processed 0 at a time

  Scenario: The input is not JSON
    When a request is sent to "Reports.build" with:
      """json
      { "month": }
      """
"#;
    Package::new(feature)
        .run(&[])
        .exits(1)
        .prints("service \"Report\" does not exist: did you mean \"Reports\"?")
        .prints("operation \"Reports.buit\" does not exist: did you mean \"built\"?")
        .prints("service \"Reprts\" does not exist: did you mean \"Reports\"?")
        .prints("request \"request-7\" does not exist: did you mean \"request-1\"?")
        .prints("no request was submitted")
        .prints("no request was sent")
        .prints("the duration \"-5 min\" is negative")
        .prints("0 requests at a time are never processed")
        .prints("features/sample.feature:")
        .prints("9 scenarios (9 failed)");
}

#[test]
fn faulty_communication_patterns_fail_with_location_pointer_and_nearest_name() {
    let feature = r#"Feature: F
  Scenario: A pattern that does not exist
    Given the services from "shop"
    And the communication pattern "ordring"

  Scenario: A pattern of services that do not exist
    Given a service "Stok"
    And the communication pattern "ordering"

  Scenario: No pattern is declared
    When the communication takes place

  Scenario: No communication took place
    Then the communication goes as expected
"#;
    let shop = br#"{"services": [{"name": "Stock", "operations": {"hold": {}}}, {"name": "ConfigurationService"}]}"#;
    let patterns = r#"{
  "services": "shop",
  "thresholds": {
    "responseTime": { "fast": "500ms", "acceptable": "1s", "slow": "2s", "timeout": "5s" },
    "interServiceLatency": "200ms", "successRate": 0.99, "errorRate": 0.01, "availability": 0.999,
    "concurrentRequests": 50
  },
  "communicationPatterns": [
    { "id": "ordering", "totalExpectedDuration": "1s", "communicationFlow": [{ "call": "Stock.hold" }] }
  ]
}"#;
    let package = Package::new(feature)
        .file("fixtures/services/shop.json", shop)
        .file("fixtures/patterns.json", patterns.as_bytes());
    package
        .run(&[])
        .exits(1)
        .prints("communication pattern \"ordring\" does not exist in fixtures: did you mean \"ordering\"?")
        .prints("the pattern \"ordering\" of fixtures/patterns.json is not valid:")
        .prints("at /communicationFlow/0/call: service \"Stock\" does not exist: did you mean \"Stok\"?")
        .prints("no communication pattern was declared")
        .prints("no communication took place")
        .prints("4 scenarios (4 failed)");
    let broken = patterns.replace("Stock.hold", "Stock.hodl");
    package
        .file("fixtures/patterns.json", broken.as_bytes())
        .run(&[])
        .exits(1)
        .prints("fixtures/patterns.json:9: at /communicationPatterns/0/communicationFlow/0/call:")
        .prints("did you mean \"hold\"?");
}

#[test]
fn faulty_entities_fail_with_location_pointer_and_nearest_name() {
    let feature = r#"Feature: F
  Scenario: A definition
    Given a service "Agents"
      """json
      {
        "entity": { "name": "Agent", "schema": { "properties": { "name": { "type": "strin" } } } },
        "operations": {}
      }
      """

  Scenario: A definition in a fixture
    Given the services from "platform"

  Scenario: A service that does not exist
    Given a service "Agents":
    And "Agent" has the entity "ada":
      """json
      {}
      """

  Scenario: An entity with another id
    Given a service "Agents":
    And "Agents" has the entity "ada":
      """json
      { "id": "bob" }
      """

  Scenario: An entity that exists already
    Given a service "Agents":
    And "Agents" has the entity "grace":
      """json
      {}
      """
    And "Agents" has the entity "grace":
      """json
      {}
      """

  Scenario: An entity that does not exist
    Given a service "Agents":
    Then "Agents" holds the entity "grade"

  Scenario: An entity that exists
    Given a service "Agents":
    Then "Agents" does not hold the entity "ada"

  Scenario: A service that keeps nothing
    Given a service "Payments"
    Then "Payments" does not hold the entity "ada"

  Scenario: Another value
    Given a service "Agents":
    Then the entity "ada" of "Agents" has:
      | path  | value |
      | /name | Grace |
"#;
    let definition = r#"    Given a service "Agents"
      """json
      {
        "entity": { "name": "Agent", "existing": [{ "id": "ada", "name": "Ada" }] },
        "operations": { "getAgent": { "kind": "get" } }
      }
      """
"#;
    Package::new(&feature.replace("    Given a service \"Agents\":\n", definition))
        .file(
            "fixtures/services/platform.json",
            br#"{"services": [{"name": "A"}, {"name": "B", "entity": {"name": "B"}, "operations": {"createB": {}}}]}"#,
        )
        .run(&[])
        .exits(1)
        .prints("features/sample.feature:5: at /entity/schema/properties/name/type: ")
        .prints("did you mean \"string\"?")
        .prints("fixtures/services/platform.json:1: at /services/1/operations/createB: ")
        .prints("did you mean \"create\"?")
        .prints("entity service \"Agent\" does not exist: did you mean \"Agents\"?")
        .prints("the id of the entity is \"bob\", the step has \"ada\"")
        .prints("Agent \"grace\" exists already")
        .prints("expected Agents to hold \"grade\", it does not: there are: \"ada\"")
        .prints("expected Agents not to hold \"ada\", it does:")
        .prints("entity service \"Payments\" does not exist: there are none")
        .prints("/name: expected Grace, found Ada")
        .prints("9 scenarios (9 failed)");
}

#[cfg(feature = "sqlite")]
#[test]
fn faulty_steps_about_the_audit_trail_fail_with_the_nearest_name() {
    let feature = r#"Feature: F
  Background:
    Given a service "Stock"

  Scenario: A file of another ending
    Given the audit trail is kept in "audit.txt"

  Scenario: A file elsewhere
    Given the audit trail is kept in "../audit.db"

  Scenario: A folder that does not exist
    Given the audit trail is kept in "logs/audit.jsonl"

  Scenario: A text
    Given the file "notes.jsonl" holds:
      """
      hello
      """
    And the audit trail is kept in "notes.jsonl"

  Scenario: A text that is no database
    Given the file "notes.db" holds:
      """
      not a database, but long enough to look like a file of some kind
      """
    And the audit trail is kept in "notes.db"

  Scenario: A second one
    Given an audit trail
    And the audit trail is kept in "audit.db"

  Scenario: None
    When "Stock.hold" is called
    Then the audit trail has 0 entries of type "planning"

  Scenario: None to fail
    Given the audit trail cannot be written

  Scenario: One in memory
    Given an audit trail
    When the audit trail is reopened

  Scenario: An unknown column
    Given an audit trail
    When "Stock.hold" is called
    Then the audit trail has, in order:
      | targt      |
      | Stock.hold |

  Scenario: An unknown column by its pointer
    Given an audit trail
    When "Stock.hold" is called
    Then the audit trail has, in order:
      | /metdata/took |
      | 0 ms          |

  Scenario: An unknown field of the metadata
    Given an audit trail
    When "Stock.hold" is called
    Then the audit trail has, in order:
      | /metadata/tok |
      | 0 ms          |

  Scenario: An unknown type
    Given an audit trail
    When "Stock.hold" is called
    Then the audit trail has, in order:
      | type         |
      | interactions |

  Scenario: An unknown type to count
    Given an audit trail
    When "Stock.hold" is called
    Then the audit trail has 0 entries of type "plan"

  Scenario: An empty row
    Given an audit trail
    When "Stock.hold" is called
    Then the audit trail has, in order:
      | type |
      |      |

  Scenario: An unknown trace
    Given an audit trail
    When "Stock.hold" is called
    Then the audit trail of "scenrio" has, in order:
      | type        |
      | interaction |

  Scenario: An unknown trace without entries
    Given an audit trail
    When "Stock.hold" is called
    Then the audit trail of "scenrio" has 0 entries

  Scenario: Nothing yet
    Given an audit trail
    Then the audit trail has 0 entries of type "planning"

  Scenario: No signals yet
    Then the golden signals have:
      | path   | value |
      | /calls | 0     |

  Scenario: A fault that no entry hits
    Given an audit trail
    And the audit trail cannot be written
    When 1 s passes

  Scenario: More entries than there are
    Given an audit trail
    When "Stock.hold" is called
    Then the latest 2 entries of the audit trail are:
      | target     |
      | Stock.hold |
      | Stock.hold |
"#;
    Package::new(feature)
        .run(&[])
        .exits(1)
        .prints("expected a name that ends in `.db` or `.sqlite` (SQLite) or in `.jsonl` (JSON lines)")
        .prints("\"../audit.db\" does not lead to a file in the scenario's directory")
        .prints("logs/audit.jsonl cannot be used: No such file or directory")
        .prints("notes.jsonl:1:1: expected value")
        .prints("notes.db cannot be used: it is not a valid audit trail")
        .prints("the scenario has an audit trail already")
        .prints("the scenario has no audit trail: say `an audit trail` or")
        .prints("the audit trail is in memory and cannot be reopened")
        .prints("column \"targt\" does not exist: did you mean \"target\"?")
        .prints("column \"/metdata/took\" does not exist: did you mean \"metadata\"?")
        .prints("no row found has a \"/metadata/tok\"")
        .prints("no entry of the audit trail is of type \"interactions\": did you mean \"interaction\"?")
        .prints("no entry of the audit trail is of type \"plan\": there are: \"planning\", ")
        .prints("a row needs a value, as every entry matches an empty one")
        .prints("the audit trail has no entry of \"scenrio\": did you mean \"scenario\"?")
        .prints("nothing has happened yet, so this proves nothing")
        .prints("the audit trail cannot be written (declared at features/sample.feature:")
        .prints("2 rows expected (-), 1 found (+)")
        .prints("21 scenarios (21 failed)");
}

#[cfg(feature = "cqrs")]
#[test]
fn retrier_of_appends_after_a_conflict_is_refused() {
    let feature = r#"Feature: F
  Scenario: A conflict that repeating the append cannot solve
    Given commands are decided anew up to 1 time
    And "EventStore.append" is retried by code:
      | codes                            | maxRetries |
      | TIMEOUT, CONCURRENT_MODIFICATION | 1          |
"#;
    Package::new(feature)
        .run(&[])
        .exits(1)
        .prints("retrier 1: repeating an append after CONCURRENT_MODIFICATION can never help")
        .prints("\"commands are decided anew up to 3 times\"");
}

#[test]
fn faulty_retriers_partitions_and_probes_fail_with_the_nearest_name() {
    let feature = r#"Feature: F
  Background:
    Given a service "Stock"
      """json
      {"operations": {"reserve": {}}, "codes": {"OUT_OF_STOCK": {"retryable": true}}}
      """

  Scenario: A code that the service does not know
    Given "Stock.reserve" is retried by code:
      | codes        | maxRetries |
      | TIMEOUT      | 1          |
      | OUT_OF_STOKC | 1          |

  Scenario: An unknown column
    Given every call is retried by code:
      | codes   | maxRetires |
      | TIMEOUT | 1          |

  Scenario: A retrier without codes
    Given every call is retried by code:
      | codes | maxRetries |
      |       | 1          |

  Scenario: A code that is never retryable
    Given every call is retried by code:
      | codes               | maxRetries |
      | CORRUPTION_DETECTED | 1          |

  Scenario: An invalid retrier in a step
    Given the workflow:
      """json
      {"id": "w", "steps": [{"id": "a", "service": "Stock", "operation": "reserve",
        "retry": [{"codes": ["TIMEOUT"], "maxRetries": 1}, {"codes": ["TIMEOUT"]}]}]}
      """

  Scenario: A partition from an unknown caller
    Given "orchestrater" is cut off from "Stock"

  Scenario: A partition between two that do not call each other
    Given "orchestrator" is cut off from "scenario"

  Scenario: The end of a partition that does not exist
    When "scenario" reaches "Stock" again

  Scenario: Replies of an unknown service
    Given "Stok" corrupts its replies

  Scenario: A probe that is not an operation
    Given a service "Ledger"
      """json
      {"probe": "pong", "operations": {"ping": {}}}
      """

  Scenario: Health that was never checked
    Then "Stock" is healthy

  Scenario: Faults that no call hits
    Given "orchestrator" is cut off from "Stock" for 1 s
    And "Stock" corrupts its replies
"#;
    Package::new(feature)
        .run(&[])
        .exits(1)
        .prints("retrier 2: the code \"OUT_OF_STOKC\" is neither defined by Stock nor built in: did you mean \"OUT_OF_STOCK\"?")
        .prints("retrier 1: faulty retrier: at /maxRetires: unknown field `maxRetires`, expected one of `maxRetries`, `base`, `multiplier`, `cap`, `jitter`, `firstExponent`; did you mean \"maxRetries\"?")
        .prints("retrier 1: faulty retrier: at /codes: it names no code")
        .prints("\"CORRUPTION_DETECTED\" can never be worth a retry")
        .prints("at /steps/0/retry/1: faulty retrier: it needs \"maxRetries\" or \"preset\"")
        .prints("no service or caller is named \"orchestrater\": did you mean \"orchestrator\"?")
        .prints("no calls are made between \"orchestrator\" and \"scenario\"")
        .prints("\"scenario\" is not cut off from \"Stock\"")
        .prints("did you mean \"Stock\"?")
        .prints("at /probe: it has no operation \"pong\", did you mean \"ping\"?")
        .prints("the health of \"Stock\" was never checked")
        .prints("orchestrator is cut off from Stock for 1 s (declared at features/sample.feature:")
        .prints("Stock corrupts its replies (declared at features/sample.feature:")
        .prints("12 scenarios (12 failed)");
}

#[test]
fn assertion_on_a_running_workflow_fails() {
    Package::new(
        r#"Feature: F
  Scenario: S
    Given a service "A"
    And "A.x" takes 1 s
    And the workflow:
      """json
      {"id": "w", "steps": [{"id": "a", "service": "A", "operation": "x"}]}
      """
    When the workflow starts
    Then the workflow completes
"#,
    )
    .run(&[])
    .exits(1)
    .prints("the workflow is still running (w-1)");
}

#[test]
fn snapshot_is_compared_and_written_for_review_only_outside_ci() {
    let sample = |latency: &str| {
        format!(
            "Feature: F\n  Scenario: S\n    Given a service \"A\"\n    And \"A.x\" takes {latency}\n    And the workflow:\n      \"\"\"json\n      {{\"id\": \"w\", \"steps\": [{{\"id\": \"a\", \"service\": \"A\", \"operation\": \"x\"}}]}}\n      \"\"\"\n    When the workflow runs\n    Then the outcome matches the snapshot\n"
        )
    };
    let package = Package::new(&sample("10 ms"));
    package.run(&[]).exits(1).prints("there is no snapshot");
    let file = package.0.path().join("tests/snapshots/sample__s.snap");
    let pending = file.with_extension("snap.new");
    assert!(!file.exists() && !pending.exists());
    package
        .run_with(&[], &[("CI", "false"), ("INSTA_UPDATE", "new")])
        .exits(1);
    assert!(pending.exists());
    fs::rename(&pending, &file).unwrap();
    package.run(&[]).exits(0);
    let package = package.file("features/sample.feature", sample("20 ms").as_bytes());
    package
        .run(&[])
        .exits(1)
        .prints("- w-1 (w): completed in 10 ms")
        .prints("+ w-1 (w): completed in 20 ms");
}

#[test]
fn junit_report_is_written_beside_terminal_output() {
    let package = Package::new(
        "Feature: F\n  Scenario: Good\n    When 1 s passes\n  Scenario: Bad\n    Then the call succeeds\n",
    );
    package.run(&["--report", "junit=report.xml"]).exits(1);
    let report = fs::read_to_string(package.0.path().join("report.xml")).unwrap();
    assert!(
        report.contains("tests=\"2\"") && report.contains("failures=\"1\""),
        "{report}"
    );
    assert!(
        report.contains("no service was called directly"),
        "{report}"
    );
}

#[test]
fn scenarios_of_the_readme_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let scenarios: Vec<&str> = readme
        .split("```gherkin\n")
        .skip(1)
        .map(|block| block.split("```\n").next().unwrap())
        .collect();
    assert_eq!(scenarios.len(), 13);
    let has_python = Command::new("python3").arg("--version").output().is_ok();
    for scenario in scenarios {
        if scenario.contains("python3") && !has_python {
            eprintln!("skipped, since python3 is not installed:\n{scenario}");
            continue;
        }
        let feature = match scenario.contains("Feature:") {
            true => scenario.to_owned(),
            false => format!("Feature: README\n{scenario}"),
        };
        let package = Package::new(&feature);
        let file = package.0.path().join("features/sample.feature");
        run("cucumber", root, &["--input", file.to_str().unwrap()], &[])
            .exits(0)
            .prints("1 scenario (1 passed)");
    }
}

#[test]
fn output_does_not_depend_on_concurrency() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = |concurrency: &str| {
        let ran = run(
            "cucumber",
            root,
            &[
                "--verbose",
                "--tags",
                "not @wall-clock",
                "--concurrency",
                concurrency,
            ],
            &[],
        );
        let (output, real) = ran.out.rsplit_once(" virtual, ").unwrap();
        assert!(real.ends_with("s real\n"), "{real}");
        output.to_owned()
    };
    assert_eq!(output("1"), output("8"));
}

#[test]
fn process_that_cannot_be_killed_fails_with_the_reason() {
    const ORDER: &str = r#"
    Given a service "A"
    And the workflow:
      """json
      { "id": "w", "steps": [
        { "id": "one", "service": "A", "operation": "one" },
        { "id": "two", "service": "A", "operation": "two" } ] }
      """"#;
    const FILE: &str = "And the journal is kept in a file";
    const KILLED: &str = "When a process runs the workflow and is killed during step";
    Package::new(&format!(
        r#"Feature: Sample
  Scenario: In virtual time{ORDER}
    {FILE}
    {KILLED} "one"

  @wall-clock
  Scenario: Journal in memory{ORDER}
    {KILLED} "one"

  @wall-clock
  Scenario: Unknown step{ORDER}
    {FILE}
    {KILLED} "tow"

  @wall-clock
  Scenario: Step not reached{ORDER}
    {FILE}
    And "A.one" fails with "PERMANENT_ERROR"
    {KILLED} "two"

  @wall-clock
  Scenario: Refused{ORDER}
    {FILE}
    And the workflow:
      """json
      {{ "id": "w", "steps": [ {{ "id": "one", "service": "B", "operation": "one" }} ] }}
      """
    {KILLED} "one"
    Then the workflow is refused with "SERVICE_NOT_FOUND"
"#
    ))
    .run(&[])
    .exits(1)
    .prints("a process runs in real time: tag the scenario @wall-clock")
    .prints("add `Given the journal is kept in a file`")
    .prints("step \"tow\" does not exist in workflow \"w\": did you mean \"two\"?")
    .prints(
        "the workflow ended, rolled_back, before its process could be killed during step \"two\"",
    )
    .prints("✔ Refused");
}

/// Runs a feature in a package with the steps and services of `own_steps`.
fn run_own(feature: &str) -> Finished {
    let services = br#"{ "services": [
  { "name": "Ledger" }, { "name": "ConfigurationService" }, { "name": "Carrier" }
] }"#;
    let pattern = br#"{
  "services": "shop",
  "thresholds": {
    "responseTime": { "fast": "500ms", "acceptable": "1s", "slow": "2s", "timeout": "5s" },
    "interServiceLatency": "200ms", "successRate": 0.99, "errorRate": 0.01, "availability": 0.999,
    "concurrentRequests": 50
  },
  "communicationPatterns": [
    { "id": "delivery", "totalExpectedDuration": "1s", "communicationFlow": [{ "call": "Carrier.shipp" }] }
  ]
}"#;
    let package = Package::new("")
        .file("tests/data/own-steps/a.feature", feature.as_bytes())
        .file("fixtures/services/shop.json", services)
        .file("fixtures/patterns.json", pattern);
    run("own_steps", package.0.path(), &["--concurrency", "4"], &[])
}

#[test]
fn service_that_would_replace_another_silently_is_refused() {
    run_own(
        r#"Feature: F
  Scenario: Played by name
    Given a service "Ledger"

  Scenario: Played by a fixture
    Given the services from "shop"

  Scenario: Played by a definition
    Given a service "Ledger"
      """
      {}
      """

  Scenario: Played by a step in Rust
    Given a service Ledger of my own

  Scenario: Own twice
    Given another Ledger of my own

  Scenario: Own in place of a played one
    When "Ledger" is removed
    Given a service "Ledger"
    And another Ledger of my own

  Scenario: Own once more, after the first was removed
    Given a new Ledger of my own
    When "Ledger.post" is called
    Then the call succeeds
"#,
    )
    .exits(1)
    .prints("\"Ledger\" is registered as a service of your own, written in Rust, which a played one would replace: leave this out")
    .prints("\"Ledger\" is registered already as a service of your own, which this one would replace")
    .prints("\"Ledger\" is played already, which this one would replace: leave one of them out")
    .prints("remove the former before with `registry().remove(\"Ledger\")`")
    .prints("7 scenarios (1 passed, 6 failed)");
}

#[test]
fn typo_in_an_operation_of_an_own_service_is_found_wherever_it_is_named() {
    let places = [
        "Given \"Carrier.shipp\" takes 1 s",
        "Given \"Carrier.shipp\" fails with \"TOOL_ERROR\"",
        "Given \"Carrier.shipp\" is retried up to 2 times",
        "Given \"Carrier.shipp\" is not idempotent",
        "Given a bulkhead of 1 call on \"Carrier.shipp\"",
        "Given a circuit breaker on \"Carrier.shipp\" opening after 1 failure for 1 s",
        "Given \"Carrier.shipp\" handles \"OrderPlaced\"",
        "Given \"Carrier.shipp\" receives the callbacks",
        "Given the provider state \"x\" takes the calls:\n      | call | input |\n      | Carrier.shipp | {} |",
        "When \"Carrier.shipp\" is called",
        "Then \"Carrier.shipp\" is never executed",
        "Then \"Carrier.shipp\" received:\n      | path | value |\n      | | |",
    ];
    let scenarios = places.map(|place| format!("  Scenario: S\n    {place}\n"));
    let definitions = r#"
  Scenario: Pattern
    Given the communication pattern "delivery"

  Scenario: Contract
    Given the contract:
      """json
      { "service": "Carrier", "version": "1.0.0", "operations": [
        { "name": "shipp", "input": {}, "output": {}, "cases": [{ "name": "any", "input": {} }] } ] }
      """
    When the contract is verified
    Then the contract holds

  Scenario: Workflow
    Given the workflow:
      """json
      { "id": "w", "steps": [ { "id": "a", "service": "Carrier", "operation": "ship",
        "compensation": "shipp" } ] }
      """
    When the workflow runs
    Then the workflow completes
"#;
    let ran = run_own(&format!("Feature: F\n{}{definitions}", scenarios.concat()));
    let all = places.len() + 3;
    ran.exits(1)
        .prints(&format!("{all} scenarios ({all} failed)"));
    let told = "operation \"Carrier.shipp\" does not exist: did you mean \"ship\"?";
    assert_eq!(ran.out.matches(told).count(), all, "{}", ran.out);
}

#[test]
fn own_code_that_needs_real_time_says_so() {
    run_own(
        r#"Feature: F
  Scenario: A service that waits for a thread
    When "Carrier.dial" is called
    Then the call succeeds

  Scenario: A workflow that waits for it
    Given the workflow:
      """json
      { "id": "w", "deadline": "1s", "steps": [ { "id": "a", "service": "Carrier", "operation": "dial" } ] }
      """
    When the workflow runs
    Then the workflow completes

  @wall-clock
  Scenario: The same in real time
    When "Carrier.dial" is called
    Then the call succeeds

  Scenario: A latency that is longer than the timeout
    Given "Carrier.ship" takes 40 s
    When "Carrier.ship" is called
    Then the failure has:
      | path     | value                              |
      | /message | no answer within 30 s, the default |

  Scenario: A service that blocks
    When "Carrier.block" is called
    Then the call succeeds

  Scenario: A step that waits for the network
    When the network answers within a second
"#,
    )
    .exits(1)
    .prints("TIMEOUT from Carrier.dial: no answer within 30 s, the default; Carrier is a service of your own, and virtual time passes as soon as nothing else is due: if it waits for real I/O or for another thread, tag the scenario @wall-clock")
    .prints("WORKFLOW_TIMEOUT from Carrier.dial: the workflow's deadline passed; Carrier is a service of your own")
    .prints("✔ The same in real time\n")
    .prints("✔ A latency that is longer than the timeout")
    .prints("✔ A service that blocks (0 ms)\n    warning: \"When \"Carrier.block\" is called\" (line 27) blocks its thread for more than 1.5 s of real time, in which virtual time stands still")
    .prints("Elapsed(())\n      virtual time passes as soon as nothing else is due: if it waits for real I/O")
    .prints("6 scenarios (3 passed, 3 failed)");
}

#[test]
fn status_that_does_not_hold_names_the_phrases_that_fit() {
    let scenario = |then: &str, service: &str| {
        format!(
            "Feature: F
  Scenario: S
    Given a service \"A\"
    And \"A.x\" fails with \"OUT_OF_STOCK\"
    And the workflow:
      \"\"\"
      {{ \"id\": \"w\", \"steps\": [{{ \"id\": \"s\", \"service\": \"{service}\", \"operation\": \"x\" }}] }}
      \"\"\"
    When the workflow runs
    Then the workflow {then}
"
        )
    };
    let fitting = "the run w-1 is rolled back
        first failure: OUT_OF_STOCK from A.x: scripted failure
        what fits: Then the workflow is rolled back
                   And the error is \"OUT_OF_STOCK\" from \"A.x\"\n";
    for then in ["fails with \"OUT_OF_STOCK\"", "fails", "completes"] {
        let package = Package::new(&scenario(then, "A"));
        package.run(&[]).exits(1).prints(fitting);
    }
    Package::new(&scenario("is rolled back", "B"))
        .run(&[])
        .exits(1)
        .prints("what fits: Then the workflow is refused with \"SERVICE_NOT_FOUND\"\n");
}

#[test]
fn error_of_an_own_step_or_hook_is_told_with_its_sources() {
    let told = "no stock list
        caused by: stock.csv, line 3
        caused by: invalid digit found in string\n";
    for (tag, step) in [
        ("@x", "the stock list is read"),
        ("@unreadable", "two of us"),
    ] {
        let text = format!("Feature: F\n  {tag}\n  Scenario: S\n    Given {step}\n");
        let package = Package::new("").file("tests/data/own-steps/a.feature", text.as_bytes());
        run("own_steps", package.0.path(), &[], &[])
            .exits(1)
            .prints(told);
    }
}

/// Scenarios about programs of the user's own.
#[cfg(all(unix, feature = "http"))]
mod systems {
    use super::Package;

    fn feature(tags: &str, given: &str, rest: &str) -> String {
        format!(
            "Feature: F
  {tags}
  Scenario: S
    Given a service \"Payments\"
    And the services are served over HTTP
    And the system \"orders\"
      \"\"\"
      {given}
      \"\"\"
{rest}"
        )
    }

    fn starting(definition: &str, rest: &str) -> super::Finished {
        let rest = format!("    When the system \"orders\" starts\n{rest}");
        Package::new(&feature("@wall-clock", definition, &rest)).run(&[])
    }

    #[test]
    fn system_that_cannot_be_started_fails_with_its_last_words() {
        for (definition, expected) in [
            (
                r#"{ "command": ["sh", "-c", "echo no database >&2; exit 4"], "ready": "port" }"#,
                "the system \"orders\" has ended before it was ready, with status 4\n        no database\n",
            ),
            (
                r#"{ "command": ["no-such-program"] }"#,
                "the system \"orders\" cannot be started: \"no-such-program\": ",
            ),
            (
                r#"{ "command": ["sh", "-c", "echo still thinking; sleep 60"], "ready": "port", "within": "300ms" }"#,
                "the system \"orders\" is not ready within 300 ms\n        still thinking\n",
            ),
            (
                r#"{ "command": ["sleep", "60"], "once": true, "within": "200ms" }"#,
                "the system \"orders\" is not at its end within 200 ms",
            ),
            (
                r#"{ "command": ["sleep", "60"], "cwd": "nowhere" }"#,
                "the system \"orders\" cannot be started: \"sleep\": ",
            ),
        ] {
            starting(definition, "").exits(1).prints(expected);
        }
    }

    #[test]
    fn report_shows_what_a_system_wrote_as_it_wrote_it() {
        let traceback = "echo Traceback; echo '  in line 7'; exit 4";
        let definition =
            format!(r#"{{ "command": ["sh", "-c", "{traceback}"], "ready": "port" }}"#);
        starting(&definition, "")
            .exits(1)
            .prints("with status 4\n        Traceback\n          in line 7\n")
            .prints("orders: Traceback\n        orders:   in line 7\n");
    }

    #[test]
    fn system_that_cannot_be_started_was_not_started() {
        let finished = starting(r#"{ "command": ["no-such-program"] }"#, "");
        assert!(!finished.out.contains("system_started"), "{}", finished.out);
    }

    #[test]
    fn faulty_system_is_refused_where_it_is_declared() {
        for (definition, expected) in [
            (
                r#"{ "command": [] }"#,
                "at /command: it needs a program to run",
            ),
            (
                r#"{ "command": ["a", "${/services/Paymnets}"] }"#,
                "no service \"Paymnets\" is served: did you mean \"Payments\"?",
            ),
            (
                r#"{ "command": ["a"], "env": { "A": "${/prot}" } }"#,
                "did you mean \"port\"?",
            ),
            (
                r#"{ "command": ["a"], "redy": "port" }"#,
                "did you mean \"ready\"?",
            ),
            (
                r#"{ "command": ["a"], "ready": "GTE /" }"#,
                "did you mean \"GET\"?",
            ),
            (r#"{ "command": ["a"], "within": "soon" }"#, "/within"),
        ] {
            let feature = feature("@wall-clock", definition, "    When 1 ms passes\n");
            let package = Package::new(&feature);
            package
                .run(&[])
                .exits(1)
                .prints(expected)
                .prints("Given a service");
        }
        let rest = "    And the system \"orders\" is killed before \"Stock.reserve\" acts\n    When 1 ms passes\n";
        let text = feature("@wall-clock", r#"{ "command": ["a"] }"#, rest);
        Package::new(&text)
            .run(&[])
            .exits(1)
            .prints("service \"Stock\" does not exist");
        let text = text
            .replace("Stock.reserve", "Payments.charge")
            .replace("\"orders\" is", "\"order\" is");
        Package::new(&text)
            .run(&[])
            .exits(1)
            .prints("system \"order\" does not exist: did you mean \"orders\"?");
        let text = text
            .replace("    And the services are served over HTTP\n", "")
            .replace("\"order\" is", "\"orders\" is");
        Package::new(&text)
            .run(&[])
            .exits(1)
            .prints("Payments is not served, so no system reaches it");
    }

    #[test]
    fn scenario_with_a_system_needs_real_time() {
        let text = feature("@x", r#"{ "command": ["a"] }"#, "    When 1 ms passes\n");
        Package::new(&text)
            .run(&[])
            .exits(1)
            .prints("HTTP needs real time: tag the scenario @wall-clock");
    }

    #[test]
    fn system_that_dies_while_a_step_waits_fails_it_at_once() {
        let definition = r#"{ "command": ["sh", "-c", "sleep 0.3; echo out of memory; exit 9"] }"#;
        let started = std::time::Instant::now();
        starting(definition, "    And \"Payments.charge\" is reached 1 time\n")
            .exits(1)
            .prints("the system \"orders\" has ended although nothing asked for that, with status 9\n        out of memory\n")
            .prints("✘ And \"Payments.charge\" is reached 1 time")
            .prints("orders: out of memory");
        assert!(started.elapsed().as_secs() < 20);
    }

    #[test]
    fn declared_kill_that_is_never_reached_fails_the_scenario() {
        let definition = r#"{ "command": ["sleep", "60"] }"#;
        let given = "    And the system \"orders\" is killed after \"Payments.charge\" has acted\n";
        let rest = format!("{given}    When the system \"orders\" starts\n");
        Package::new(&feature("@wall-clock", definition, &rest))
            .run(&[])
            .exits(1)
            .prints("declared but never hit")
            .prints("the system orders is killed after Payments.charge");
    }

    /// The processes with this word among their arguments.
    fn processes(word: &str) -> usize {
        let Ok(all) = std::fs::read_dir("/proc") else {
            let all = std::process::Command::new("ps")
                .args(["-eo", "args"])
                .output();
            let all = String::from_utf8_lossy(&all.unwrap().stdout).into_owned();
            return all.lines().filter(|line| line.contains(word)).count();
        };
        let arguments = |entry: std::io::Result<std::fs::DirEntry>| {
            // One that has ended meanwhile has none.
            std::fs::read(entry.ok()?.path().join("cmdline")).ok()
        };
        let has_word = |arguments: &Vec<u8>| String::from_utf8_lossy(arguments).contains(word);
        all.filter_map(arguments).filter(has_word).count()
    }

    #[test]
    fn nothing_of_a_system_is_left_after_200_kills() {
        let word = format!("rehearsal-{}", std::process::id());
        let definition = format!(
            r#"{{ "command": ["sh", "-c", "sh -c 'sleep 600; : {word}' & sh -c 'sleep 600; : {word}' & echo up; wait"], "ready": "line up" }}"#
        );
        let kills = "    And the system \"orders\" restarts\n".repeat(200);
        starting(&definition, &kills).exits(0);
        assert_eq!(processes(&word), 0);
    }

    #[test]
    fn nothing_of_a_system_is_left_when_the_run_itself_is_killed() {
        let word = format!("killed-{}", std::process::id());
        let definition = format!(
            r#"{{ "command": ["sh", "-c", "sh -c 'sleep 600; : {word}' & echo up; wait"], "ready": "line up" }}"#
        );
        let rest = "    When the system \"orders\" starts\n    And \"Payments.charge\" is reached 1 time\n";
        let package = Package::new(&feature("@wall-clock", &definition, rest));
        let mut run = std::process::Command::new(&super::BINARIES["cucumber"])
            .current_dir(package.0.path())
            .env("CARGO_MANIFEST_DIR", package.0.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let until = |holds: &dyn Fn() -> bool| {
            let began = std::time::Instant::now();
            while !holds() {
                assert!(began.elapsed().as_secs() < 20, "it takes too long");
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        };
        until(&|| processes(&word) >= 2);
        run.kill().unwrap();
        run.wait().unwrap();
        until(&|| processes(&word) == 0);
    }

    #[test]
    fn scenarios_that_run_at_once_never_hear_each_other() {
        let rows: String = (0..200).map(|row| format!("      | {row} |\n")).collect();
        let text = format!(
            "Feature: F
  @wall-clock
  Scenario Outline: S <n>
    Given a service \"Payments\"
    And \"Payments.charge\" replies:
      \"\"\"
      {{ \"n\": <n> }}
      \"\"\"
    And the services are served over HTTP
    When \"Payments.charge\" is called over HTTP
    And \"Payments.charge\" is called over HTTP
    Then the reply is:
      \"\"\"
      {{ \"n\": <n> }}
      \"\"\"
    And \"Payments.charge\" is executed 2 times

    Examples:
      | n |
{rows}"
        );
        Package::new(&text)
            .run(&["--concurrency", "200"])
            .exits(0)
            .prints("200 scenarios (200 passed)");
    }
}
