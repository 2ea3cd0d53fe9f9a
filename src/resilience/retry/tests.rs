use proptest::prelude::*;
use serde_json::json;

use super::*;

fn delays(retry: &Retry) -> Vec<u64> {
    (0..retry.max_retries)
        .map(|k| retry.delay(k, Seed(0)).as_millis() as u64)
        .collect()
}

fn read(json: Value) -> Result<Retry, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[test]
fn presets_without_jitter_have_the_delays_of_their_conventions() {
    for (name, expected) in [
        ("none", &[][..]),
        ("coordination", &[100, 200]),
        ("request", &[2_000, 4_000, 8_000]),
        ("subscriber", &[1_000, 2_000]),
        ("reconnect", &[1_000, 2_000, 4_000, 8_000, 16_000]),
        ("constant", &[2_000, 2_000, 2_000]),
    ] {
        assert_eq!(delays(&Retry::preset(name).unwrap()), expected, "{name}");
    }
}

#[test]
fn presets_with_jitter_have_the_bounds_of_their_conventions() {
    for (name, expected) in [
        ("coordination-jittered", [(75, 125), (150, 250), (300, 500)]),
        ("worker", [(900, 1_100), (1_800, 2_200), (3_600, 4_400)]),
    ] {
        let retry = Retry::preset(name).unwrap();
        assert_eq!(retry.max_retries, 3);
        for (k, (least, most)) in (0..).zip(expected) {
            assert_eq!(
                retry.bounds(k),
                Duration::from_millis(least)..=Duration::from_millis(most),
                "{name}, retry {k}"
            );
        }
    }
}

#[test]
fn presets_are_valid_and_an_unknown_one_suggests_the_nearest() {
    for name in Retry::PRESETS {
        assert_eq!(Retry::preset(name).unwrap().check(), Ok(()), "{name}");
    }
    assert_eq!(
        Retry::preset("coordinaton").unwrap_err().to_string(),
        "faulty retry policy: no preset is called \"coordinaton\", did you mean \"coordination\"?"
    );
}

#[test]
fn jitter_stays_between_zero_and_the_cap() {
    let mut retry = Retry::preset("worker").unwrap();
    assert_eq!(
        retry.bounds(9),
        Duration::from_secs(27)..=Duration::from_secs(30)
    );
    retry.jitter = Jitter::PlusMinus(3.0);
    assert_eq!(retry.bounds(0), Duration::ZERO..=Duration::from_secs(4));
    retry.jitter = Jitter::Full;
    assert_eq!(retry.bounds(0), Duration::ZERO..=Duration::from_secs(1));
    retry.jitter = Jitter::Equal;
    assert_eq!(
        retry.bounds(0),
        Duration::from_millis(500)..=Duration::from_secs(1)
    );
}

#[test]
fn base_of_zero_has_delays_of_zero() {
    let retry = Retry {
        base: Duration::ZERO,
        ..Retry::up_to(u32::MAX)
    };
    assert_eq!(retry.delay(0, Seed(0)), Duration::ZERO);
    assert_eq!(retry.delay(u32::MAX, Seed(0)), Duration::ZERO);
}

#[test]
fn delay_depends_on_the_seed_and_the_retry() {
    let retry = Retry {
        multiplier: 1.0,
        base: Duration::from_secs(3_600),
        jitter: Jitter::Full,
        ..Retry::up_to(3)
    };
    let first = retry.delay(0, Seed(1));
    assert_eq!(first, retry.delay(0, Seed(1)));
    assert_ne!(first, retry.delay(0, Seed(2)));
    assert_ne!(first, retry.delay(1, Seed(1)));
}

#[test]
fn delays_of_a_seed_are_the_same_in_every_version() {
    let retry = Retry::preset("coordination-jittered").unwrap();
    assert_eq!(delays(&retry), [125, 162, 440]);
}

#[test]
fn table_overrides_its_preset_wherever_it_is() {
    let retry = Retry::none()
        .with_fields([
            ("maxRetries", "5"),
            ("jitter", "±20 %"),
            ("cap", "none"),
            ("preset", "worker"),
            ("multiplier", "1.5"),
        ])
        .unwrap();
    assert_eq!(
        retry,
        Retry {
            max_retries: 5,
            base: Duration::from_secs(1),
            multiplier: 1.5,
            cap: None,
            jitter: Jitter::PlusMinus(0.2),
            first_exponent: 0,
        }
    );
}

#[test]
fn faulty_field_is_refused_by_name() {
    for (field, value, message) in [
        (
            "maxRetry",
            "3",
            "at /maxRetry: unknown field `maxRetry`, expected one of `maxRetries`, `base`, \
             `multiplier`, `cap`, `jitter`, `firstExponent`; did you mean \"maxRetries\"?",
        ),
        (
            "preste",
            "worker",
            "at /preste: unknown field `preste`; did you mean \"preset\"?",
        ),
        (
            "maxRetries",
            "three",
            "at /maxRetries: invalid type: string \"three\", expected u32",
        ),
        (
            "maxRetries",
            "-1",
            "at /maxRetries: invalid value: integer `-1`, expected u32",
        ),
        (
            "base",
            "100",
            "at /base: invalid type: integer `100`, expected a duration such as \"150 ms\"",
        ),
        (
            "cap",
            "100",
            "at /cap: invalid type: integer `100`, expected a duration such as \"150 ms\"",
        ),
        (
            "base",
            "-1 s",
            "at /base: the duration \"-1 s\" is negative",
        ),
        (
            "multiplier",
            "-2",
            "at /multiplier: expected a finite number from 0, found -2",
        ),
        (
            "multiplier",
            "1e999",
            "at /multiplier: invalid type: string \"1e999\", expected f64",
        ),
        (
            "preset",
            "workr",
            "no preset is called \"workr\", did you mean \"worker\"?",
        ),
        (
            "preset",
            "7",
            "at /preset: expected a preset's name, found 7",
        ),
        (
            "jitter",
            "25",
            "at /jitter: expected \"none\", \"full\", \"equal\" or a share from ±0 % to ±1000 %, \
             such as \"±25 %\", found \"25\"",
        ),
    ] {
        let error = Retry::up_to(2).with_fields([(field, value)]).unwrap_err();
        assert_eq!(error.to_string(), format!("faulty retry policy: {message}"));
    }
}

