//! `--dry-run`: what it finds without running anything, and what it leaves alone.

use super::*;

const DRY: &[&str] = &["--dry-run"];

fn dry(feature: &str) -> Finished {
    Package::new(feature).run(DRY)
}

impl Finished {
    #[track_caller]
    fn omits(&self, text: &str) -> &Self {
        let output = format!("{}\n{}", self.out, self.err);
        assert!(!output.contains(text), "unexpected: {text}\n{output}");
        self
    }
}

/// The names of all files below a folder.
fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path.display().to_string()),
        }
    }
    files.sort();
    files
}

#[test]
fn nothing_is_run_and_the_summary_says_so() {
    let ran = dry(r#"Feature: Sample
  Scenario: One that a run would fail
    Given a service "A"
    And "A.x" fails with "PERMANENT_ERROR"
    When 24 h pass
    And "A.x" is called
    Then the call succeeds

  @wip
  Scenario: One that is not finished
    When nobody knows what happens
"#);
    ran.exits(0)
        .prints("1 feature\n2 scenarios checked, none run (1 pending)\n")
        .omits("passed")
        .omits("virtual")
        .omits("One that");
    let verbose = Package::new(PASSING).run(&["--dry-run", "--verbose"]);
    verbose
        .exits(0)
        .prints("✔ One (checked)\n    ✔ Given a service \"A\"\n    ↷ When \"A.x\" is called");
}

#[test]
fn every_undefined_step_of_a_scenario_is_shown_with_the_nearest_phrase() {
    dry(r#"Feature: Sample
  Scenario: Two typos
    Given a service "A"
    When "A.x" is caled
    And "A.x" is called
    Then the call sucseeds
"#)
    .exits(1)
    .prints("? Two typos (undefined)")
    .prints("no definition for \"When \"A.x\" is caled\"")
    .prints("When {string} is removed")
    .prints("no definition for \"Then the call sucseeds\"")
    .prints("Then the call succeeds")
    .prints("features/sample.feature:2 --dry-run\n")
    .prints("1 scenario checked, none run (1 undefined)");
}

#[test]
fn services_and_operations_are_looked_up_in_every_kind_of_step() {
    let ran = dry(r#"Feature: Sample
  Background:
    Given a service "Orders"
      """json
      { "operations": { "place": {}, "cancel": {} } }
      """

  Scenario: Given
    Given "Orders.plcae" hangs
    When "Ordres.place" is called

  Scenario: When
    When "Orders.plcae" is called
    And "Ordres.place" is called 2 times at once

  Scenario: Then
    When "Orders.place" is called
    Then "Orders.cancle" is executed 1 time
    And "Ordres.place" received:
      | path | value |
      | /x   | 1     |

  Scenario: None
    When "Orders.place" is called
    Then "Orders.cancel" is executed 0 times
"#);
    ran.exits(1)
        .prints("✘ Given \"Orders.plcae\" hangs")
        .prints("operation \"Orders.plcae\" does not exist: did you mean \"place\"?\n      at features/sample.feature:13")
        .prints("service \"Ordres\" does not exist: did you mean \"Orders\"?\n      at features/sample.feature:14")
        .prints("operation \"Orders.cancle\" does not exist: did you mean \"cancel\"?")
        .prints("service \"Ordres\" does not exist: did you mean \"Orders\"?\n      at features/sample.feature:19")
        .prints("4 scenarios checked, none run (3 failed)");
    // What fails for lack of another step is not told as well.
    let reported = ran.out.matches("service \"Ordres\" does not exist").count();
    assert_eq!(reported, 2, "{}", ran.out);
}

const CAST: &str =
    r#"{ "services": [ { "name": "Orders", "operations": { "place": {}, "cancel": {} } } ] }"#;

#[test]
fn fixtures_workflows_references_and_crash_points_are_looked_up() {
    let feature = r#"Feature: Sample
  Scenario: Fixture
    Given the services from "shpo"

  Scenario: Workflow
    Given the workflow "odrer"

  Scenario: Reference
    Given the services from "shop"
    And the workflow:
      """json
      { "id": "w", "steps": [ { "id": "a", "service": "Orders", "operation": "place" },
        { "id": "b", "service": "Orders", "operation": "place", "input": "${/aa/x}" } ] }
      """

  Scenario: Crash
    Given the services from "shop"
    And the workflow "order"
    And the orchestrator crashes after step "palce"

  Scenario: Step
    Given a service "Orders"
      """json
      { "operations": { "put": {} } }
      """
    And the workflow "order"
    When the workflow runs

  Scenario: No workflow
    When the workflow runs

  Scenario: Refused as expected
    Given a service "Orders"
      """json
      { "operations": { "put": {} } }
      """
    And the workflow "order"
    When the workflow runs
    Then the workflow is refused with "OPERATION_NOT_FOUND"

  Scenario: Sound
    Given the services from "shop"
    And the workflow "order"
    And the orchestrator crashes after step "place"
    When the workflow runs
"#;
    let workflows = r#"{ "services": "shop", "workflows": [ { "id": "order", "totalExpectedDuration": "1s", "steps":
        [ { "id": "place", "service": "Orders", "operation": "place" } ] } ] }"#;
    let package = Package::new(feature)
        .file("fixtures/services/shop.json", CAST.as_bytes())
        .file("fixtures/workflows.json", workflows.as_bytes());
    let ran = package.run(DRY);
    ran.exits(1)
        .prints("did you mean \"shop\"?")
        .prints("did you mean \"order\"?")
        .prints("the workflow \"w\" is not valid")
        .prints("step \"palce\" does not exist in workflow \"order\": did you mean \"place\"?")
        .prints("operation \"Orders.place\" does not exist")
        .prints("no workflow is declared")
        .prints("8 scenarios checked, none run (6 failed)")
        .omits("✘ Refused as expected");
}

