use std::sync::Mutex;

use super::*;
use crate::harness::{
    events::StepReport,
    tests::sample::{
        SampleAttempt, scenario, scenario_elsewhere, scenario_with_arguments, show, tagged,
    },
};

/// Collects what is written. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    pub fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn plain() -> TerminalOptions {
    TerminalOptions {
        color: false,
        verbose: false,
        quiet: false,
        reproduce: "cargo test --test cucumber --".to_owned(),
    }
}

fn shown(options: TerminalOptions, attempts: &[SampleAttempt]) -> String {
    let screen = Screen::default();
    show(
        &mut Terminal::new(Box::new(screen.clone()), options),
        attempts,
    );
    screen.take()
}

#[test]
fn passed_scenario_takes_one_line() {
    let mut ruled = scenario("an order of two ships", 20);
    ruled.rule = Some("Paid orders ship".into());
    let attempts = [
        SampleAttempt::passed(scenario("an order ships", 3), 8_040_000),
        SampleAttempt::passed(ruled, 0),
        SampleAttempt::passed(scenario_elsewhere(), 731),
    ];
    assert_eq!(
        shown(plain(), &attempts),
        "\
Feature: Orders features/orders.feature
  ✔ an order ships (2 h 14 min)
  Rule: Paid orders ship
    ✔ an order of two ships (0 ms)

Feature: Invoices features/invoices.feature
  ✔ an invoice is sent

2 features
3 scenarios (3 passed)
9 steps (9 passed)
2 h 14 min virtual, 0.84 s real
"
    );
}

#[test]
fn verbose_shows_the_steps_of_passed_scenarios() {
    let options = TerminalOptions {
        verbose: true,
        ..plain()
    };
    assert_eq!(
        shown(
            options,
            &[SampleAttempt::passed(scenario("an order ships", 3), 525)]
        ),
        "\
Feature: Orders features/orders.feature
  ✔ an order ships (525 ms)
    ✔ Given a service \"Stock\"
    ✔ When the workflow runs
    ✔ Then the workflow completes

1 feature
1 scenario (1 passed)
3 steps (3 passed)
525 ms virtual, 0.84 s real
"
    );
}

#[test]
fn failed_scenario_shows_steps_message_timeline_and_log() {
    let pickle = scenario_with_arguments("an order ships", 3);
    let attempts = [SampleAttempt::stopped(
        pickle,
        1_250,
        Status::Failed,
        "it differs:\n- 1\n+ 2\n\nsorry",
    )
    .events(14)
    .log("WARN slow\nWARN slower\n")];
    assert_eq!(
        shown(plain(), &attempts),
        "\
Feature: Orders features/orders.feature
  ✘ an order ships (failed, 1 s 250 ms)
    ✔ Given a service \"Stock\"
    ✘ When the workflow runs
        | field | value |
        | sku   | a\\|b  |
        \"\"\"json
        {
          \"id\": 1

        }
        \"\"\"
    ↷ Then the workflow completes

      it differs:
      - 1
      + 2

      sorry
      at features/orders.feature:5
      by steps/orders.rs:20:9

      the last 12 of 14 events:
        200 ms      breaker_opened  Stock2
        300 ms      breaker_opened  Stock3
        400 ms      breaker_opened  Stock4
        500 ms      breaker_opened  Stock5
        600 ms      breaker_opened  Stock6
        700 ms      breaker_opened  Stock7
        800 ms      breaker_opened  Stock8
        900 ms      breaker_opened  Stock9
        1 s         breaker_opened  Stock10
        1 s 100 ms  breaker_opened  Stock11
        1 s 200 ms  breaker_opened  Stock12
        1 s 300 ms  breaker_opened  Stock13

      the log:
        WARN slow
        WARN slower

      reproduce it by:
        cargo test --test cucumber -- features/orders.feature:3 --seed 7

1 feature
1 scenario (1 failed)
3 steps (1 passed, 1 failed, 1 skipped)
1 s 250 ms virtual, 0.84 s real
"
    );
}

#[test]
fn failure_at_the_end_of_a_scenario_is_shown_as_such() {
    let mut pickle = scenario("an order ships", 3);
    pickle.uri = "features/my orders.feature".into();
    let mut at_end = SampleAttempt::passed(pickle, 0);
    at_end.status = Status::Failed;
    at_end.results.push(StepReport {
        message: Some("declared but never hit".to_owned()),
        ..StepReport::new(Status::Failed)
    });
    let text = shown(plain(), &[at_end]);
    let end = text.find("    ✔ Then").unwrap();
    assert_eq!(
        &text[end..],
        "    ✔ Then the workflow completes
    ✘ at the end of the scenario

      declared but never hit
      at features/my orders.feature:3

      reproduce it by:
        cargo test --test cucumber -- 'features/my orders.feature:3' --seed 7

1 feature
1 scenario (1 failed)
3 steps (3 passed)
0 ms virtual, 0.84 s real
"
    );
}

