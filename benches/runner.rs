//! This runner beside `cucumber`'s own, as whole processes with the same features and definitions.
//!
//! `cargo bench --bench runner` for release, `cargo bench --bench runner --profile dev` for the
//! profile that `cargo test` uses. Ratios are medians of five runs in turn. `-- CASE` runs one case.

#[path = "scene/median.rs"]
mod median;

use std::{
    error::Error,
    fs::{self, File},
    hint::black_box,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use cucumber::{World as _, codegen::LocalBoxFuture, step};
use rehearsal::harness::{StepDefinition, Suite, pickle::StepKind};

use self::median::median;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Runs of each side, alternating.
const RUNS: usize = 5;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let result = match args
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["child", side, definitions, burn, features] => {
            return child(side, definitions, burn, features);
        }
        [] => compare(None),
        [case] => compare(Some(case)),
        _ => Err("expected at most the name of a case".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Features to run, and their step definitions.
struct Case {
    name: &'static str,
    files: usize,
    scenarios: usize,
    steps: fn(usize) -> String,
    /// Number of step definitions added. If there are any, `cucumber` has only these, and this runner
    /// its whole vocabulary besides.
    definitions: usize,
    /// Maximum ratio to `cucumber`, if compared with it.
    at_most: Option<f64>,
}

const CASES: [Case; 9] = [
    Case {
        name: "no-op steps, 200 definitions",
        files: 20,
        scenarios: 2_000,
        steps: no_op_steps_of_200,
        definitions: 200,
        at_most: Some(0.5),
    },
    Case {
        name: "no-op steps, 1,000 definitions",
        files: 20,
        scenarios: 2_000,
        steps: no_op_steps_of_1000,
        definitions: 1_000,
        at_most: Some(0.15),
    },
    Case {
        name: "20 ms of CPU each",
        files: 4,
        scenarios: 64,
        steps: burn_step,
        definitions: 0,
        at_most: Some(0.6),
    },
    Case {
        name: "two waits of 100 ms each",
        files: 4,
        scenarios: 200,
        steps: wait_steps,
        definitions: 0,
        at_most: Some(0.05),
    },
    Case {
        name: "500 scenarios",
        files: 5,
        scenarios: 500,
        steps: call_steps,
        definitions: 0,
        at_most: None,
    },
    Case {
        name: "2,000 scenarios",
        files: 20,
        scenarios: 2_000,
        steps: call_steps,
        definitions: 0,
        at_most: None,
    },
    Case {
        name: "8,000 scenarios",
        files: 80,
        scenarios: 8_000,
        steps: call_steps,
        definitions: 0,
        at_most: None,
    },
    Case {
        name: "10,000 scenarios",
        files: 100,
        scenarios: 10_000,
        steps: call_steps,
        definitions: 0,
        at_most: None,
    },
    Case {
        name: "32,000 scenarios",
        files: 320,
        scenarios: 32_000,
        steps: call_steps,
        definitions: 0,
        at_most: None,
    },
];

fn no_op_steps(scenario: usize, definitions: usize) -> String {
    let of = |step: usize| (scenario * 10 + step) * 7 % definitions;
    (0..10)
        .map(|step| format!("    Given bench step {} does {step}\n", of(step)))
        .collect()
}

fn no_op_steps_of_200(scenario: usize) -> String {
    no_op_steps(scenario, 200)
}

fn no_op_steps_of_1000(scenario: usize) -> String {
    no_op_steps(scenario, 1_000)
}

fn burn_step(_: usize) -> String {
    "    Given bench step 0 burns 1\n".to_owned()
}

fn wait_steps(_: usize) -> String {
    "    When 100 ms passes\n    When 100 ms passes\n".to_owned()
}

fn call_steps(_: usize) -> String {
    "    Given a service \"Payments\"\n    When \"Payments.charge\" is called\n    Then the call succeeds\n".to_owned()
}

fn compare(wanted: Option<&str>) -> Outcome {
    let folder = tempfile::tempdir()?;
    let burn = calibrate();
    let mut too_slow = Vec::new();
    println!("cores: {}", std::thread::available_parallelism()?);
    println!(
        "{:<34}{:>12}{:>12}{:>8}  limit",
        "case", "rehearsal", "cucumber", "ratio"
    );
    for case in CASES {
        if wanted.is_some_and(|wanted| !case.name.contains(wanted)) {
            continue;
        }
        let features = write_features(folder.path(), &case)?;
        let out = folder.path().join("out.txt");
        let by_elapsed = |one: &Measured, other: &Measured| one.elapsed.cmp(&other.elapsed);
        let mut own = Vec::new();
        let mut other = Vec::new();
        for _ in 0..RUNS {
            own.push(run("rehearsal", &case, burn, &features, &out)?);
            if case.at_most.is_some() {
                other.push(run("cucumber", &case, burn, &features, &out)?);
            }
        }
        let own = median(own, by_elapsed);
        match case.at_most {
            Some(at_most) => {
                let other = median(other, by_elapsed);
                let ratio = own.elapsed.as_secs_f64() / other.elapsed.as_secs_f64();
                println!(
                    "{:<34}{:>12}{:>12}{ratio:>8.3}  {at_most}",
                    case.name,
                    millis(own.elapsed),
                    millis(other.elapsed)
                );
                if ratio > at_most {
                    too_slow.push(case.name);
                }
            }
            None => println!(
                "{:<34}{:>12}  {:>6.1} µs elapsed and {:>6.1} µs of CPU a scenario, peak {} MB",
                case.name,
                millis(own.elapsed),
                micros(own.elapsed, case.scenarios),
                micros(own.cpu, case.scenarios),
                own.peak_kb / 1_024
            ),
        }
    }
    if too_slow.is_empty() {
        Ok(())
    } else {
        Err(format!("above their limits: {}", too_slow.join(", ")).into())
    }
}

fn write_features(folder: &Path, case: &Case) -> Outcome<PathBuf> {
    let features = folder.join(case.name.replace([' ', ','], "-"));
    fs::create_dir_all(&features)?;
    let each = case.scenarios / case.files;
    for file in 0..case.files {
        let mut text = format!("Feature: Bench {file}\n");
        for scenario in 0..each {
            text += &format!(
                "\n  Scenario: Number {scenario}\n{}",
                (case.steps)(file * each + scenario)
            );
        }
        fs::write(features.join(format!("bench_{file:03}.feature")), text)?;
    }
    Ok(features)
}

/// The resources that a process used.
#[derive(Clone, Copy)]
struct Measured {
    elapsed: Duration,
    cpu: Duration,
    peak_kb: u64,
}

fn run(side: &str, case: &Case, burn: u64, features: &Path, out: &Path) -> Outcome<Measured> {
    let usage = out.with_extension("usage");
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args([
            "child",
            side,
            &case.definitions.to_string(),
            &burn.to_string(),
        ])
        .arg(features)
        .env("CI", "1")
        .stdout(File::create(out)?)
        .stderr(File::create(&usage)?)
        .stdin(Stdio::null());
    let began = Instant::now();
    let status = command.status()?;
    let elapsed = began.elapsed();
    let printed = fs::read_to_string(&usage)?;
    if !status.success() {
        return Err(format!("{side} failed at {}: {printed}", case.name).into());
    }
    let mut usage = printed.lines().next_back().unwrap_or("").split_whitespace();
    let mut next = || {
        usage
            .next()
            .and_then(|figure| figure.parse().ok())
            .unwrap_or(0)
    };
    Ok(Measured {
        elapsed,
        cpu: Duration::from_millis(next()),
        peak_kb: next(),
    })
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}

fn micros(duration: Duration, parts: usize) -> f64 {
    duration.as_secs_f64() * 1_000_000.0 / parts as f64
}

/// Turns of [`spin`] that take 20 ms.
fn calibrate() -> u64 {
    const TURNS: u64 = 5_000_000;
    let began = Instant::now();
    spin(TURNS);
    (TURNS as f64 * 0.020 / began.elapsed().as_secs_f64()) as u64
}

fn spin(turns: u64) {
    let mut value = 1_u64;
    for turn in 0..turns {
        value = black_box(
            value
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(turn),
        );
    }
}

static BURN: std::sync::OnceLock<u64> = std::sync::OnceLock::new();

/// The world for `cucumber`'s own runner, which does not run ours.
#[derive(Debug, Default, cucumber::World)]
struct CucumberWorld;

fn run_no_op<W>(_: &mut W, _: step::Context) -> LocalBoxFuture<'_, ()> {
    Box::pin(std::future::ready(()))
}

fn run_burn<W>(_: &mut W, _: step::Context) -> LocalBoxFuture<'_, ()> {
    Box::pin(async { spin(*BURN.get().unwrap_or(&1)) })
}

