use cucumber::gherkin;
use rehearsal_macros::{given, then, when};
use serde_json::{Map, Value};

use super::{
    CountParameter, StepResult,
    failing::expect,
    fixtures,
    parameters::{doc_string, first_line, header_and_rows, table_of},
};
use crate::{
    contracts::{ConsumerContract, Contract, StateCall, Verdict, Verifier},
    domain::{did_you_mean, from_json},
    harness::{FixtureError, Fixtures, World, compare_rows, rows_in_order},
    observability::Event,
};

/// The contract declared last, and the result of its last verification.
#[derive(Default)]
struct Contracts {
    contract: Option<Contract>,
    verifier: Verifier,
    verdict: Option<Verdict>,
}

/// The contract in `fixtures/contracts/<name>.json`; the one declared last is *the* contract.
#[given("the contract {string}")]
fn the_contract(world: &mut World, name: String) -> StepResult {
    let contract = world.fixtures().contract(&name)?;
    declare(world, contract);
    Ok(())
}

/// The contract below.
#[given("the contract:")]
fn the_contract_below(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.scenario().uri.clone();
    let contract = Fixtures::read_contract(&uri, first_line(step), doc_string(step)?)?;
    declare(world, contract);
    Ok(())
}

fn declare(world: &mut World, contract: Contract) {
    let contracts = world.state::<Contracts>();
    contracts.contract = Some(contract);
    contracts.verdict = None;
}

/// A contract, read like a fixture file.
#[when("the contract is loaded:")]
fn contract_is_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.scenario().uri.clone();
    let read = Fixtures::read_contract(&uri, first_line(step), doc_string(step)?);
    let faults = match read {
        Ok(_) => Vec::new(),
        Err(FixtureError::Faulty(faults)) => faults,
        Err(error) => return Err(error.into()),
    };
    fixtures::keep(world, faults);
    Ok(())
}

/// The calls that lead to a provider state, in place of those of contracts.
#[given("the provider state {string} takes the calls:")]
fn provider_state(world: &mut World, step: &gherkin::Step, name: String) -> StepResult {
    let mut calls = Vec::new();
    for row in table_of(step, &["call", "input"])? {
        let call = row[0].parse()?;
        world.registry().check(&call)?;
        let input = from_json(&row[1], "the input", 1)?;
        calls.push(StateCall { call, input });
    }
    world.state::<Contracts>().verifier.set_state(name, calls);
    Ok(())
}

/// The calls to the service so far, and their results, are the contract from now on.
#[when("the calls to {string} are recorded as a contract of {string}")]
fn are_recorded(world: &mut World, service: String, consumer: String) -> StepResult {
    let read = |events: &[Event]| ConsumerContract::recorded(&consumer, &service, events);
    let contract = world.timeline().read(read);
    if contract.interactions.is_empty() {
        let names = world.registry().names();
        let hint = match names.iter().any(|name| **name == *service) {
            true => "it was not called".to_owned(),
            false => did_you_mean(&service, names.iter().map(|name| &**name)),
        };
        return Err(format!("there is nothing to record of {service:?}: {hint}").into());
    }
    declare(world, Contract::Consumer(contract.into()));
    Ok(())
}

/// Calls the service with every case of the contract, and compares the results with it.
#[when("the contract is verified")]
async fn is_verified(world: &mut World) -> StepResult {
    verify(world, 0).await
}

/// Verifies its own cases, a maximum of generated valid ones of each operation, and one broken one
/// for each keyword of its input schema.
#[when("the contract is verified with {count} generated case(s) per operation")]
async fn is_verified_with(world: &mut World, count: CountParameter) -> StepResult {
    match count.value()? {
        0 => Err("expected at least 1 generated case, found 0".into()),
        count => verify(world, count as usize).await,
    }
}

async fn verify(world: &mut World, generated: usize) -> StepResult {
    let client = world.cast().client();
    let seed = world.scenario().seed;
    let contracts = world.state::<Contracts>();
    let Some(contract) = &contracts.contract else {
        return Err("no contract is declared".into());
    };
    let verifier = &mut contracts.verifier;
    let verdict = verifier.verify(&client, contract, seed, generated).await;
    contracts.verdict = Some(verdict);
    Ok(())
}

/// The service fulfils the contract in every case, and there was at least one.
#[then("the contract holds")]
fn holds(world: &mut World) -> StepResult {
    let verdict = verdict(world)?;
    expect(verdict.holds(), || {
        format!(
            "expected the contract to hold, it is broken by:{}",
            listed(verdict)
        )
    })
}

/// The number of verified cases.
#[then("{count} case(s) is/are verified")]
fn so_many_cases(world: &mut World, expected: CountParameter) -> StepResult {
    let (expected, found) = (expected.value()?, verdict(world)?.cases);
    expect(found == expected as usize, || {
        format!("expected {expected} cases, {found} were verified")
    })
}

const COLUMNS: [&str; 7] = [
    "breach",
    "operation",
    "case",
    "pointer",
    "keyword",
    "code",
    "message",
];

/// Every breach, in order of the contract: any of the columns `breach`, `operation`, `case`,
/// `pointer`, `keyword`, `code` and `message`.
#[then("the contract is broken by:")]
fn is_broken_by(world: &mut World, step: &gherkin::Step) -> StepResult {
    let (header, rows) = header_and_rows(step, &COLUMNS)?;
    let found = breaches(verdict(world)?)?;
    Ok(compare_rows(header, rows, &found)?)
}

/// At least these breaches, in this order; others may be in between.
#[then("the contract is broken by, in order:")]
fn is_broken_by_in_order(world: &mut World, step: &gherkin::Step) -> StepResult {
    let (header, rows) = header_and_rows(step, &COLUMNS)?;
    let found = breaches(verdict(world)?)?;
    Ok(rows_in_order(header, rows, &found)?)
}

fn breaches(verdict: &Verdict) -> Result<Vec<Map<String, Value>>, serde_json::Error> {
    let rows = serde_json::to_value(&verdict.breaches)?;
    serde_json::from_value(rows)
}

fn verdict(world: &mut World) -> Result<&Verdict, String> {
    let verdict = world.state::<Contracts>().verdict.as_ref();
    verdict.ok_or_else(|| "no contract was verified".to_owned())
}

fn listed(verdict: &Verdict) -> String {
    let lines = verdict
        .breaches
        .iter()
        .map(|breach| format!("\n  {breach}"));
    lines.collect()
}
