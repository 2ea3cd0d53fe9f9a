use std::{
    ffi::OsString,
    io::IsTerminal,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Parser, ValueEnum};
use regex::Regex;

use super::{
    FeatureLocation, Options, Order, Selection, SelectionError, TagExpression,
    options::RetryOptions,
};
use crate::{
    clock::Seed,
    domain::{did_you_mean, parse_duration},
};

/// The command line of a suite: what to run, how, and what to show of it.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Scenarios to run: FILE.feature, FILE.feature:LINE[:LINE...], a folder with a slash, or a part of
    /// a file's, a feature's or a scenario's name
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,

    /// Features to run: a file, a folder or a pattern such as "features/**/*.feature"
    #[arg(short, long, value_name = "PATH")]
    input: Option<String>,

    /// Run only scenarios whose name matches this regular expression
    #[arg(short, long, value_name = "REGEX")]
    name: Option<Regex>,

    /// Run only scenarios whose tags match this expression, such as "@slow and not @flaky"; given
    /// several times, all of them
    #[arg(
        short,
        long,
        value_name = "EXPR",
        env = "CUCUMBER_FILTER_TAGS",
        hide_env_values = true
    )]
    tags: Vec<TagExpression>,

    /// How many scenarios run concurrently [default: one per core]
    #[arg(short, long, value_name = "N")]
    concurrency: Option<NonZeroUsize>,

    /// Check the scenarios without running them: Givens declare, all other steps are only matched. Hooks and
    /// steps of your own are not run; no report is written, which would read like that of a run
    #[arg(long, conflicts_with_all = ["report", "fail_fast"])]
    dry_run: bool,

    /// Skip everything after the first scenario that fails
    #[arg(long, visible_alias = "ff")]
    fail_fast: bool,

    /// How often a failing scenario runs again, with the same seed
    #[arg(long, value_name = "N")]
    retry: Option<u32>,

    /// How long a @wall-clock scenario waits before it runs again
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    retry_after: Option<Duration>,

    /// Run only failing scenarios with these tags again
    #[arg(long, value_name = "EXPR")]
    retry_tag_filter: Option<TagExpression>,

    /// Order of the scenarios: "file", "random" or "random:SEED"
    #[arg(long, value_name = "ORDER", default_value = "file", value_parser = parse_order)]
    order: Order,

    /// Seed of all random choices in the scenarios
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Real time after which a scenario counts as stuck
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_timeout)]
    scenario_timeout: Duration,

    /// Write a report, such as "junit=target/junit.xml"; may be repeated
    #[arg(long, value_name = "KIND=FILE", value_parser = parse_report)]
    report: Vec<Report>,

    /// When to use colour
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    color: Color,

    /// Show more: steps of scenarios that pass; may be repeated
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,

    /// Show less: failures and the summary
    #[arg(short, long)]
    quiet: bool,

    /// Skip scenarios whose path, feature's name or name contains this
    #[arg(long, value_name = "NAME")]
    skip: Vec<String>,

    /// Match bare names as a whole, not as parts
    #[arg(long)]
    exact: bool,

    #[command(flatten)]
    libtest: LibtestArgs,
}

/// What `cargo test -- …` passes to every test target.
#[derive(Clone, Debug, Args)]
struct LibtestArgs {
    #[arg(long, hide = true)]
    test_threads: Option<NonZeroUsize>,
    #[arg(long, hide = true, alias = "no-capture")]
    nocapture: bool,
    #[arg(long, hide = true)]
    show_output: bool,
    #[arg(long, hide = true)]
    include_ignored: bool,
    #[arg(long, hide = true)]
    ignored: bool,
    #[arg(long, hide = true)]
    format: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    report_time: Option<Option<String>>,
    #[arg(short = 'Z', hide = true)]
    unstable: Vec<String>,
}

/// Runs features against played services.
#[derive(Debug, Parser)]
#[command(name = "rehearsal", args_override_self = true)]
struct Cli {
    #[command(flatten)]
    run: RunArgs,
}

/// A report to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What kind of report.
    pub kind: ReportKind,
    /// The file to write.
    pub path: PathBuf,
}

/// The kinds of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// JUnit's XML.
    JUnit,
}