/// The step definitions added: `wanted` no-op ones, or for none the one that burns CPU time.
fn definitions<W>(wanted: usize) -> Vec<(regex::Regex, cucumber::Step<W>)> {
    let regex = |text: String| regex::Regex::new(&text).expect("the pattern is well-formed");
    let mut all: Vec<(regex::Regex, cucumber::Step<W>)> = (0..wanted)
        .map(|number| {
            (
                regex(format!(r"^bench step {number} does (-?\d+)$")),
                run_no_op as cucumber::Step<W>,
            )
        })
        .collect();
    if wanted == 0 {
        all.push((regex(r"^bench step 0 burns (\d+)$".to_owned()), run_burn));
    }
    all
}

/// Waits like the phrase of our vocabulary.
#[expect(clippy::needless_pass_by_value, reason = "cucumber's signature")]
fn run_wait(_: &mut CucumberWorld, step: step::Context) -> LocalBoxFuture<'_, ()> {
    let millis = step.matches[1].1.trim_end_matches(" ms").parse();
    let millis = millis.expect("it waits whole milliseconds");
    Box::pin(tokio::time::sleep(Duration::from_millis(millis)))
}

/// The phrases of our vocabulary for `cucumber`'s own runner. Of those that its features use, only one
/// has any effect.
fn vocabulary() -> step::Collection<CucumberWorld> {
    let all = StepDefinition::collected();
    all.iter().fold(step::Collection::new(), |steps, step| {
        let regex = step.regex().clone();
        let run = match regex.is_match("100 ms passes") {
            true => run_wait as cucumber::Step<CucumberWorld>,
            false => run_no_op,
        };
        match step.kind() {
            StepKind::Given => steps.given(None, regex, run),
            StepKind::When => steps.when(None, regex, run),
            StepKind::Then => steps.then(None, regex, run),
        }
    })
}

