mod error;
mod folder;
mod scenarios;

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

pub use self::error::SuiteError;
use self::{
    folder::{existing, made_when_needed},
    scenarios::{duplicates, shuffle, tagged},
};
use super::{
    Compiled, FeaturesError, Fixtures, Hook, JUnit, Options, Order, Progress, RunArgs, Snapshots,
    StepDefinition, StepIndex, Summary, Terminal, TerminalOptions, World,
    backstage::{Backstage, own_service},
    cli::{Output, ReportKind},
    events::View,
    features::load,
    package::package_root,
    pickle::Pickle,
    runner::{self, Interrupt, Job, Settings},
};
use crate::{clock::Seed, services::Service};

/// What runs one scenario again, its place and seed behind it.
const REPRODUCE: &str = "cargo test --test cucumber --";

/// Exit status when a suite cannot be run at all.
const EXIT_CANNOT_RUN: u8 = 2;

/// Features, the definitions of their steps, and what all scenarios share.
///
/// [`crate::run`] will do where the defaults do. Steps of one's own need no mention here: those that
/// cucumber's macros define on [`World`] are found.
///
/// ```
/// use std::time::Duration;
/// use rehearsal::{
///     Hook, Suite,
///     domain::{Call, Reply},
///     services::{CallResult, Service},
/// };
/// use serde_json::json;
///
/// struct Ledger;
///
/// #[async_trait::async_trait]
/// impl Service for Ledger {
///     fn name(&self) -> &str {
///         "Ledger"
///     }
///
///     async fn call(&self, _: &Call) -> CallResult {
///         Ok(Reply::new(json!({ "posted": true })))
///     }
/// }
///
/// fn main() -> std::process::ExitCode {
///     Suite::new("features/services")
///         .fixtures("fixtures")
///         .snapshots("tests/snapshots")
///         .service(|| Ledger)
///         .hook(Hook::before_scenario("a slow ledger", async |world| {
///             world.cast().script("Ledger.post")?.takes(Duration::from_millis(20));
///             Ok(())
///         }))
///         .run(std::env::args_os())
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a suite does nothing until it is run"]
pub struct Suite {
    features: String,
    fixtures: Option<PathBuf>,
    snapshots: Option<PathBuf>,
    tags: Vec<String>,
    steps: Vec<StepDefinition>,
    services: Vec<Hook>,
    hooks: Vec<Hook>,
}

impl Suite {
    /// The features that a file, a folder or a pattern stands for, relative to the package, with the
    /// steps that cucumber's macros have defined.
    pub fn new(features: impl Into<String>) -> Self {
        Self {
            features: features.into(),
            fixtures: None,
            snapshots: None,
            tags: Vec::new(),
            steps: Vec::new(),
            services: Vec::new(),
            hooks: Vec::new(),
        }
    }

    /// The folder of services and workflows as JSON, relative to the package: `fixtures` unless given.
    pub fn fixtures(mut self, folder: impl Into<PathBuf>) -> Self {
        self.fixtures = Some(folder.into());
        self
    }

    /// The folder of snapshots, relative to the package: `tests/snapshots` unless given.
    ///
    /// It is made for the first snapshot.
    pub fn snapshots(mut self, folder: impl Into<PathBuf>) -> Self {
        self.snapshots = Some(folder.into());
        self
    }

    /// Runs only scenarios whose tags meet this expression, of those that the command line selects.
    ///
    /// Several expressions must all be met.
    ///
    /// ```no_run
    /// # use rehearsal::Suite;
    /// let mut suite = Suite::new("features");
    /// if cfg!(windows) {
    ///     suite = suite.tags("not @needs-unix");
    /// }
    /// # suite.run(std::env::args_os());
    /// ```
    pub fn tags(mut self, expression: impl Into<String>) -> Self {
        self.tags.push(expression.into());
        self
    }

