use serde_json::json;

use super::*;

fn read(json: Value) -> Result<BreakerPolicy, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

fn refusal<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let error = BreakerPolicy::default().with_fields(rows).unwrap_err();
    error.to_string()
}

#[test]
fn presets_have_the_values_of_their_conventions() {
    for (name, failures, seconds) in [
        ("default", 5, 60),
        ("agent-service", 10, 30),
        ("storage-service", 3, 120),
        ("external-api", 5, 30),
        ("coordination", 3, 5),
        ("coordination-fast", 2, 3),
    ] {
        let policy = BreakerPolicy::preset(name).unwrap();
        assert!(BreakerPolicy::PRESETS.contains(&name));
        assert_eq!(policy.failure_threshold, failures, "{name}");
        assert_eq!(policy.recovery, Duration::from_secs(seconds), "{name}");
        assert_eq!(policy.success_threshold, 2, "{name}");
        assert_eq!(policy.check(), Ok(()), "{name}");
    }
    assert_eq!(
        BreakerPolicy::preset("storage").unwrap_err().to_string(),
        "faulty circuit breaker: no preset is called \"storage\", there are: \"default\", \"agent-service\", \
         \"storage-service\", \"external-api\", \"coordination\", \"coordination-fast\""
    );
}

#[test]
fn table_sets_every_field() {
    let policy = BreakerPolicy::default()
        .with_fields([
            ("slidingWindowSize", "10 s"),
            ("minimumCalls", "5"),
            ("failureRateThreshold", "50 %"),
            ("slowCallDuration", "2 s"),
            ("slowCallRateThreshold", "75.5"),
            ("window", "rate"),
            ("failureThreshold", "4"),
            ("recovery", "0 ms"),
            ("successThreshold", "3"),
            ("permittedCalls", "2"),
            ("maxHalfOpenWait", "1 min"),
            ("fallback", r#"{"isValid": false}"#),
            ("failOn", "TIMEOUT, CONNECTION_RESET"),
            ("skipOn", r#"["RATE_LIMITED"]"#),
            ("preset", "coordination"),
        ])
        .unwrap();
    assert_eq!(
        policy,
        BreakerPolicy {
            window: WindowKind::Rate,
            failure_threshold: 4,
            recovery: Duration::ZERO,
            success_threshold: 3,
            permitted_calls: 2,
            max_half_open_wait: Some(Duration::from_secs(60)),
            failure_rate_threshold: Some(50.0),
            sliding_window_size: Some(WindowSize::Time(Duration::from_secs(10))),
            minimum_calls: Some(5),
            slow_call_duration: Some(Duration::from_secs(2)),
            slow_call_rate_threshold: Some(75.5),
            fail_on: Some(
                ["TIMEOUT".into(), "CONNECTION_RESET".into()]
                    .into_iter()
                    .collect()
            ),
            skip_on: Some(["RATE_LIMITED".into()].into_iter().collect()),
            fallback: Some(Arc::new(json!({"isValid": false}))),
        }
    );
    assert_eq!(read(serde_json::to_value(&policy).unwrap()), Ok(policy));
}

#[test]
fn json_is_a_preset_or_fields_that_override_one() {
    assert_eq!(read(json!({})), Ok(BreakerPolicy::default()));
    let coordination = BreakerPolicy::preset("coordination").unwrap();
    assert_eq!(read(json!("coordination")), Ok(coordination.clone()));
    assert_eq!(
        read(json!({"permittedCalls": 3, "preset": "coordination", "fallback": "later"})),
        Ok(BreakerPolicy {
            permitted_calls: 3,
            fallback: Some(Arc::new("later".into())),
            ..coordination
        })
    );
    let error = read(json!({"recovry": "1s"})).unwrap_err();
    assert!(
        error.contains("at /recovry: unknown field `recovry`, ")
            && error.ends_with("did you mean \"recovery\"?"),
        "{error}"
    );
}

#[test]
fn faulty_value_is_refused_with_what_was_expected() {
    for (field, value) in [
        ("window", "sliding"),
        ("failureThreshold", "-1"),
        ("failureThreshold", "0"),
        ("recovery", "5"),
        ("successThreshold", "0"),
        ("permittedCalls", "0"),
        ("maxHalfOpenWait", "-1 s"),
        ("failOn", "timeout"),
        ("skipOn", "[5]"),
    ] {
        let message = refusal([(field, value)]);
        assert!(message.contains(&format!("at /{field}: ")), "{message}");
        assert!(
            message.contains("expected") || message.contains("negative"),
            "{message}"
        );
    }
    for (field, value) in [
        ("failureRateThreshold", "0"),
        ("failureRateThreshold", "101 %"),
        ("failureRateThreshold", "NaN %"),
        ("slidingWindowSize", "many"),
        ("slidingWindowSize", "0"),
        ("slidingWindowSize", "0 s"),
        ("slidingWindowSize", "null"),
        ("minimumCalls", "0"),
        ("minimumCalls", "null"),
        ("slowCallDuration", "fast"),
        ("slowCallRateThreshold", "-5 %"),
    ] {
        let message = refusal([("window", "rate"), (field, value)]);
        assert!(message.contains(&format!("at /{field}: ")), "{message}");
        assert!(message.contains("expected"), "{message}");
    }
}

#[test]
fn settings_without_effect_are_all_refused() {
    assert_eq!(
        refusal([("slowCallDuration", "1 s"), ("minimumCalls", "5")]),
        "faulty circuit breaker: at /minimumCalls: needs \"window\" to be \"rate\"; \
         at /slowCallDuration: needs \"window\" to be \"rate\""
    );
    assert_eq!(
        refusal([("window", "rate"), ("slowCallRateThreshold", "50 %")]),
        "faulty circuit breaker: at /slowCallRateThreshold: needs \"slowCallDuration\""
    );
    assert_eq!(
        refusal([("failOn", "TIMEOUT"), ("skipOn", "TOOL_ERROR, TIMEOUT")]),
        "faulty circuit breaker: at /skipOn: TIMEOUT is in \"failOn\" too"
    );
    assert_eq!(
        refusal([("failOn", "[]")]),
        "faulty circuit breaker: at /failOn: it names no code"
    );
}
