use cucumber::gherkin;
use rehearsal_macros::{then, when};
use serde::de::DeserializeOwned;

use super::{
    StepResult,
    failing::expect,
    parameters::{doc_string, first_line, table_of},
};
use crate::{
    domain::from_json,
    harness::{Cqrs, FixtureError, FixtureFault, Fixtures, World},
    services::DefinitionError,
};

/// What was found wrong with the fixture that was loaded last; `None` before the first.
#[derive(Default)]
struct Loaded(Option<Vec<FixtureFault>>);

/// A file of workflows, as it would stand in the fixtures.
#[when("the workflows are loaded:")]
fn workflows_are_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.stage().uri.clone();
    let faults = world
        .fixtures()
        .check_workflows(&uri, first_line(step), doc_string(step)?)?;
    world.state::<Loaded>().0 = Some(faults);
    Ok(())
}

/// A file of services, as it would stand in the fixtures.
#[when("the services are loaded:")]
fn services_are_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.stage().uri.clone();
    let faults = world
        .fixtures()
        .check_services(&uri, first_line(step), doc_string(step)?)?;
    world.state::<Loaded>().0 = Some(faults);
    Ok(())
}

/// A file of communication patterns, as it would stand in the fixtures.
#[when("the communication patterns are loaded:")]
fn communication_patterns_are_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.stage().uri.clone();
    let faults = world
        .fixtures()
        .check_communication(&uri, first_line(step), doc_string(step)?)?;
    world.state::<Loaded>().0 = Some(faults);
    Ok(())
}

/// A contract, as it would stand in the fixtures.
#[when("the contract is loaded:")]
fn contract_is_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.stage().uri.clone();
    let read = Fixtures::read_contract(&uri, first_line(step), doc_string(step)?);
    world.state::<Loaded>().0 = match read {
        Ok(_) => Some(Vec::new()),
        Err(FixtureError::Faulty(faults)) => Some(faults),
        Err(error) => return Err(error.into()),
    };
    Ok(())
}

/// A type of aggregates, declared if it is sound.
#[when("the aggregate is loaded:")]
fn aggregate_is_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    load(world, step, Cqrs::define_aggregate)
}

/// A projection, declared if it is sound.
#[when("the projection is loaded:")]
fn projection_is_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    load(world, step, |cqrs, definition| {
        cqrs.define_projection(&definition)
    })
}

fn load<T: DeserializeOwned>(
    world: &mut World,
    step: &gherkin::Step,
    define: impl FnOnce(&Cqrs, T) -> Result<(), DefinitionError>,
) -> StepResult {
    let path = world.stage().uri.to_string();
    let line = first_line(step);
    let fault = match from_json(doc_string(step)?, &path, line) {
        Ok(definition) => define(world.cqrs()?, definition)
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
    world.state::<Loaded>().0 = Some(fault.into_iter().collect());
    Ok(())
}

/// Nothing is wrong with it.
#[then("the fixture is sound")]
fn is_sound(world: &mut World) -> StepResult {
    let faults = faults(world)?;
    expect(faults.is_empty(), || {
        format!("expected no fault, found:{}", listed(faults))
    })
}

/// All that is wrong with it, by line: where it is, and a part of what is said of it.
#[then("the fixture has these faults:")]
fn has_these_faults(world: &mut World, step: &gherkin::Step) -> StepResult {
    let rows = table_of(step, &["pointer", "message"])?;
    let faults = faults(world)?;
    let as_expected = rows.len() == faults.len()
        && rows
            .iter()
            .zip(faults)
            .all(|(row, fault)| fault.pointer == row[0] && fault.message.contains(&row[1]));
    expect(as_expected, || {
        format!("expected {} faults, found:{}", rows.len(), listed(faults))
    })
}

fn faults(world: &mut World) -> Result<&[FixtureFault], String> {
    let loaded = world.state::<Loaded>().0.as_deref();
    loaded.ok_or_else(|| "no fixture was loaded".to_owned())
}

fn listed(faults: &[FixtureFault]) -> String {
    let lines = faults.iter().map(|fault| format!("\n  {fault}"));
    lines.collect()
}
