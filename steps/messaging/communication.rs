use cucumber::gherkin;
use rehearsal_macros::{given, then, when};
use serde_json::{Map, Value};

use crate::{
    domain::format_duration,
    harness::{LoadedPattern, World, compare_rows},
    messaging::{CommunicationThresholds, CompletedExchange, ResponseBody},
    observability::EventKind,
    steps::{
        StepResult,
        failing::expect,
        fixtures,
        parameters::{doc_string, first_line, header_and_rows},
        runs::settle,
    },
};

/// The current pattern of the scenario, and the responses to its exchanges.
#[derive(Default)]
struct Communication {
    pattern: Option<LoadedPattern>,
    exchanged: Option<Vec<CompletedExchange>>,
    /// How many events the timeline had before.
    events_before: usize,
}

/// A pattern by id, from any fixture; its policies and answers apply from now on.
#[given("the communication pattern {string}")]
fn the_pattern(world: &mut World, id: String) -> StepResult {
    let loaded = world.fixtures().communication_pattern(&id)?;
    let here = world.here();
    let followed = world.cast().follow(&loaded.pattern, &here);
    followed.map_err(|faults| {
        let faults = faults.iter().map(|fault| format!("\n  {fault}"));
        let faults: String = faults.collect();
        format!(
            "the pattern {id:?} of {} is not valid:{faults}",
            loaded.path
        )
    })?;
    world.state::<Communication>().pattern = Some(loaded);
    Ok(())
}

/// The text of a file of communication patterns.
#[when("the communication patterns are loaded:")]
fn communication_patterns_are_loaded(world: &mut World, step: &gherkin::Step) -> StepResult {
    let uri = world.scenario().uri.clone();
    let faults = world
        .fixtures()
        .check_communication(&uri, first_line(step), doc_string(step)?)?;
    fixtures::keep(world, faults);
    Ok(())
}

/// All turns of the pattern, in sequence.
#[when("the communication takes place")]
async fn takes_place(world: &mut World) -> StepResult {
    let loaded = world.state::<Communication>().pattern.clone();
    let loaded = loaded.ok_or("no communication pattern was declared")?;
    let events_before = world.timeline().read(<[_]>::len);
    let exchanged = world.requests().all().communicate(&loaded.pattern).await;
    settle().await;
    let communication = world.state::<Communication>();
    communication.exchanged = Some(exchanged);
    communication.events_before = events_before;
    Ok(())
}

/// No exchange took longer than the pattern expects.
#[then("the communication goes as expected")]
fn goes_as_expected(world: &mut World) -> StepResult {
    exchanged(world)?;
    let before = world.state::<Communication>().events_before;
    let deviations: Vec<String> = world.timeline().read(|events| {
        let deviations = events[before..]
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Warning { about, message } | EventKind::Error { about, message } => {
                    Some(format!("\n  {about} {message}"))
                }
                _ => None,
            });
        deviations.collect()
    });
    expect(deviations.is_empty(), || {
        let deviations = deviations.concat();
        format!("expected the communication to go as the pattern says:{deviations}")
    })
}

/// Every response, in the pattern's order.
#[then("the responses are:")]
fn responses_are(world: &mut World, step: &gherkin::Step) -> StepResult {
    const COLUMNS: [&str; 11] = [
        "exchange",
        "from",
        "call",
        "status",
        "code",
        "field",
        "data",
        "executions",
        "responseTime",
        "speed",
        "fallbackUsed",
    ];
    let (header, rows) = header_and_rows(step, &COLUMNS)?;
    let thresholds = thresholds(world)?;
    let found: Vec<_> = exchanged(world)?
        .iter()
        .map(|it| row(it, &thresholds))
        .collect();
    Ok(compare_rows(header, rows, &found)?)
}

/// Rates, times and concurrency within the limits of the pattern's file.
#[then("the communication keeps its thresholds")]
fn keeps_its_thresholds(world: &mut World) -> StepResult {
    let exceeded = exceeded(world)?;
    expect(exceeded.is_empty(), || {
        let exceeded = exceeded.join("\n  ");
        format!("expected the communication to keep its thresholds:\n  {exceeded}")
    })
}

/// The exceeded thresholds, in each row a part of the message.
#[then("the communication exceeds these thresholds:")]
fn exceeds_these_thresholds(world: &mut World, step: &gherkin::Step) -> StepResult {
    let rows = crate::steps::parameters::column(step)?;
    let exceeded = exceeded(world)?;
    let as_expected = rows.len() == exceeded.len()
        && rows.iter().zip(&exceeded).all(|(row, it)| it.contains(row));
    expect(as_expected, || {
        let exceeded = exceeded.join("\n  ");
        format!(
            "expected {} thresholds to be exceeded, found:\n  {exceeded}",
            rows.len()
        )
    })
}

fn exceeded(world: &mut World) -> Result<Vec<String>, String> {
    let thresholds = thresholds(world)?;
    let exchanged = exchanged(world)?.to_vec();
    let before = world.state::<Communication>().events_before;
    let timeline = world.timeline();
    Ok(timeline.read(|events| thresholds.exceeded(&exchanged, &events[before..])))
}

fn exchanged(world: &mut World) -> Result<&[CompletedExchange], String> {
    let exchanged = world.state::<Communication>().exchanged.as_deref();
    exchanged.ok_or_else(|| "no communication took place".to_owned())
}

fn thresholds(world: &mut World) -> Result<std::sync::Arc<CommunicationThresholds>, String> {
    let loaded = world.state::<Communication>().pattern.as_ref();
    let loaded = loaded.ok_or_else(|| "no communication pattern was declared".to_owned())?;
    Ok(loaded.thresholds.clone())
}

fn row(exchanged: &CompletedExchange, thresholds: &CommunicationThresholds) -> Map<String, Value> {
    let CompletedExchange { exchange, response } = exchanged;
    let mut row = Map::new();
    let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
    put("exchange", (*exchange.about()).into());
    put("from", (*exchange.from).into());
    put("call", exchange.call.as_str().into());
    match &response.body {
        ResponseBody::Success { data } => {
            put("status", "success".into());
            put("data", Value::clone(data));
        }
        ResponseBody::Error { error } => {
            put("status", "error".into());
            put("code", (*error.code).into());
            put("field", error.field.as_deref().into());
        }
    }
    let metadata = &response.metadata;
    put("executions", metadata.executions.into());
    put(
        "responseTime",
        format_duration(metadata.response_time).into(),
    );
    let speed = thresholds.response_time.speed(metadata.response_time);
    put("speed", serde_json::to_value(speed).unwrap_or_default());
    put("fallbackUsed", metadata.fallback_used.into());
    row
}