#[test]
fn given_that_needs_what_was_not_run_fails_nothing() {
    let ran = dry(r#"Feature: Sample
  Scenario: Defined again
    Given a service "A"
    And "A.x" fails 1 time with "PERMANENT_ERROR"
    When "A.x" is called
    Given a service "A"
    And "A.x" hangs
    When "A.x" is called
    Then the call succeeds

  Scenario: Without need
    Given a service "A"
    And "A.x" fails 1 time with "PERMANENT_ERROR"
    And a service "A"
"#);
    ran.exits(1)
        .prints("Not checked, as these may need what a dry run leaves out (Whens, hooks, steps of your own):\n  features/sample.feature:6  Given a service \"A\": ")
        .prints("✘ Without need (failed)")
        .prints("2 scenarios checked, none run (1 failed)");
}

#[test]
fn events_that_nothing_publishes_are_listed_with_the_wait_and_the_nearest_type() {
    let workflow = |id: &str, event: &str| {
        format!(
            r#"
    And the workflow:
      """json
      {{ "id": "{id}", "steps": [
        {{ "id": "place", "service": "Orders", "operation": "place" }},
        {{ "id": "pay", "wait": {{ "event": "{event}", "subject": "o-1" }} }} ] }}
      """
    When the workflow starts"#
        )
    };
    let started_by = r#"
    And the workflow:
      """json
      { "id": "started", "startedBy": { "event": "OrderPlaced" }, "steps": [ { "id": "a", "wait": "1s" } ] }
      """"#;
    let scenarios = [
        (
            "A typo",
            workflow("a", "PaymentReceived"),
            "When the event \"PaymentRecieved\" of \"o-1\" is published\n    Then the event \"PaymentReceived\" never reaches the bus",
        ),
        (
            "A phrase",
            workflow("b", "Paid"),
            "When the event \"Paid\" is published",
        ),
        (
            "A table",
            workflow("c", "Paid"),
            "When these events are published:\n      | event |\n      | Paid  |",
        ),
        (
            "A call",
            workflow("d", "Paid"),
            "When \"Outbox.store\" is called with:\n      \"\"\"json\n      { \"type\": \"Paid\" }\n      \"\"\"",
        ),
        (
            "A start",
            started_by.to_owned(),
            "When the event \"OrderPalced\" is published",
        ),
        (
            "A start that comes",
            started_by.to_owned(),
            "When the event \"OrderPlaced\" is published",
        ),
        (
            "Another is run",
            workflow("e", "Unheard"),
            "Then the workflow is refused with \"UNKNOWN_EVENT_TYPE\"",
        ),
    ];
    let mut feature = "Feature: Sample\n".to_owned();
    for (name, workflow, then) in scenarios {
        let types = match name {
            "Another is run" => "\n    And the event types are:\n      | Heard |",
            _ => "",
        };
        feature += &format!(
            "  Scenario: {name}\n    Given a service \"Orders\"{types}{workflow}\n    {then}\n\n"
        );
    }
    let ran = dry(&feature);
    ran.exits(0).prints(
        "Event types that nothing in their scenarios publishes:\n  \
         features/sample.feature:4  the workflow \"a\": step \"pay\" waits for the event \"PaymentReceived\" of \"o-1\" \
         (at /steps/1/wait/event); no \"PaymentReceived\" is published: did you mean \"PaymentRecieved\"?\n",
    );
    ran.prints(
        "the workflow \"started\" starts with the event \"OrderPlaced\" (at /startedBy/event); \
         no \"OrderPlaced\" is published: did you mean \"OrderPalced\"?\n\n",
    );
    assert_eq!(ran.out.matches(" is published: ").count(), 2, "{}", ran.out);
}

#[test]
fn events_of_aggregates_and_of_workflows_are_published() {
    let aggregate = r#"
    Given the aggregate:
      """json
      { "name": "Account", "events": { "Opened": [] }, "commands": { "Open": { "emits": [ { "event": "Opened" } ] } } }
      """
    When the command "Open" is sent to "a-1""#;
    let by_aggregate = r#"
    And the workflow:
      """json
      { "id": "w", "steps": [ { "id": "a", "wait": { "event": "Opened" } } ] }
      """
    When the workflow starts"#;
    let by_workflow = r#"
    And the workflow:
      """json
      { "id": "w", "steps": [
        { "id": "tell", "service": "Outbox", "operation": "store", "input": { "type": "Told" } },
        { "id": "hear", "wait": { "event": "Told" } } ] }
      """
    When the workflow runs"#;
    let feature = format!(
        "Feature: Sample\n  Scenario: Aggregate\n    Given a service \"A\"{by_aggregate}{aggregate}\n\n  \
         Scenario: Workflow\n    Given a service \"A\"{by_workflow}\n"
    );
    dry(&feature).exits(0).omits("Event types that nothing");
}

#[test]
fn scenery_that_nothing_names_is_listed() {
    let feature = r#"Feature: Sample
  Background:
    Given the services from "shop"
    And a service "Shared"

  Scenario: Unused
    Given a service "Idle"
    And a service "Used"
    And "Used.x" takes 2 s
    And "Used.y" takes 3 s
    And "Used.y" replies:
      """json
      { "n": 1 }
      """
    When "Used.x" is called

  Scenario: Of the background
    When "Shared.x" is called

  Scenario: By a workflow
    Given a service "A"
    And "A.pay" takes 1 s
    And "A.refund" takes 1 s
    And the workflow:
      """json
      { "id": "w", "steps": [ { "id": "s", "service": "A", "operation": "pay", "compensation": "refund" } ] }
      """
    When the workflow runs

  Scenario: By commands
    Given the aggregate:
      """json
      { "name": "Account", "events": { "Opened": [] }, "commands": { "Open": { "emits": [ { "event": "Opened" } ] } } }
      """
    And "EventStore.append" takes 10 ms
    When the command "Open" is sent to "a-1"
"#;
    let package = Package::new(feature).file("fixtures/services/shop.json", CAST.as_bytes());
    let listed = "Services, latencies and replies that nothing in their scenarios names:\n";
    package.run(DRY).exits(0).prints(&format!(
        "{listed}  features/sample.feature:3  Given the services from \"shop\"
  features/sample.feature:7  Given a service \"Idle\"
  features/sample.feature:10  And \"Used.y\" takes 3 s
  features/sample.feature:11  And \"Used.y\" replies:\n\n"
    ));
    // The other scenarios share the background.
    let one = package.run(&["--dry-run", "features/sample.feature:6"]);
    one.exits(0).omits(listed);
}

#[test]
fn fixtures_steps_and_snapshots_of_no_scenario_are_listed_for_a_whole_suite() {
    let feature = r#"Feature: Sample
  @one
  Scenario: One
    Given the services from "shop"
    And the workflow "parent"
    When the workflow runs
    Then the outcome matches the snapshot

  @wip
  Scenario: Two
    Given the services from "later"
    And "Emma" is in the basket
    Then the timeline matches the snapshot
"#;
    let service = |name: &str| format!(r#"{{ "services": [ {{ "name": "{name}" }} ] }}"#);
    let calls = r#"{ "id": "s", "service": "Orders", "operation": "place" }"#;
    let workflows = |id: &str, step: &str| {
        format!(
            r#"{{ "workflows": [ {{ "id": "{id}", "totalExpectedDuration": "1s", "steps": [ {step} ] }} ] }}"#
        )
    };
    let parent = workflows("parent", r#"{ "id": "s", "workflow": "child" }"#);
    let checked = r#"{ "services": "checked", "workflows": [ { "id": "other", "totalExpectedDuration": "1s", "steps": [ { "id": "s", "service": "X", "operation": "x" } ] } ] }"#;
    let snapshot = |source: &str| format!("---\nsource: {source}\nexpression: x\n---\nx\n");
    let own = snapshot("tests/data/own-steps/sample.feature");
    let package = Package(tempfile::tempdir().unwrap())
        .file("tests/data/own-steps/sample.feature", feature.as_bytes())
        .file("fixtures/services/shop.json", CAST.as_bytes())
        .file("fixtures/services/later.json", service("L").as_bytes())
        .file("fixtures/services/idle.json", service("I").as_bytes())
        .file("fixtures/services/checked.json", service("X").as_bytes())
        .file("fixtures/parent.json", parent.as_bytes())
        .file("fixtures/child.json", workflows("child", calls).as_bytes())
        .file("fixtures/orders/other.json", checked.as_bytes())
        .file("fixtures/data.json", b"[1, 2]")
        .file("tests/snapshots/sample__one.snap", own.as_bytes())
        .file("tests/snapshots/sample__gone.snap", own.as_bytes())
        .file(
            "tests/snapshots/rust__test.snap",
            snapshot("tests/rust.rs").as_bytes(),
        );
    let ran = run("own_steps", package.0.path(), DRY, &[]);
    ran.exits(0)
        .prints("Fixtures that no scenario loads:\n  fixtures/orders/other.json\n  fixtures/services/idle.json\n\n")
        .prints("Steps of your own that no scenario uses:\n  tests/own_steps.rs:")
        .prints("Given a service {word} of my own\n")
        .omits("is in the basket")
        .prints("Snapshots that are not there yet:\n  tests/data/own-steps/sample.feature:13  tests/snapshots/sample__two__timeline.snap\n")
        .prints("Snapshots that no scenario has:\n  tests/snapshots/sample__gone.snap\n\n")
        .omits("listed when the whole suite is checked");
    let part = run(
        "own_steps",
        package.0.path(),
        &["--dry-run", "--tags", "@one"],
        &[],
    );
    part.exits(0)
        .omits("Fixtures that no")
        .omits("that no scenario uses")
        .omits("that no scenario has")
        .prints("Fixtures, steps of your own and snapshots that nothing uses are listed when the whole suite is checked\n");
}

#[test]
fn nothing_is_written_and_no_program_is_started() {
    let feature = r#"Feature: Sample
  Scenario: Snapshot
    Given a service "A"
    And the workflow:
      """json
      { "id": "w", "steps": [ { "id": "a", "service": "A", "operation": "x" } ] }
      """
    And the journal is kept in a file
    And the audit trail is kept in "audit.jsonl"
    And the audit trail cannot be written
    When the workflow runs
    Then the outcome matches the snapshot

  @wall-clock
  Scenario: Program
    Given a service "A"
    And the services are served over HTTP
    And the system "touch":
      """json
      { "command": ["touch", "started"], "once": true }
      """
    And the system "touch" is killed before "A.x" acts
    When the system "touch" starts
    Then the system "touch" has ended with 0
"#
    .replace("system \"touch\":", "system \"touch\"");
    let package = Package::new(&feature);
    let before = files_below(package.0.path());
    // No folder of a scenario can be created there, not even one that is removed at its end.
    let environment = [("INSTA_UPDATE", "always"), ("TMPDIR", "/nowhere")];
    package
        .run_with(DRY, &environment)
        .exits(0)
        .prints("features/sample.feature:12  tests/snapshots/sample__snapshot.snap\n")
        .prints("2 scenarios checked, none run\n");
    assert_eq!(files_below(package.0.path()), before);
}

#[test]
fn snapshot_of_two_scenarios_is_refused() {
    dry(r#"Feature: Sample
  Scenario: A one
    When 1 s passes
    Then the timeline matches the snapshot

  Scenario: a one!
    When 1 s passes
    Then the timeline matches the snapshot
"#)
    .exits(1)
    .prints("belongs to 2 scenarios")
    .prints("2 scenarios checked, none run (2 failed)");
}

#[test]
fn hooks_and_own_steps_are_not_run_and_what_they_may_declare_fails_nothing() {
    let feature = r#"Feature: Sample
  @unreadable @inventory @cleared
  Scenario: Hooks that fail
    Given a service "A"
    When "A.x" is called

  Scenario: An own Given that fails
    Given the stock list is read
    And a service Clock of my own
    And "Clock.tick" takes 2 s
    When "Clock.tick" is called

  Scenario: A service of the suite
    When "Ledger.post" is called
    And "Carrier.ship" is called

  Scenario: A service of the suite, mistyped
    When "Carrier.shpi" is called

  Scenario: Two definitions
    When "Ledger.post" is called
    Then two definitions answer
"#;
    let package = Package(tempfile::tempdir().unwrap())
        .file("tests/data/own-steps/sample.feature", feature.as_bytes());
    run("own_steps", package.0.path(), DRY, &[])
        .exits(1)
        .omits("✘ Hooks")
        .omits("✘ An own")
        .prints("sample.feature:10  And \"Clock.tick\" takes 2 s: service \"Clock\" does not exist")
        .prints(
            "sample.feature:11  When \"Clock.tick\" is called: service \"Clock\" does not exist",
        )
        .prints("operation \"Carrier.shpi\" does not exist: did you mean \"ship\"?")
        .prints("more than one definition for \"Then two definitions answer\"")
        .prints("5 scenarios checked, none run (1 failed, 1 ambiguous)");
}

#[test]
fn request_to_what_does_not_exist_is_listed() {
    dry(r#"Feature: Sample
  Scenario: One
    Given a service "Reports"
    When a request is sent to "Report.build"
"#)
    .exits(0)
    .prints("answered by an error:\n  features/sample.feature:4  When a request is sent to \"Report.build\": service \"Report\" does not exist: did you mean \"Reports\"?\n");
}

#[test]
fn dry_run_refuses_a_report_and_an_early_end_and_its_help_says_what_is_not_run() {
    let package = Package::new(PASSING);
    package
        .run(&["--dry-run", "--report", "junit=a.xml"])
        .exits(2)
        .prints("cannot be used with");
    // It shows all problems there are, in the same order each time.
    package
        .run(&["--dry-run", "--fail-fast"])
        .exits(2)
        .prints("cannot be used with");
    package
        .run(&["--help"])
        .exits(0)
        .prints("Check the scenarios without running them")
        .prints("Hooks and");
    package.run(&["--dry-run", "--tags", "@nobody"]).exits(2);
    package.run(&["--dry-run", "--input", "nowhere"]).exits(2);
}

#[test]
fn problem_is_not_retried() {
    let package = Package::new("Feature: Sample\n  Scenario: One\n    When \"A.x\" is called\n");
    package
        .run(&["--dry-run", "--retry", "2"])
        .exits(1)
        .omits("retried")
        .prints("1 scenario checked, none run (1 failed)");
}

#[test]
fn output_is_the_same_at_any_concurrency() {
    let mut feature = "Feature: Sample\n".to_owned();
    for number in 0..40 {
        feature += &format!(
            "  Scenario: {number}\n    Given a service \"S{number}\"\n    When \"A.x{number}\" is called\n\n"
        );
    }
    let package = Package::new(&feature);
    let output = |concurrency: &str| {
        let ran = package.run(&["--dry-run", "--concurrency", concurrency]);
        let (rest, _) = ran.exits(1).out.trim_end().rsplit_once('\n').unwrap();
        rest.to_owned()
    };
    let one = output("1");
    assert_eq!(one, output("8"));
    assert!(one.contains("40 scenarios checked, none run (40 failed)"));
}

#[test]
fn program_checks_features_without_a_rust_project() {
    let package = Package::new(PASSING);
    let Output { status, stdout, .. } = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .args(["run", "--dry-run"])
        .current_dir(package.0.path())
        .env_remove("CARGO_MANIFEST_DIR")
        .output()
        .unwrap();
    let out = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{out}");
    assert!(out.contains("2 scenarios checked, none run\n"), "{out}");
}

/// No false alarm in more than a thousand scenarios, of which a run passes all.
#[test]
fn own_features_have_no_problem() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = run("cucumber", root, DRY, &[]);
    ran.exits(0).prints("scenarios checked, none run\n");
}
