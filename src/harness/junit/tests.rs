use super::*;
use crate::harness::{
    pickle::Pickle,
    tests::sample::{SampleAttempt, scenario, scenario_elsewhere, show, tagged},
};

fn report(attempts: &[SampleAttempt]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("junit.xml");
    show(&mut JUnit::new(&path).unwrap(), attempts);
    std::fs::read_to_string(path).unwrap()
}

fn names(pickles: Vec<Pickle>) -> Vec<String> {
    let attempts: Vec<SampleAttempt> = pickles
        .into_iter()
        .map(|pickle| SampleAttempt::passed(pickle, 0))
        .collect();
    report(&attempts)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("<testcase name=\""))
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

#[test]
fn report_has_a_suite_per_feature_and_a_case_per_scenario() {
    let attempts = [
        SampleAttempt::passed(scenario("an order ships", 3), 1_250)
            .log("WARN <slow>\n")
            .warning("it blocks"),
        SampleAttempt::stopped(
            scenario("a failure", 9),
            525,
            Status::Failed,
            "no & no\n- 1",
        )
        .events(14),
        SampleAttempt::stopped(tagged(scenario("to do", 15), "wip"), 0, Status::Pending, ""),
        SampleAttempt::passed(scenario_elsewhere(), 731),
    ];
    assert_eq!(
        report(&attempts),
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="rehearsal" tests="4" skipped="1" failures="1" errors="0" time="1.775">
    <testsuite name="features/orders.feature" tests="3" skipped="1" errors="0" failures="1" time="1.775">
        <testcase name="an order ships" classname="Orders" time="1.250">
            <properties>
                <property name="location" value="features/orders.feature:3"/>
                <property name="virtual time" value="1 s 250 ms"/>
            </properties>
            <system-out>warning: it blocks
WARN &lt;slow&gt;
</system-out>
        </testcase>
        <testcase name="a failure" classname="Orders" time="0.525">
            <properties>
                <property name="location" value="features/orders.feature:9"/>
                <property name="virtual time" value="525 ms"/>
            </properties>
            <failure message="no &amp; no" type="failed">When the workflow runs
at features/orders.feature:11
by steps/orders.rs:20:9

no &amp; no
- 1

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
1 s 300 ms  breaker_opened  Stock13</failure>
        </testcase>
        <testcase name="to do" classname="Orders" time="0.000">
            <properties>
                <property name="location" value="features/orders.feature:15"/>
                <property name="virtual time" value="0 ms"/>
            </properties>
            <skipped message="pending" type="pending"/>
        </testcase>
    </testsuite>
    <testsuite name="features/invoices.feature" tests="1" skipped="0" errors="0" failures="0" time="0.000">
        <testcase name="an invoice is sent" classname="Invoices">
            <properties>
                <property name="location" value="features/invoices.feature:2"/>
            </properties>
        </testcase>
    </testsuite>
</testsuites>
"#
    );
}

#[test]
fn case_fails_if_its_scenario_fails_the_run() {
    for (status, tag, failures) in [
        (Status::Undefined, "", 1),
        (Status::Ambiguous, "", 1),
        (Status::Pending, "", 1),
        (Status::Pending, "wip", 0),
        (Status::Skipped, "", 0),
    ] {
        let pickle = tagged(scenario("one", 3), tag);
        let text = report(&[SampleAttempt::stopped(pickle, 0, status, "why")]);
        let counted = format!("failures=\"{failures}\"");
        assert!(text.contains(&counted), "{status:?} {tag}\n{text}");
        assert!(text.contains("message=\"why\""), "{text}");
    }
}

#[test]
fn retried_attempts_are_reported_as_reruns() {
    let passed = SampleAttempt::passed(scenario("one", 3), 5);
    let text = report(&SampleAttempt::retried("failed try 1", passed));
    assert!(
        text.contains("tests=\"1\" skipped=\"0\" failures=\"0\""),
        "{text}"
    );
    assert!(
        text.contains("<flakyFailure time=\"0.005\" message=\"failed try 1\""),
        "{text}"
    );

    let failed = SampleAttempt::stopped(scenario("one", 3), 5, Status::Failed, "failed try 2");
    let text = report(&SampleAttempt::retried("failed try 1", failed));
    assert!(
        text.contains("tests=\"1\" skipped=\"0\" failures=\"1\""),
        "{text}"
    );
    assert!(text.contains("<failure message=\"failed try 1\""), "{text}");
    assert!(
        text.contains("<rerunFailure time=\"0.005\" message=\"failed try 2\""),
        "{text}"
    );
}

#[test]
fn cases_of_the_same_name_get_their_row_then_their_line() {
    let row = |name, line, row| {
        let mut pickle = scenario(name, line);
        pickle.row = Some(row);
        pickle
    };
    assert_eq!(
        names(vec![
            row("one", 5, 1),
            row("one", 6, 2),
            row("one of 3", 7, 1),
            scenario("two", 10),
            scenario("two", 20),
            row("three", 30, 1),
            row("three", 40, 1),
        ]),
        [
            "one (row 1)",
            "one (row 2)",
            "one of 3",
            "two (line 10)",
            "two (line 20)",
            "three (row 1) (line 30)",
            "three (row 1) (line 40)",
        ]
    );
}

#[test]
fn report_refuses_a_path_it_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing").join("junit.xml");
    let error = JUnit::new(&path).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains("junit.xml"), "{error}");
}
