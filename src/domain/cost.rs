use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

/// What calls cost, in a unit of the user's own, such as a currency.
///
/// Kept in whole billionths, so that ten times 0.1 is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(u64);

impl Cost {
    const UNIT: u64 = 1_000_000_000;
    /// The highest cost, in units.
    const MAX: f64 = 1e9;

    /// A cost in billionths of the unit.
    pub const fn from_billionths(billionths: u64) -> Self {
        Self(billionths)
    }

    /// It in billionths of the unit.
    pub const fn billionths(self) -> u64 {
        self.0
    }

    /// Reads a cost from a JSON number, to the nearest billionth.
    ///
    /// # Errors
    ///
    /// If it is not a number of 0 to a billion.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        match value
            .as_f64()
            .filter(|cost| (0.0..=Self::MAX).contains(cost))
        {
            Some(cost) => Ok(Self((cost * Self::UNIT as f64).round() as u64)),
            None => Err(format!(
                "expected a cost of 0 to {}, such as 0.25, found {value}",
                Self::MAX
            )),
        }
    }

    /// It as a JSON number.
    pub fn to_json(self) -> Value {
        match self.0 % Self::UNIT {
            0 => (self.0 / Self::UNIT).into(),
            _ => (self.0 as f64 / Self::UNIT as f64).into(),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ten_tenths_are_one() {
        let tenth = Cost::from_json(&json!(0.1)).unwrap();
        let one = Cost::from_billionths(10 * tenth.billionths());
        assert_eq!(one, Cost::from_json(&json!(1)).unwrap());
        assert_eq!(one.to_json(), json!(1));
        let sum = Cost::from_json(&json!(0.1 + 0.2)).unwrap();
        assert_eq!(sum.to_string(), "0.3");
    }

    #[test]
    fn cost_is_a_number_of_zero_to_a_billion() {
        for (value, shown) in [
            (json!(0), "0"),
            (json!(1e9), "1000000000"),
            (json!(2.50), "2.5"),
        ] {
            let cost: Cost = serde_json::from_value(value).unwrap();
            assert_eq!(serde_json::to_string(&cost).unwrap(), shown);
        }
        for value in [
            json!(-0.1),
            json!(1.1e9),
            json!("1"),
            json!(null),
            json!(true),
        ] {
            let error = serde_json::from_value::<Cost>(value.clone()).unwrap_err();
            let expected =
                format!("expected a cost of 0 to 1000000000, such as 0.25, found {value}");
            assert_eq!(error.to_string(), expected);
        }
    }
}