#[test]
fn unfinished_scenarios_show_their_status() {
    let wip = tagged(scenario("to do", 9), "wip");
    let mut untouched = SampleAttempt::stopped(wip, 0, Status::Pending, "");
    untouched.results.clear();
    let attempts = [
        SampleAttempt::stopped(scenario("new", 3), 0, Status::Undefined, "no such step"),
        untouched,
        SampleAttempt::stopped(scenario("later", 15), 0, Status::Skipped, "not on Tuesdays"),
        SampleAttempt::stopped(
            scenario("twice", 21),
            0,
            Status::Ambiguous,
            "two such steps",
        ),
        SampleAttempt::stopped(
            scenario("soon", 27),
            0,
            Status::Pending,
            "waits for the card",
        ),
    ];
    assert_eq!(
        shown(plain(), &attempts),
        "\
Feature: Orders features/orders.feature
  ? new (undefined)
    ✔ Given a service \"Stock\"
    ? When the workflow runs
    ↷ Then the workflow completes

      no such step
      at features/orders.feature:5

      reproduce it by:
        cargo test --test cucumber -- features/orders.feature:3 --seed 7

  … to do (pending)
    ↷ Given a service \"Stock\"
    ↷ When the workflow runs
    ↷ Then the workflow completes

  ↷ later (skipped)
    ✔ Given a service \"Stock\"
    ↷ When the workflow runs
    ↷ Then the workflow completes

      not on Tuesdays
      at features/orders.feature:17

  ≟ twice (ambiguous)
    ✔ Given a service \"Stock\"
    ≟ When the workflow runs
    ↷ Then the workflow completes

      two such steps
      at features/orders.feature:23

      reproduce it by:
        cargo test --test cucumber -- features/orders.feature:21 --seed 7

  … soon (pending)
    ✔ Given a service \"Stock\"
    … When the workflow runs
    ↷ Then the workflow completes

      waits for the card
      at features/orders.feature:29

Did not pass:
  features/orders.feature:3   new
  features/orders.feature:21  twice
  features/orders.feature:27  soon

1 feature
5 scenarios (1 undefined, 1 ambiguous, 2 pending, 1 skipped)
15 steps (4 passed, 1 undefined, 1 ambiguous, 1 pending, 8 skipped)
0 ms virtual, 0.84 s real
"
    );
}

#[test]
fn retried_attempt_is_shown_but_not_counted() {
    let passed = SampleAttempt::passed(scenario("an order ships", 3), 100);
    let attempts = SampleAttempt::retried("refused\nby the server", passed);
    assert_eq!(
        shown(plain(), &attempts),
        "\
Feature: Orders features/orders.feature
  ↻ attempt 1 of an order ships failed, retried
    refused
  ✔ an order ships (100 ms)

1 feature
1 scenario (1 passed)
3 steps (3 passed)
200 ms virtual, 0.84 s real
"
    );
}

#[test]
fn quiet_shows_only_failures_and_the_summary() {
    let options = TerminalOptions {
        quiet: true,
        ..plain()
    };
    let attempts = [
        SampleAttempt::passed(scenario("an order ships", 3), 10),
        SampleAttempt::stopped(scenario("a failure", 9), 10, Status::Failed, "no"),
    ];
    let text = shown(options, &attempts);
    assert!(!text.contains("an order ships"), "{text}");
    assert!(text.contains("✘ a failure (failed, 10 ms)"), "{text}");
    assert_eq!(
        shown(
            TerminalOptions {
                quiet: true,
                ..plain()
            },
            &attempts[..1]
        ),
        "1 feature\n1 scenario (1 passed)\n3 steps (3 passed)\n10 ms virtual, 0.84 s real\n"
    );
}

#[test]
fn empty_run_has_a_summary_of_zeros() {
    assert_eq!(
        shown(plain(), &[]),
        "0 features\n0 scenarios\n0 steps\n0 ms virtual, 0.84 s real\n"
    );
}

#[test]
fn colour_changes_only_escape_codes() {
    let attempts = || {
        [
            SampleAttempt::passed(scenario("an order ships", 3), 10),
            SampleAttempt::stopped(scenario("a failure", 9), 10, Status::Failed, "- 1\n+ 2")
                .events(2),
        ]
    };
    let options = TerminalOptions {
        color: true,
        ..plain()
    };
    let colored = shown(options, &attempts());
    assert!(
        colored.contains("\x1b[32m✔\x1b[0m an order ships"),
        "{colored:?}"
    );
    assert!(colored.contains("\x1b[31m- 1\x1b[0m"), "{colored:?}");
    let mut stripped = colored;
    for code in ["1", "32", "31", "33", "2", "0"] {
        stripped = stripped.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(stripped, shown(plain(), &attempts()));
}
