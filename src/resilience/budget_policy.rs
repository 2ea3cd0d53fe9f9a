use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

use super::{
    PolicyError,
    policy::{self, PolicyKind, limit_text},
};
use crate::domain::{Cost, Violation, from_value};

/// What calls may use together.
///
/// A ceiling that is reached exactly is kept; without one there is no limit. In JSON it is an object
/// of its fields; a ceiling is also `"none"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    remote = "Self",
    rename_all = "camelCase",
    deny_unknown_fields,
    default
)]
pub struct BudgetPolicy {
    /// What they may cost; 100 by default.
    #[serde(deserialize_with = "cost")]
    pub cost: Option<Cost>,
    /// How many there may be; 50 by default.
    #[serde(deserialize_with = "count")]
    pub calls: Option<u64>,
    /// How many tokens they may use; 100,000 by default.
    #[serde(deserialize_with = "count")]
    pub tokens: Option<u64>,
    /// How long after the budget begins they may start.
    #[serde(with = "limit_text")]
    pub time: Option<Duration>,
    /// How many calls each service may get.
    #[serde(deserialize_with = "count")]
    pub calls_per_service: Option<u64>,
    /// How many calls each operation may get.
    #[serde(deserialize_with = "count")]
    pub calls_per_operation: Option<u64>,
    /// What happens to a call that would exceed a ceiling.
    pub policy: WhenExceeded,
    /// The share of a ceiling at which the budget warns, above 0 and below 1; 0.8 by default.
    pub warn_at: f64,
}

/// What happens to a call that would exceed a ceiling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenExceeded {
    /// It is made, and an event says so.
    #[default]
    Warn,
    /// It is refused.
    Block,
}

impl BudgetPolicy {
    /// Sets the rows of a table, `field` and `value`.
    ///
    /// # Errors
    ///
    /// If there is no such field, a field does not take its value or is given twice, or
    /// [`check`](Self::check) fails; all causes are listed.
    pub fn with_fields<'a>(
        self,
        rows: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, PolicyError> {
        policy::with_rows(self, rows)
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// If it warns at a share that is not above 0 and below 1.
    pub fn check(&self) -> Result<(), PolicyError> {
        policy::check(self)
    }
}

/// 100 in cost, 50 calls and 100,000 tokens; warns.
impl Default for BudgetPolicy {
    fn default() -> Self {
        Self {
            cost: Some(Cost::from_billionths(100_000_000_000)),
            calls: Some(50),
            tokens: Some(100_000),
            time: None,
            calls_per_service: None,
            calls_per_operation: None,
            policy: WhenExceeded::Warn,
            warn_at: 0.8,
        }
    }
}

impl PolicyKind for BudgetPolicy {
    const NAME: &'static str = "budget";
    const PRESETS: &'static [&'static str] = &[];
    const EXTRA_FIELDS: &'static [&'static str] = &[];
    const REQUIRED: Option<&'static str> = None;

    fn standard() -> Self {
        Self::default()
    }

    fn find_preset(_: &str) -> Option<Self> {
        None
    }

    fn from_fields(fields: Map<String, Value>) -> Result<Self, Violation> {
        #[derive(Deserialize)]
        struct BudgetFields(#[serde(with = "BudgetPolicy")] BudgetPolicy);
        from_value(&fields.into()).map(|BudgetFields(policy)| policy)
    }

    fn violations(&self) -> Vec<Violation> {
        let found = self.warn_at;
        if found > 0.0 && found < 1.0 {
            return Vec::new();
        }
        let message = format!("expected a share above 0 and below 1, such as 0.8, found {found}");
        vec![Violation::new("/warnAt", message)]
    }
}

impl<'de> Deserialize<'de> for BudgetPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        policy::deserialize(deserializer)
    }
}

impl Serialize for BudgetPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The derived one.
        Self::serialize(self, serializer)
    }
}

fn cost<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cost>, D::Error> {
    limit(deserializer, Cost::from_json)
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    limit(deserializer, |value| {
        let expected = || format!("expected a whole number, 0 or more, found {value}");
        value.as_u64().ok_or_else(expected)
    })
}

/// A limit; without one, null or `none`.
fn limit<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    read: impl FnOnce(&Value) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.is_null() || value == "none" {
        true => Ok(None),
        false => read(&value).map(Some).map_err(D::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let error = BudgetPolicy::default().with_fields(rows).unwrap_err();
        error.to_string()
    }

    #[test]
    fn table_sets_every_field() {
        let policy = BudgetPolicy::default()
            .with_fields([
                ("cost", "2.5"),
                ("calls", "7"),
                ("tokens", "0"),
                ("time", "1 h 30 min"),
                ("callsPerService", "5"),
                ("callsPerOperation", "3"),
                ("policy", "block"),
                ("warnAt", "0.5"),
            ])
            .unwrap();
        let expected = BudgetPolicy {
            cost: Some(Cost::from_billionths(2_500_000_000)),
            calls: Some(7),
            tokens: Some(0),
            time: Some(Duration::from_secs(90 * 60)),
            calls_per_service: Some(5),
            calls_per_operation: Some(3),
            policy: WhenExceeded::Block,
            warn_at: 0.5,
        };
        assert_eq!(policy, expected);
        let written = serde_json::to_value(&policy).unwrap();
        assert_eq!(
            serde_json::from_value::<BudgetPolicy>(written).unwrap(),
            policy
        );
    }

    #[test]
    fn ceilings_that_are_not_given_have_defaults_and_none_is_no_limit() {
        let read = |json| serde_json::from_value::<BudgetPolicy>(json).unwrap();
        let default = BudgetPolicy::default();
        assert_eq!(read(json!({})), default);
        let only_calls = read(json!({ "cost": "none", "tokens": null, "calls": 2 }));
        let expected = BudgetPolicy {
            cost: None,
            tokens: None,
            calls: Some(2),
            ..default
        };
        assert_eq!(only_calls, expected);
        let written = serde_json::to_value(&only_calls).unwrap();
        assert_eq!(read(written), only_calls);
    }

    #[test]
    fn faulty_fields_are_refused_with_place_and_nearest_name() {
        assert_eq!(
            refusal([
                ("cost", "-1"),
                ("calls", "2.5"),
                ("tokens", "many"),
                ("time", "-1 s"),
                ("policy", "blok"),
                ("callsPerServise", "1"),
            ]),
            "faulty budget: \
             at /cost: expected a cost of 0 to 1000000000, such as 0.25, found -1; \
             at /calls: expected a whole number, 0 or more, found 2.5; \
             at /tokens: expected a whole number, 0 or more, found \"many\"; \
             at /time: the duration \"-1 s\" is negative; \
             at /policy: unknown variant `blok`, expected `warn` or `block`; did you mean \"block\"?; \
             at /callsPerServise: unknown field `callsPerServise`, expected one of `cost`, `calls`, \
             `tokens`, `time`, `callsPerService`, `callsPerOperation`, `policy`, `warnAt`; \
             did you mean \"callsPerService\"?"
        );
        assert_eq!(
            refusal([("calls", "1"), ("calls", "2")]),
            "faulty budget: at /calls: is given twice"
        );
        assert!(refusal([("preset", "small")]).ends_with("there are none"));
        for share in ["0", "1", "1.5", "-0.2"] {
            let expected = format!(
                "faulty budget: at /warnAt: expected a share above 0 and below 1, such as 0.8, found {share}"
            );
            assert_eq!(refusal([("warnAt", share)]), expected);
        }
    }
}
