//! What services must agree on: rules, what is found against them, and how they come to agree again.

use std::sync::Arc;

use cucumber::gherkin;
use rehearsal_macros::{given, then, when};
use serde_json::Value;

use super::{
    StepResult,
    failing::expect,
    fixtures,
    parameters::{doc_string, first_line, header_and_rows, json},
};
use crate::{
    configuration::{Consistency, ConsistencyDefinition},
    harness::{World, compare_rows},
    observability::Finding,
};

/// The rules of the scenario, and what the last check has found.
#[derive(Default)]
struct Checked {
    definition: Option<Arc<ConsistencyDefinition>>,
    findings: Option<Vec<Finding>>,
}

/// By id, from any fixture.
#[given("the consistency scenario {string}")]
fn scenario(world: &mut World, id: String) -> StepResult {
    let definition = world.fixtures().consistency_scenario(&id)?;
    world.state::<Checked>().definition = Some(definition);
    Ok(())
}

/// By the definition below.
#[given("the consistency rules:")]
fn rules(world: &mut World, step: &gherkin::Step) -> StepResult {
    let definition: ConsistencyDefinition = json(world, step)?;
    let definition = Arc::new(definition);
    world.state::<Checked>().definition = Some(definition);
    consistency(world).map(drop)
}

/// The text of a file of consistency scenarios.
#[when("the consistency scenarios are loaded:")]
fn are_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.scenario().uri.clone();
    let faults = world
        .fixtures()
        .check_consistency(&uri, first_line(step), doc_string(step)?)?;
    fixtures::keep(world, faults);
    Ok(())
}

/// Reads what the rules compare.
#[when("consistency is checked")]
async fn is_checked(world: &mut World) -> StepResult {
    let findings = consistency(world)?.check().await;
    world.state::<Checked>().findings = Some(findings);
    Ok(())
}

/// Makes the calls that have the services agree again, until they do; then they are checked again.
#[when("the services are reconciled")]
async fn are_reconciled(world: &mut World) -> StepResult {
    consistency(world)?.reconcile().await?;
    // At the last reading, nothing was found.
    world.state::<Checked>().findings = Some(Vec::new());
    Ok(())
}

fn consistency(world: &mut World) -> Result<Consistency, super::StepError> {
    let definition = world.state::<Checked>().definition.clone();
    let definition = definition.ok_or(
        "there are no rules: begin with `Given the consistency scenario {string}`, or with `Given the \
         consistency rules:`",
    )?;
    Ok(Consistency::new(definition, world.cast().client())?)
}

/// The last check has found nothing.
#[then("the services are consistent")]
fn are_consistent(world: &mut World) -> StepResult {
    let findings = findings(world)?;
    expect(findings.is_empty(), || {
        let listed = findings.iter();
        let listed = listed.map(|found| format!("\n  {}: {}", found.rule, found.message));
        format!(
            "expected no inconsistency, found:{}",
            listed.collect::<String>()
        )
    })
}

/// What the last check has found, in the order of the rules; any of the columns.
#[then("the inconsistencies are:")]
fn inconsistencies_are(world: &mut World, step: &gherkin::Step) -> StepResult {
    let (header, rows) = header_and_rows(step, &["rule", "kind", "severity", "message"])?;
    let mut found = Vec::new();
    for finding in findings(world)? {
        if let Value::Object(fields) = serde_json::to_value(finding)? {
            found.push(fields);
        }
    }
    Ok(compare_rows(header, rows, &found)?)
}

fn findings(world: &mut World) -> Result<&[Finding], String> {
    let findings = world.state::<Checked>().findings.as_deref();
    findings.ok_or_else(|| "consistency was not checked".to_owned())
}
