use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::{FailureMode, code, from_json};

fn read(policy: &Value) -> Result<Retries, String> {
    from_json(&policy.to_string(), "w.json", 1).map_err(|error| error.to_string())
}

fn refusal(policy: &Value) -> String {
    read(policy).expect_err("it is refused")
}

fn delays(policy: &Retries, codes: &[&str]) -> Vec<Option<u128>> {
    let mut retrying = policy.begin();
    let delays = codes.iter().map(|code| {
        let delay = retrying.next_delay(&Failure::new(code, "no"), |_| Seed(0));
        delay.map(|delay| delay.as_millis())
    });
    delays.collect()
}

#[test]
fn retriers_count_their_own_retries() {
    let policy = json!([
        {"codes": ["A", "B"], "maxRetries": 2, "base": "1s", "multiplier": 2},
        {"codes": ["C"], "maxRetries": 2, "base": "5s"},
    ]);
    let policy = read(&policy).unwrap();
    let waits = [Some(1000), Some(2000), Some(5000), None];
    assert_eq!(delays(&policy, &["A", "B", "C", "B"]), waits);
    let waits = [Some(5000), Some(10_000), None, Some(1000)];
    assert_eq!(delays(&policy, &["C", "C", "C", "A"]), waits);
    assert_eq!(delays(&policy, &[code::TIMEOUT]), [None]);
    assert_eq!(delays(&policy.up_to(1), &["A", "C", "B"])[2], None);
}

#[test]
fn policy_without_retriers_retries_retryable_failures() {
    let policy = read(&json!("coordination")).unwrap();
    assert_eq!(policy, Retry::preset("coordination").unwrap().into());
    assert_eq!(delays(&policy, &["A", "VALIDATION_FAILED"]), [None, None]);
    let waits = [Some(100), Some(200), None];
    assert_eq!(
        delays(&policy, &["TIMEOUT", "RATE_LIMITED", "TIMEOUT"]),
        waits
    );
}

#[test]
fn terminal_failure_is_not_retried_though_a_retrier_names_its_code() {
    let policy = read(&json!([{"codes": ["A"], "maxRetries": 1}])).unwrap();
    let mut failure = Failure::new("A", "declared by its service");
    failure.mode = FailureMode::PolicySecurity;
    assert_eq!(policy.begin().next_delay(&failure, |_| Seed(0)), None);
}

#[test]
fn serialized_policy_is_read_back_unchanged() {
    for policy in [
        json!("worker"),
        json!({"maxRetries": 2, "jitter": "full"}),
        json!([{"codes": ["A", "B"], "preset": "worker", "maxRetries": 9}, {"codes": ["C"], "maxRetries": 0}]),
    ] {
        let policy = read(&policy).unwrap();
        assert_eq!(read(&serde_json::to_value(&policy).unwrap()), Ok(policy));
    }
}

#[test]
fn faulty_policy_is_refused_with_its_pointer() {
    for (policy, expected) in [
        (json!([]), "an empty list retries nothing"),
        (
            json!(3),
            "expected a retry policy: a preset's name, an object of fields, or a list of retriers",
        ),
        (json!("coordinaton"), "did you mean \"coordination\"?"),
        (
            json!({"codes": ["A"], "maxRetries": 1}),
            "at /codes: unknown field `codes`, expected one of",
        ),
        (
            json!([{"codes": ["A"], "maxRetries": 1}, {"maxRetries": 1}]),
            "at /1: faulty retrier: at /codes: it names no code",
        ),
        (
            json!([{"codes": [], "maxRetries": 1}]),
            "at /codes: it names no code",
        ),
        (
            json!([{"codes": ["A"]}]),
            "faulty retrier: it needs \"maxRetries\" or \"preset\"",
        ),
        (
            json!([{"code": ["A"], "maxRetries": 1}]),
            "did you mean \"codes\"?",
        ),
        (
            json!([{"codes": 1, "maxRetries": 1}]),
            "at /codes: expected codes such as",
        ),
        (
            json!([{"codes": ["A", 1], "maxRetries": 1}]),
            "at /codes: expected codes such as",
        ),
        (
            json!([{"codes": ["a b"], "maxRetries": 1}]),
            "at /codes: \"a b\" is not a valid code",
        ),
        (
            json!([{"codes": ["A"], "maxRetries": -1}]),
            "at /maxRetries: invalid value: integer `-1`, expected u32",
        ),
        (
            json!([{"codes": ["UNAUTHENTICATED"], "maxRetries": 1}]),
            "can never be worth a retry",
        ),
        (
            json!([{"codes": ["WORKFLOW_TIMEOUT"], "maxRetries": 1}]),
            "can never be worth a retry",
        ),
    ] {
        let refusal = refusal(&policy);
        assert!(refusal.contains(expected), "{policy}: {refusal}");
    }
}

#[test]
fn retrier_is_read_from_a_table_row() {
    let row = [("base", "1 s"), ("codes", "A , B"), ("preset", "constant")];
    let retrier = Retrier::from_fields(row).unwrap();
    assert!(retrier.handles("A") && retrier.handles("B") && !retrier.handles("C"));
    assert_eq!(retrier.retry.base, Duration::from_secs(1));
    assert_eq!(retrier.retry.max_retries, 3);
    for (row, expected) in [
        (
            [("codes", "A,,B"), ("maxRetries", "1")],
            "at /codes: \"\" is not a valid code",
        ),
        (
            [("codes", "A"), ("base", "1 s")],
            "it needs \"maxRetries\" or \"preset\"",
        ),
        (
            [("codes", "A"), ("codes", "B")],
            "at /codes: is given twice",
        ),
    ] {
        let error = Retrier::from_fields(row).unwrap_err().to_string();
        assert!(error.contains(expected), "{row:?}: {error}");
    }
}

proptest! {
    #[test]
    fn retries_of_a_code_are_limited_by_its_retrier(
        counts in prop::collection::vec(0_u32..4, 3),
        codes in prop::collection::vec(0_usize..4, 0..40),
    ) {
        let names = ["A", "B", "C", "D"];
        let policy: Retries = counts.iter().zip(names).map(|(count, code)| Retrier {
            codes: [code.into()].into_iter().collect(),
            retry: Retry::up_to(*count),
        }).collect();
        let asked: Vec<_> = codes.iter().map(|code| names[*code]).collect();
        let taken = delays(&policy, &asked);
        for (place, code) in names.iter().enumerate() {
            let met = asked.iter().filter(|asked| *asked == code).count();
            let retried = asked.iter().zip(&taken).filter(|(asked, delay)| *asked == code && delay.is_some()).count();
            let most = counts.get(place).copied().unwrap_or(0) as usize;
            prop_assert_eq!(retried, met.min(most));
        }
    }
}