#[test]
fn faulty_table_lists_all_causes() {
    let error = Retry::none()
        .with_fields([
            ("base", "1 s"),
            ("base", "2 s"),
            ("cap", "soonish"),
            ("x", "1"),
        ])
        .unwrap_err();
    let error = error.to_string();
    for violation in ["at /base: is given twice", "at /cap:", "at /x:"] {
        assert!(error.contains(violation), "{error}");
    }
}

#[test]
fn json_is_a_preset_or_an_object_of_fields() {
    assert_eq!(read(json!("worker")), Ok(Retry::preset("worker").unwrap()));
    assert_eq!(
        read(json!({"maxRetries": 1, "base": "1s", "preset": "worker", "cap": null})),
        Ok(Retry {
            max_retries: 1,
            cap: None,
            ..Retry::preset("worker").unwrap()
        })
    );
    assert_eq!(read(json!({"maxRetries": 2})), Ok(Retry::up_to(2)));
    for (json, message) in [
        (
            json!({"base": "1s"}),
            "faulty retry policy: it needs \"maxRetries\" or \"preset\"",
        ),
        (
            json!({"maxRetries": "3"}),
            "at /maxRetries: invalid type: string \"3\", expected u32",
        ),
        (
            json!({"maxRetries": 3, "bse": "1s"}),
            "did you mean \"base\"?",
        ),
        (json!("nothing"), "no preset is called \"nothing\""),
        (json!(3), "a preset's name, or an object of fields"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn serialized_policy_is_read_back_unchanged() {
    for name in Retry::PRESETS {
        let retry = Retry::preset(name).unwrap();
        assert_eq!(read(serde_json::to_value(retry).unwrap()), Ok(retry));
    }
}

#[test]
fn check_lists_all_causes() {
    let retry = Retry {
        multiplier: f64::NAN,
        jitter: Jitter::PlusMinus(-1.0),
        cap: Some(Duration::MAX),
        ..Retry::up_to(1)
    };
    assert_eq!(
        retry.check().unwrap_err().to_string(),
        "faulty retry policy: at /multiplier: expected a finite number from 0, found NaN; \
         at /jitter: expected a share from ±0 % to ±1000 %, found ±-100 %; \
         at /cap: is longer than 366 days"
    );
}

fn any_jitter() -> impl Strategy<Value = Jitter> {
    prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        any::<f64>().prop_map(Jitter::PlusMinus),
        Just(Jitter::PlusMinus(f64::NAN)),
        (0.0..10.0).prop_map(Jitter::PlusMinus),
    ]
}

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (0..100_000_u64).prop_map(Duration::from_millis),
        (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(s, n)| Duration::new(s, n)),
    ]
}

fn any_retry() -> impl Strategy<Value = Retry> {
    (
        any::<u32>(),
        any_duration(),
        prop_oneof![any::<f64>(), 0.0..4.0, Just(f64::NAN), Just(f64::INFINITY)],
        proptest::option::of(any_duration()),
        any_jitter(),
        prop_oneof![Just(0), any::<u32>()],
    )
        .prop_map(
            |(max_retries, base, multiplier, cap, jitter, first_exponent)| Retry {
                max_retries,
                base,
                multiplier,
                cap,
                jitter,
                first_exponent,
            },
        )
}

proptest! {
    #[test]
    fn delay_is_repeatable_and_within_its_bounds(
        retry in any_retry(),
        k in prop_oneof![0..8_u32, any::<u32>()],
        seed in any::<u64>(),
    ) {
        let bounds = retry.bounds(k);
        let delay = retry.delay(k, Seed(seed));
        prop_assert!(bounds.contains(&delay), "{:?} outside {:?}", delay, bounds);
        prop_assert!(*bounds.end() <= retry.cap.unwrap_or(MAX_DURATION).min(MAX_DURATION));
        prop_assert_eq!(delay.subsec_nanos() % 1_000_000, 0);
        prop_assert_eq!(delay, retry.delay(k, Seed(seed)));
    }

    #[test]
    fn delays_without_jitter_grow_up_to_the_cap(
        base in 0..10_000_u64,
        multiplier in 1.0..5.0,
        cap in proptest::option::of(0..100_000_u64),
        first_exponent in 0..4_u32,
    ) {
        let retry = Retry {
            base: Duration::from_millis(base),
            multiplier,
            cap: cap.map(Duration::from_millis),
            first_exponent,
            ..Retry::up_to(0)
        };
        let delays: Vec<_> = (0..100).map(|k| retry.delay(k, Seed(0))).collect();
        prop_assert!(delays.is_sorted());
        prop_assert!(delays.iter().all(|delay| *delay <= retry.cap.unwrap_or(MAX_DURATION)));
    }

    #[test]
    fn delay_without_jitter_follows_the_formula(
        base in 1..1_000_u64, k in 0..10_u32, first_exponent in 0..3_u32, factor in 1..4_u64,
    ) {
        let retry = Retry {
            base: Duration::from_millis(base),
            multiplier: factor as f64,
            first_exponent,
            ..Retry::up_to(0)
        };
        prop_assert_eq!(
            retry.delay(k, Seed(0)),
            Duration::from_millis(base * factor.pow(k + first_exponent)),
        );
    }
}