impl ReportKind {
    const ALL: [(&str, Self); 1] = [("junit", Self::JUnit)];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, but not in CI
    Auto,
    Always,
    Never,
}

/// What to show of a run.
#[derive(Debug)]
pub struct OutputOptions {
    /// Whether to use colour.
    pub color: bool,
    /// Whether to show the steps of scenarios that pass.
    pub verbose: bool,
    /// Whether to show failures and the summary only.
    pub quiet: bool,
    /// Whether to show how far the run is while it runs: on a terminal, but not in CI.
    pub progress: bool,
    /// The reports to write.
    pub reports: Vec<Report>,
}

impl RunArgs {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    ///
    /// What to print instead of a run, and the status to exit with: help, or what is wrong.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Cli::try_parse_from(args).map(|cli| cli.run)
    }

    /// What to run and how; paths are taken relative to `root`.
    ///
    /// # Errors
    ///
    /// If a feature file's path is followed by something that is not a line number.
    pub fn options(&self, root: &Path) -> Result<Options, SelectionError> {
        let mut selection = Selection {
            name: self.name.clone(),
            tags: self.tags.clone(),
            skip: self.skip.clone(),
            exact: self.exact,
            ..Selection::default()
        };
        for text in &self.scenarios {
            match FeatureLocation::parse(text, root)? {
                Some(location) => selection.locations.push(location),
                None => selection.filters.push(text.clone()),
            }
        }
        let defaults = Options::default();
        Ok(Options {
            input: self.input.clone(),
            selection,
            concurrency: self
                .concurrency
                .or(self.libtest.test_threads)
                .unwrap_or(defaults.concurrency),
            dry_run: self.dry_run,
            fail_fast: self.fail_fast,
            retry: RetryOptions {
                retries: self.retry,
                after: self.retry_after,
                only: self.retry_tag_filter.clone(),
            },
            order: self.order,
            seed: self.seed,
            scenario_timeout: self.scenario_timeout,
        })
    }

    /// What to show of the run.
    pub fn output(&self) -> OutputOptions {
        OutputOptions {
            color: self.color.applies_to(&std::io::stdout()),
            verbose: self.verbose > 0,
            quiet: self.quiet,
            progress: std::io::stderr().is_terminal() && std::env::var_os("CI").is_none(),
            reports: self.report.clone(),
        }
    }

    /// Whether messages on standard error are coloured.
    pub fn color_messages(&self) -> bool {
        self.color.applies_to(&std::io::stderr())
    }
}

impl Color {
    /// See <https://no-color.org>.
    fn applies_to(self, stream: &impl IsTerminal) -> bool {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
                stream.is_terminal() && !dumb && !set("NO_COLOR") && !set("CI")
            }
        }
    }
}

fn parse_order(text: &str) -> Result<Order, String> {
    match text.split_once(':') {
        None if text == "file" => Ok(Order::File),
        // Random as requested; the seed is printed, so that the order can be repeated.
        None if text == "random" => Ok(Order::Random(Seed::random().0 >> 32)),
        Some(("random", seed)) => match seed.parse() {
            Ok(seed) => Ok(Order::Random(seed)),
            Err(_) => Err(format!("{seed:?} is not a valid seed, expected a number")),
        },
        _ => Err("expected \"file\", \"random\" or \"random:SEED\"".to_owned()),
    }
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("the timeout must be longer than zero".to_owned()),
        other => other.map_err(|error| error.to_string()),
    }
}

fn parse_report(text: &str) -> Result<Report, String> {
    let names = ReportKind::ALL.map(|(name, _)| name);
    let Some((name, path)) = text.split_once('=').filter(|(_, path)| !path.is_empty()) else {
        return Err(format!(
            "expected KIND=FILE, such as \"{}=report.xml\"",
            names[0]
        ));
    };
    match ReportKind::ALL.iter().find(|(kind, _)| *kind == name) {
        Some((_, kind)) => Ok(Report {
            kind: *kind,
            path: path.into(),
        }),
        None => Err(format!(
            "there is no report \"{name}\", {}",
            did_you_mean(name, names)
        )),
    }
}

#[cfg(test)]
mod tests;
