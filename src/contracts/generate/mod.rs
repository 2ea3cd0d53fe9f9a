//! Inputs from their schema: valid ones, and ones that break one keyword each.

mod broken;
mod edit;
mod numbers;
mod shape;
mod text;
mod values;

use serde_json::Value;

use self::{
    shape::Place,
    values::{Extent, Maker},
};
use crate::{clock::Seed, domain::JsonSchema};

/// Inputs made from a schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generated {
    /// Valid ones, each with what it shows.
    pub valid: Vec<(String, Value)>,
    /// Ones that break one keyword each.
    pub broken: Vec<Broken>,
}

/// An input that breaks one keyword of its schema at one place, and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// The keyword.
    pub keyword: String,
    /// JSON pointer to what is at fault, as a [`SchemaFault`](crate::domain::SchemaFault) has it.
    pub pointer: String,
    /// The input.
    pub input: Value,
}

/// Why a schema is beyond what can be generated.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{keyword} at {pointer:?}: {message}")]
pub struct GenerateError {
    /// JSON pointer into the input that was to be generated.
    pub pointer: String,
    /// The keyword that is beyond reach.
    pub keyword: String,
    /// What was tried, and what would help.
    pub message: String,
}

/// How often a value is drawn anew before it is given up.
const DRAWS: usize = 32;

/// Makes at most `count` valid inputs (the smallest, the fullest, those at a limit, then others as
/// the seed has it) and one broken input for each keyword at each place of the fullest one.
///
/// A keyword that cannot be broken alone is left out.
///
/// # Errors
///
/// If no valid input can be made.
pub fn generate(schema: &JsonSchema, seed: Seed, count: usize) -> Result<Generated, GenerateError> {
    let make = |extent: Extent, name: &str| {
        let mut last = None;
        for draw in 0..DRAWS {
            let seed = seed.part([name, &draw.to_string()]);
            let mut maker = Maker::new(schema.source(), seed);
            let value = maker.value(schema.source(), extent, "")?;
            let faults = schema.faults(&value);
            let Some(fault) = faults.into_iter().next() else {
                return Ok(value);
            };
            last = Some(GenerateError {
                pointer: fault.pointer,
                keyword: fault.keyword,
                message: format!(
                    "no valid input was found, the last one fails: {}",
                    fault.message
                ),
            });
        }
        // At least one was drawn.
        Err(last.unwrap_or_else(|| GenerateError::new("", "type", "nothing was drawn")))
    };
    let full = make(Extent::Full, "full")?;
    let places = shape::places(schema.source(), &full);
    let mut valid: Vec<(String, Value)> = Vec::new();
    let mut add = |name: String, value: Value| {
        if valid.len() < count && valid.iter().all(|(_, other)| *other != value) {
            valid.push((name, value));
        }
    };
    add("minimal".to_owned(), make(Extent::Minimal, "minimal")?);
    add("full".to_owned(), full.clone());
    // Each with texts of its own, so that a service that keeps what it gets does not take one input
    // for another.
    let base = Base {
        schema,
        places,
        seed,
        fresh: &|name| make(Extent::Full, name).unwrap_or_else(|_| full.clone()),
    };
    for (name, value) in edit::boundaries(&base) {
        add(name, value);
    }
    for number in 1..=count {
        let name = format!("random {number}");
        let value = make(Extent::Random, &name)?;
        add(name, value);
    }
    Ok(Generated {
        valid,
        broken: broken::broken(&base),
    })
}

/// Where inputs start from that are at a limit or beyond it.
struct Base<'a> {
    schema: &'a JsonSchema,
    /// The places of a valid value that has all that is declared.
    places: Vec<Place>,
    seed: Seed,
    /// Makes such a value for an input of this name.
    fresh: &'a dyn Fn(&str) -> Value,
}

impl GenerateError {
    fn new(pointer: &str, keyword: &str, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.to_owned(),
            keyword: keyword.to_owned(),
            message: message.into(),
        }
    }
}
