use cucumber::gherkin;
use rehearsal_macros::when;
use serde::de::DeserializeOwned;

use crate::{
    domain::{Violation, from_json},
    harness::{Cqrs, FixtureFault, World},
    steps::{
        StepResult, fixtures,
        parameters::{doc_string, first_line},
    },
};

/// A type of aggregates, added if it is valid.
#[when("the aggregate is loaded:")]
fn aggregate_is_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    load(world, step, Cqrs::define_aggregate)
}

/// A projection, added if it is valid.
#[when("the projection is loaded:")]
fn projection_is_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    load(world, step, |cqrs, definition| {
        cqrs.define_projection(&definition)
    })
}

fn load<T: DeserializeOwned>(
    world: &mut World,
    step: &gherkin::Step,
    define: impl FnOnce(&Cqrs, T) -> Result<(), Violation>,
) -> StepResult {
    let path = world.scenario().uri.to_string();
    let line = first_line(step);
    let fault = match from_json(doc_string(step)?, &path, line) {
        Ok(definition) => define(world.cqrs(), definition)
            .err()
            .map(|error| (line, error.pointer, error.message)),
        Err(error) => Some((error.line, error.pointer, error.message)),
    };
    let fault = fault.map(|(line, pointer, message)| FixtureFault {
        path,
        line,
        pointer,
        message,
    });
    fixtures::keep(world, fault.into_iter().collect());
    Ok(())
}
