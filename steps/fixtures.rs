use cucumber::gherkin;
use rehearsal_macros::{then, when};

use super::{
    StepResult,
    failing::expect,
    parameters::{doc_string, first_line, table_of},
};
use crate::harness::{FixtureFault, World};

/// The faults of the last loaded fixture; `None` before the first.
#[derive(Default)]
struct LoadedFaults(Option<Vec<FixtureFault>>);

/// A file of workflows, as in the fixtures folder.
#[when("the workflows are loaded:")]
fn workflows_are_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.scenario().uri.clone();
    let faults = world
        .fixtures()
        .check_workflows(&uri, first_line(step), doc_string(step)?)?;
    keep(world, faults);
    Ok(())
}

/// A file of services, as in the fixtures folder.
#[when("the services are loaded:")]
fn services_are_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.scenario().uri.clone();
    let faults = world
        .fixtures()
        .check_services(&uri, first_line(step), doc_string(step)?)?;
    keep(world, faults);
    Ok(())
}

/// Keeps the faults of a loaded fixture.
pub(super) fn keep(world: &mut World, faults: Vec<FixtureFault>) {
    world.state::<LoadedFaults>().0 = Some(faults);
}

/// It has no faults.
#[then("the fixture is sound")]
fn is_sound(world: &mut World) -> StepResult {
    let faults = faults(world)?;
    expect(faults.is_empty(), || {
        format!("expected no fault, found:{}", listed(faults))
    })
}

/// All its faults, by line: the pointer, and part of the message.
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
