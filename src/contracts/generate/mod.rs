//! Inputs generated from their schema: valid ones, and ones that break one keyword each.

mod broken;
mod keywords;
mod limits;
mod numbers;
mod text;
mod values;

use serde_json::Value;

pub(super) use self::{broken::BrokenInput, keywords::GenerateError};
use self::{
    keywords::Extent,
    limits::FullInput,
    values::{MAX_DRAWS, ValueGenerator},
};
use crate::{clock::Seed, domain::JsonSchema};

/// Inputs generated from a schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct GeneratedInputs {
    /// Valid ones, each with its name.
    pub valid: Vec<(String, Value)>,
    /// Ones that break one keyword each.
    pub broken: Vec<BrokenInput>,
}

/// Generates at most `count` valid inputs (the smallest, the fullest, those at a limit, then random
/// ones) and one broken input for each keyword at each part of the fullest one.
///
/// A keyword that cannot be broken alone is left out.
///
/// # Errors
///
/// If no valid input can be generated.
pub(super) fn generate(
    schema: &JsonSchema,
    seed: Seed,
    count: usize,
) -> Result<GeneratedInputs, GenerateError> {
    let make = |extent: Extent, name: &str| {
        let mut last = None;
        for draw in 0..MAX_DRAWS {
            let seed = seed.part([name, &draw.to_string()]);
            let mut generator = ValueGenerator::new(schema.source(), seed);
            let value = generator.value(schema.source(), extent, "")?;
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
        Err(last.unwrap_or_else(|| GenerateError::new("", "type", "nothing was generated")))
    };
    let full = make(Extent::Full, "full")?;
    let mut valid: Vec<(String, Value)> = Vec::new();
    let mut add = |name: String, value: Value| {
        if valid.len() < count && valid.iter().all(|(_, other)| *other != value) {
            valid.push((name, value));
        }
    };
    add("minimal".to_owned(), make(Extent::Minimal, "minimal")?);
    add("full".to_owned(), full.clone());
    // Each has its own strings, so that a service that stores its inputs can tell them apart.
    let full_input = FullInput {
        schema,
        parts: keywords::parts_of(schema.source(), &full),
        seed,
        fresh: &|name| make(Extent::Full, name).unwrap_or_else(|_| full.clone()),
    };
    for (name, value) in limits::boundaries(&full_input) {
        add(name, value);
    }
    for number in 1..=count {
        let name = format!("random {number}");
        let value = make(Extent::Random, &name)?;
        add(name, value);
    }
    Ok(GeneratedInputs {
        valid,
        broken: broken::broken(&full_input),
    })
}