fn child(side: &str, wanted: &str, burn: &str, features: &str) -> ExitCode {
    let wanted = wanted.parse().unwrap_or(0);
    let _ = BURN.set(burn.parse().unwrap_or(1));
    let code = if side == "rehearsal" {
        let steps = definitions(wanted)
            .into_iter()
            .map(|(regex, run)| StepDefinition::matching(StepKind::Given, regex, run));
        Suite::new(features)
            .steps(steps.collect())
            .run(["bench".into()])
    } else {
        let mut steps = match wanted {
            0 => vocabulary(),
            _ => step::Collection::new(),
        };
        for (regex, run) in definitions::<CucumberWorld>(wanted) {
            steps = steps.given(None, regex, run);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime can be built");
        runtime.block_on(
            CucumberWorld::cucumber()
                .steps(steps)
                .with_default_cli()
                .run(features),
        );
        ExitCode::SUCCESS
    };
    report_usage();
    code
}

/// Prints to standard error the CPU time (ms) and peak memory (kB) of the process, where `/proc` exists.
fn report_usage() {
    // Linux reports CPU time in hundredths of a second.
    const TICK_MS: u64 = 10;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|text| text.split_whitespace().next())
        .unwrap_or("0");
    eprintln!("{} {peak}", (ticks(11) + ticks(12)) * TICK_MS);
}
