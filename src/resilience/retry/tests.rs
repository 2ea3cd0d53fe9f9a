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
fn presets_without_jitter_wait_as_their_conventions_say() {
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
fn presets_with_jitter_stay_around_their_delays() {
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
fn every_preset_is_sound_and_an_unknown_one_is_named_with_the_nearest() {
    for name in Retry::PRESETS {
        assert_eq!(Retry::preset(name).unwrap().check(), Ok(()), "{name}");
    }
    assert_eq!(
        Retry::preset("coordinaton").unwrap_err().to_string(),
        "no retry preset is called \"coordinaton\", did you mean \"coordination\"?"
    );
}

#[test]
fn jitter_never_passes_the_cap_and_never_goes_below_nothing() {
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
fn nothing_stays_nothing_however_often_it_is_multiplied() {
    let retry = Retry {
        base: Duration::ZERO,
        ..Retry::up_to(u32::MAX)
    };
    assert_eq!(retry.delay(0, Seed(0)), Duration::ZERO);
    assert_eq!(retry.delay(u32::MAX, Seed(0)), Duration::ZERO);
}

#[test]
fn another_seed_or_another_retry_draws_another_delay() {
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
fn drawn_delays_are_the_same_in_every_version() {
    let retry = Retry::preset("coordination-jittered").unwrap();
    assert_eq!(delays(&retry), [125, 162, 440]);
}

#[test]
fn a_table_sets_fields_and_its_preset_counts_first() {
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
fn bad_fields_are_refused_by_name() {
    for (field, value, message) in [
        (
            "maxRetry",
            "3",
            "a retry policy has no field \"maxRetry\", did you mean \"maxRetries\"?",
        ),
        (
            "maxRetries",
            "three",
            "\"maxRetries\": expected a whole number from 0, found \"three\"",
        ),
        (
            "maxRetries",
            "-1",
            "\"maxRetries\": expected a whole number from 0, found -1",
        ),
        (
            "base",
            "100",
            "\"base\": expected a duration such as \"150 ms\", found 100",
        ),
        (
            "base",
            "-1 s",
            "\"base\": the duration \"-1 s\" is negative",
        ),
        (
            "multiplier",
            "-2",
            "\"multiplier\": expected a number from 0, found -2",
        ),
        (
            "multiplier",
            "1e999",
            "\"multiplier\": expected a number from 0, found \"1e999\"",
        ),
        (
            "preset",
            "workr",
            "no retry preset is called \"workr\", did you mean \"worker\"?",
        ),
        (
            "preset",
            "7",
            "\"preset\": expected a preset's name, found 7",
        ),
        (
            "jitter",
            "25",
            "\"jitter\": expected \"none\", \"full\", \"equal\" or a share from ±0 % to ±1000 %, \
             such as \"±25 %\", found \"25\"",
        ),
    ] {
        let mut retry = Retry::up_to(2);
        let error = retry.set(field, value).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(retry, Retry::up_to(2), "a refused value changes nothing");
    }
}

#[test]
fn all_that_is_wrong_with_a_table_is_said_at_once() {
    let error = Retry::none()
        .with_fields([
            ("base", "1 s"),
            ("base", "2 s"),
            ("cap", "soonish"),
            ("x", "1"),
        ])
        .unwrap_err();
    let PolicyError::Invalid { causes, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(causes.len(), 3, "{causes:?}");
}

#[test]
fn json_names_a_preset_or_gives_fields() {
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
            "a retry policy needs \"maxRetries\" or \"preset\"",
        ),
        (json!({"maxRetries": "3"}), "found \"3\""),
        (
            json!({"maxRetries": 3, "bse": "1s"}),
            "did you mean \"base\"?",
        ),
        (json!("nothing"), "no retry preset is called \"nothing\""),
        (json!(3), "a preset's name, or an object of fields"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn what_is_written_can_be_read() {
    for name in Retry::PRESETS {
        let retry = Retry::preset(name).unwrap();
        assert_eq!(read(serde_json::to_value(retry).unwrap()), Ok(retry));
    }
}

#[test]
fn settings_that_only_code_can_make_are_checked_with_all_causes() {
    let retry = Retry {
        multiplier: f64::NAN,
        jitter: Jitter::PlusMinus(-1.0),
        cap: Some(Duration::MAX),
        ..Retry::up_to(1)
    };
    assert_eq!(
        retry.check().unwrap_err().to_string(),
        "faulty retry policy: \"multiplier\" is NaN, expected a finite number from 0; \
         \"jitter\" is ±-100 %, expected a share from ±0 % to ±1000 %; \
         \"cap\" is longer than 366 days"
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
    fn whatever_the_settings_a_delay_is_within_its_bounds_and_can_be_repeated(
        retry in any_retry(),
        k in prop_oneof![0..8_u32, any::<u32>()],
        seed in any::<u64>(),
    ) {
        let bounds = retry.bounds(k);
        let delay = retry.delay(k, Seed(seed));
        prop_assert!(bounds.contains(&delay), "{:?} outside {:?}", delay, bounds);
        prop_assert!(*bounds.end() <= retry.cap.unwrap_or(LONGEST).min(LONGEST));
        prop_assert_eq!(delay.subsec_nanos() % 1_000_000, 0);
        prop_assert_eq!(delay, retry.delay(k, Seed(seed)));
    }

    #[test]
    fn without_jitter_delays_grow_up_to_the_cap(
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
        prop_assert!(delays.iter().all(|delay| *delay <= retry.cap.unwrap_or(LONGEST)));
    }

    #[test]
    fn without_jitter_a_delay_is_what_the_formula_says(
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
