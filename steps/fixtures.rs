use cucumber::gherkin;
use rehearsal_macros::{then, when};

use super::{
    StepResult,
    failing::expect,
    parameters::{doc_string, first_line, table_of},
};
use crate::harness::{FixtureFault, World};

/// What was found wrong with the fixture that was loaded last; `None` before the first.
#[derive(Default)]
struct LoadedFaults(Option<Vec<FixtureFault>>);

/// A file of workflows, as it would stand in the fixtures.
#[when("the workflows are loaded:")]
fn workflows_are_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.scenario().uri.clone();
    let faults = world
        .fixtures()
        .check_workflows(&uri, first_line(step), doc_string(step)?)?;
    keep(world, faults);
    Ok(())
}

/// A file of services, as it would stand in the fixtures.
#[when("the services are loaded:")]
fn services_are_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.scenario().uri.clone();
    let faults = world
        .fixtures()
        .check_services(&uri, first_line(step), doc_string(step)?)?;
    keep(world, faults);
    Ok(())
}

/// Keeps what was found wrong with a fixture that was loaded.
pub(super) fn keep(world: &mut World, faults: Vec<FixtureFault>) {
    world.state::<LoadedFaults>().0 = Some(faults);
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
    let loaded = world.state::<LoadedFaults>().0.as_deref();
    loaded.ok_or_else(|| "no fixture was loaded".to_owned())
}

fn listed(faults: &[FixtureFault]) -> String {
    let lines = faults.iter().map(|fault| format!("\n  {fault}"));
    lines.collect()
}
