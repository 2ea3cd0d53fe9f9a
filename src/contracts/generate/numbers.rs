use rand::{RngExt as _, rngs::ChaCha8Rng};
use serde_json::Value;

use super::keywords::{Extent, Keywords};

/// How far above its lower limit a number without an upper one may be.
const SPAN: f64 = 100.0;

/// The smallest and the largest number allowed.
fn range(keywords: &Keywords, step: f64) -> (f64, f64) {
    let limit = |keyword: &str| keywords.get(keyword).and_then(Value::as_f64);
    let tighter =
        |one: Option<f64>, other: Option<f64>, choose: fn(f64, f64) -> f64| match (one, other) {
            (Some(one), Some(other)) => Some(choose(one, other)),
            (one, other) => one.or(other),
        };
    let above = limit("exclusiveMinimum").map(|limit| limit + step);
    let below = limit("exclusiveMaximum").map(|limit| limit - step);
    let low = tighter(limit("minimum"), above, f64::max);
    let high = tighter(limit("maximum"), below, f64::min);
    match (low, high) {
        (Some(low), Some(high)) => (low, high.max(low)),
        (Some(low), None) => (low, low + SPAN),
        (None, Some(high)) => ((high - SPAN).max(high.min(0.0)), high),
        (None, None) => (0.0, SPAN),
    }
}

/// A whole number.
pub(super) fn integer(keywords: &Keywords, extent: Extent, rng: &mut ChaCha8Rng) -> Value {
    let step = multiple_of(keywords).unwrap_or(1.0);
    let (low, high) = range(keywords, 1.0);
    whole(chosen((low / step).ceil(), (high / step).floor(), extent, rng) * step)
}

/// A number.
pub(super) fn number(keywords: &Keywords, extent: Extent, rng: &mut ChaCha8Rng) -> Value {
    if let Some(step) = multiple_of(keywords) {
        let (low, high) = range(keywords, step);
        return decimal(chosen((low / step).ceil(), (high / step).floor(), extent, rng) * step);
    }
    let (mut low, mut high) = range(keywords, 0.0);
    let inner = (high - low) / 8.0;
    let is_open =
        |keyword: &str, limit: f64| keywords.get(keyword).and_then(Value::as_f64) == Some(limit);
    if is_open("exclusiveMinimum", low) {
        low += inner;
    }
    if is_open("exclusiveMaximum", high) {
        high -= inner;
    }
    // In eighths, which are exact.
    let part = chosen(0.0, 8.0, extent, rng) / 8.0;
    decimal(low + (high - low) * part)
}

/// One of the whole numbers of a range: its lower end, its middle, or any.
fn chosen(low: f64, high: f64, extent: Extent, rng: &mut ChaCha8Rng) -> f64 {
    match extent {
        Extent::Minimal => low,
        Extent::Full => ((low + high) / 2.0).floor().max(low),
        Extent::Random => {
            let count = (high - low).clamp(0.0, 1e15);
            (low + (rng.random_range(0.0..=1.0) * count).floor()).min(high.max(low))
        }
    }
}

fn multiple_of(keywords: &Keywords) -> Option<f64> {
    keywords.get("multipleOf").and_then(Value::as_f64)
}

/// A number as JSON writes it: without a fraction where it has none.
pub(super) fn decimal(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
    if number.fract() == 0.0 && number.abs() < 9e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

fn whole(number: f64) -> Value {
    decimal(number.round())
}
