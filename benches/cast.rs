//! How long it takes to read and check this package's fixtures for the first time in a process, to
//! build the whole cast for a scenario, and what an orchestrator adds to the calls of a workflow.
//!
//! `cargo bench --bench cast`. It fails above its limits.

#[path = "scene/apart.rs"]
mod apart;
#[path = "scene/median.rs"]
mod median;
#[path = "scene/runtime.rs"]
mod runtime;

use std::{
    fs,
    hint::black_box,
    io,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use rehearsal::{
    domain::{Call, CallName},
    harness::{Cast, Fixtures, no_input, package_root},
    services::CallPolicy,
};
use serde_json::Value;
use tokio::runtime::Runtime;

use self::median::median;

/// Loading the whole folder, with schemas compiled and names checked, as a multiple of reading its JSON.
const LOADED_AT_MOST: f64 = 12.0;
/// Building the platform's cast from loaded fixtures, as a share of loading them.
const CAST_AT_MOST: f64 = 0.02;

/// Loading the whole folder, whatever the machine.
const LOADED_WITHIN: Duration = Duration::from_millis(10);
/// Building the platform's cast, whatever the machine.
const CAST_WITHIN: Duration = Duration::from_millis(1);
/// What the orchestrator adds to a workflow's calls, whatever the machine.
const COORDINATED_WITHIN: Duration = Duration::from_micros(500);

/// How many processes read the fixtures for the first time.
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    match apart::case().as_deref() {
        Some("json") => apart::end(read_json()),
        Some(_) => apart::end(load()),
        None => {}
    }
    // In turn, so that what else the machine does touches both.
    let rounds = [(); ROUNDS].map(|()| {
        let (json, loaded) = (apart::measured("json"), apart::measured("fixtures"));
        (loaded, json, loaded.as_secs_f64() / json.as_secs_f64())
    });
    let loaded = median(rounds.map(|(loaded, ..)| loaded), Ord::cmp);
    let json = median(rounds.map(|(_, json, _)| json), Ord::cmp);
    let ratio_of_loaded = median(rounds.map(|(.., ratio)| ratio), f64::total_cmp);

    let casts: Vec<Duration> = (0..1_001)
        .map(|_| {
            let started = Instant::now();
            black_box(Cast::load("agent-platform").expect("the cast is sound"));
            started.elapsed()
        })
        .collect();
    let cast = median(casts, Ord::cmp);

    let mut all_within = true;
    for (what, took, ratio, beside, than, limit) in [
        (
            "fixtures, median of 9",
            loaded,
            ratio_of_loaded,
            json,
            "reading their JSON",
            LOADED_AT_MOST,
        ),
        (
            "cast, median of 1,001",
            cast,
            cast.as_secs_f64() / loaded.as_secs_f64(),
            loaded,
            "loading the fixtures",
            CAST_AT_MOST,
        ),
    ] {
        let within = ratio <= limit;
        all_within &= within;
        let mark = if within { "" } else { "  ABOVE THE LIMIT" };
        println!(
            "{what:<26} {took:>10.1?}  {ratio:.4} of {than}, {beside:.1?} (at most {limit}){mark}"
        );
    }
    for (what, took, limit) in [
        ("fixtures", loaded, LOADED_WITHIN),
        ("cast", cast, CAST_WITHIN),
        (
            "coordination of a workflow",
            coordination(),
            COORDINATED_WITHIN,
        ),
    ] {
        let within = took <= limit;
        all_within &= within;
        let mark = if within { "" } else { "  ABOVE THE LIMIT" };
        println!("{what:<26} {took:>10.1?}  (at most {limit:?}){mark}");
    }
    ExitCode::from(u8::from(!all_within))
}

/// What the orchestrator adds to the four calls of `completeAgentCreation`, median of 1,001 times in turn.
fn coordination() -> Duration {
    let runtime = runtime::runtime();
    let added = [(); 1_001].map(|()| {
        let (coordinated, direct) = (run_workflow(&runtime), make_its_calls(&runtime));
        coordinated.saturating_sub(direct)
    });
    median(added, Ord::cmp)
}

fn run_workflow(runtime: &Runtime) -> Duration {
    runtime.block_on(async {
        let cast = Cast::load("agent-platform").expect("the cast is sound");
        let mut runs = cast.runs().with_fixtures(Fixtures::default());
        let workflow = Fixtures::default().workflow("completeAgentCreation");
        runs.declare(workflow.expect("the workflow is among the fixtures"))
            .expect("the workflow is sound");
        let started = Instant::now();
        runs.run(no_input(), None, 1).await.expect("it runs");
        let took = started.elapsed();
        let outcome = runs.outcome().expect("it has ended");
        assert_eq!(outcome.status.as_str(), "completed");
        took
    })
}

/// Makes the calls of the workflow without it, with the inputs that it would give them.
fn make_its_calls(runtime: &Runtime) -> Duration {
    runtime.block_on(async {
        let cast = Cast::load("agent-platform").expect("the cast is sound");
        let workflow = Fixtures::default().workflow("completeAgentCreation");
        let workflow = workflow.expect("the workflow is among the fixtures");
        let calls: Vec<Call> = workflow
            .steps
            .iter()
            .map(|step| {
                let (service, operation) = (step.service.as_deref(), step.operation.as_deref());
                let name = CallName::new(service.expect("a call"), operation.expect("a call"));
                let input = step.input.as_ref().expect("an input").to_string();
                let input = input
                    .replace("${/validatePersonality/id}", "creative-mentor")
                    .replace("${/validateRole/id}", "software-mentor")
                    .replace("\"${/validatePersonality/version}\"", "1");
                let input: Value = serde_json::from_str(&input).expect("it is still JSON");
                Call::new("bench", name, input)
            })
            .collect();
        let (client, policy) = (cast.client(), CallPolicy::default());
        let started = Instant::now();
        for call in &calls {
            let reply = client.call(call, &policy, None).await;
            black_box(reply.expect("the call succeeds"));
        }
        started.elapsed()
    })
}

/// Reads and checks all fixtures, in a process that has not done so before.
fn load() -> Duration {
    // Read once before, so that the disk is not measured.
    texts_below(&package_root().join("fixtures")).expect("the fixtures can be read");
    let started = Instant::now();
    let fixtures = Fixtures::default();
    let workflow = fixtures.workflow("completeAgentCreation");
    black_box(workflow.expect("the workflow is among the fixtures"));
    started.elapsed()
}

/// How long it takes to parse the JSON of all fixtures, in a process that has not done so before.
fn read_json() -> Duration {
    let texts = texts_below(&package_root().join("fixtures")).expect("the fixtures can be read");
    let started = Instant::now();
    for text in &texts {
        black_box(serde_json::from_slice::<Value>(text).expect("a fixture is JSON"));
    }
    started.elapsed()
}

fn texts_below(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            texts.extend(texts_below(&path)?);
        } else {
            texts.push(fs::read(path)?);
        }
    }
    Ok(texts)
}