    /// Adds a service to the cast of every scenario, a new one each, before hooks and steps.
    ///
    /// A step that adds one of the same name replaces it.
    #[track_caller]
    pub fn service<S: Service + 'static>(
        self,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        self.service_with(move |_| make())
    }

    /// As [`Suite::service`], for one that needs the scenario's timeline, clock or directory.
    #[track_caller]
    pub fn service_with<S: Service + 'static>(
        mut self,
        make: impl Fn(&mut World) -> S + Send + Sync + 'static,
    ) -> Self {
        self.services.push(own_service(make));
        self
    }

    /// Adds what is done before or after every scenario or step.
    pub fn hook(mut self, hook: Hook) -> Self {
        self.hooks.push(hook);
        self
    }

    /// Adds definitions of steps, beside those of cucumber's macros.
    pub fn steps(mut self, steps: Vec<StepDefinition>) -> Self {
        self.steps.extend(steps);
        self
    }

    /// Runs what a command line, the program's name first, asks for, and shows it.
    ///
    /// The status is 0 if all passed, 1 if a scenario failed, 2 if the suite could not be run and
    /// 130 if it was interrupted. The process should end with it: a thread that hangs ends only then.
    pub fn run(self, args: impl IntoIterator<Item = OsString>) -> ExitCode {
        #[cfg(feature = "sqlite")]
        if let Some(status) = super::process::orchestrate_if_asked() {
            return status;
        }
        let args = match RunArgs::read(args) {
            Ok(args) => args,
            Err(error) => {
                // There is nowhere to say that standard error is closed.
                let _ = error.print();
                return exit_code(error.exit_code());
            }
        };
        match self.run_args(&args) {
            Ok(summary) => {
                for error in &summary.view_errors {
                    eprintln!("error: a report could not be written: {error}");
                }
                ExitCode::from(summary.exit_status())
            }
            Err(error) => {
                explain(&error, args.color_messages());
                ExitCode::from(EXIT_CANNOT_RUN)
            }
        }
    }

    fn run_args(&self, args: &RunArgs) -> Result<Summary, SuiteError> {
        let mut options = args.options(&package_root())?;
        options.interrupt = Interrupt::on_ctrl_c();
        let plan = self.plan(&options)?;
        for warning in &plan.warnings {
            eprintln!("warning: {warning}");
        }
        if let Order::Random(seed) = options.order {
            eprintln!("order: random:{seed}");
        }
        plan.run(&options, &mut views(&args.output())?)
    }

    /// Runs the suite and tells `views` of it.
    ///
    /// # Errors
    ///
    /// If the suite cannot be run; the views are told nothing then.
    pub fn execute(
        &self,
        options: &Options,
        views: &mut [Box<dyn View>],
    ) -> Result<Summary, SuiteError> {
        self.plan(options)?.run(options, views)
    }

    fn plan(&self, options: &Options) -> Result<Plan, SuiteError> {
        let root = package_root();
        let places = &options.selection.places;
        let pickles = match &options.input {
            Some(input) => load(input, Path::new(""), &root, places)?,
            None => load(&self.features, &root, &root, places)?,
        };
        options.selection.check_places(&pickles)?;
        if pickles.is_empty() {
            let input = options.input.as_ref().unwrap_or(&self.features);
            return Err(SuiteError::NoScenario(input.clone()));
        }
        let warnings = duplicates(&pickles);
        let all = pickles.iter().map(|found| Arc::clone(&found.pickle));
        let backstage = self.backstage(&root, all.collect())?;
        let mut selected = options.selection.apply(tagged(&self.tags, pickles)?)?;
        if let Order::Random(seed) = options.order {
            shuffle(&mut selected, Seed(seed));
        }
        let mut definitions = StepDefinition::collected();
        definitions.extend(self.steps.iter().cloned());
        let job = |Compiled {
                       pickle,
                       options: tags,
                       ..
                   }| {
            let (retries, retry_after) = options.retry.of(&tags, &pickle.tags);
            Job {
                pickle,
                options: tags,
                retries,
                retry_after,
            }
        };
        Ok(Plan {
            jobs: selected.into_iter().map(job).collect(),
            index: Arc::new(StepIndex::new(definitions)),
            backstage,
            warnings,
        })
    }

    fn backstage(&self, root: &Path, all: Vec<Arc<Pickle>>) -> Result<Backstage, SuiteError> {
        let fixtures = match &self.fixtures {
            None => Fixtures::default(),
            Some(folder) => Fixtures::new(existing("fixtures", folder, root)?),
        };
        let snapshots = match &self.snapshots {
            None => Snapshots::default_directory(),
            Some(folder) => made_when_needed("snapshots", folder, root)?,
        };
        for hook in &self.hooks {
            hook.check().map_err(|source| SuiteError::Hook {
                name: hook.info().name.clone(),
                location: hook.info().location.clone(),
                source,
            })?;
        }
        Ok(Backstage {
            services: self.services.clone(),
            hooks: self.hooks.clone(),
            fixtures,
            snapshots: Arc::new(Snapshots::new(snapshots, all)?),
        })
    }
}

/// A suite that can be run.
struct Plan {
    jobs: Vec<Job>,
    index: Arc<StepIndex>,
    backstage: Backstage,
    warnings: Vec<String>,
}

impl Plan {
    fn run(self, options: &Options, views: &mut [Box<dyn View>]) -> Result<Summary, SuiteError> {
        let settings = Settings {
            concurrency: options.concurrency,
            fail_fast: options.fail_fast,
            seed: options.seed,
            scenario_timeout: options.scenario_timeout,
            interrupt: options.interrupt.clone(),
        };
        runner::run(self.jobs, self.index, self.backstage, &settings, views)
            .map_err(SuiteError::Threads)
    }
}

/// The views that the command line asks for. Reports that cannot be written are refused here.
fn views(output: &Output) -> Result<Vec<Box<dyn View>>, SuiteError> {
    let mut views: Vec<Box<dyn View>> = Vec::new();
    for report in &output.reports {
        match report.kind {
            ReportKind::JUnit => {
                let junit = JUnit::new(&report.path).map_err(|source| SuiteError::Report {
                    path: report.path.clone(),
                    source,
                })?;
                views.push(Box::new(junit));
            }
        }
    }
    let mut out: Box<dyn io::Write + Send> = Box::new(io::stdout());
    if output.progress {
        let started = Instant::now();
        let progress = Progress::new(Box::new(io::stderr()), move || started.elapsed());
        out = progress.over(out);
        views.push(Box::new(progress));
    }
    let options = TerminalOptions {
        color: output.color,
        verbose: output.verbose,
        quiet: output.quiet,
        reproduce: REPRODUCE.to_owned(),
    };
    views.push(Box::new(Terminal::new(out, options)));
    Ok(views)
}

fn explain(error: &SuiteError, color: bool) {
    if let SuiteError::Features(FeaturesError::Faulty(faults)) = error {
        for fault in faults {
            eprintln!("{}", fault.render(color));
        }
    }
    eprint!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        eprint!(": {cause}");
        source = cause.source();
    }
    eprintln!();
}

fn exit_code(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status).unwrap_or(EXIT_CANNOT_RUN))
}
