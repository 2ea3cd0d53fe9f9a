//! A suite: features, steps, services, hooks, and how they are run.

mod error;
mod folder;
mod scenarios;
mod shown;
mod warnings;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

pub use self::error::SuiteError;
use self::{
    folder::{created_when_needed, existing},
    scenarios::{job, shuffle, tagged},
    shown::{explain, views},
};
use super::{
    Fixtures, Hook, Options, Order, RunArgs, Snapshots, StepDefinition, StepIndex, Summary,
    TagExpression, World,
    dry_run::DryRun,
    events::View,
    features::{load, package_root},
    pickle::Pickle,
    runner::{self, Interrupt, Job},
    suite_setup::{SuiteSetup, service_hook},
};
use crate::{clock::Seed, services::Service};

/// Exit status when a suite cannot be run at all.
const EXIT_CANNOT_RUN: u8 = 2;

/// Features, the definitions of their steps, and what all scenarios share.
///
/// [`crate::run`] is enough for the defaults. Your own steps need not be listed: those that cucumber's
/// macros define on [`World`] are found.
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
/// struct Bookkeeping;
///
/// #[async_trait::async_trait]
/// impl Service for Bookkeeping {
///     fn name(&self) -> &str {
///         "Bookkeeping"
///     }
///
///     fn operations(&self) -> Option<Vec<&str>> {
///         Some(vec!["post"])
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
///         .service(|| Bookkeeping)
///         .hook(Hook::before_scenario("slow bookkeeping", async |world| {
///             world.cast().script("Bookkeeping.post")?.takes(Duration::from_millis(20));
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
    reproduce: &'static str,
}

impl Suite {
    /// The features of a file, a folder or a pattern, relative to the package, with the
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
            reproduce: "cargo test --test cucumber --",
        }
    }

    /// The folder of services and workflows as JSON, relative to the package: `fixtures` unless given.
    pub fn fixtures(mut self, folder: impl Into<PathBuf>) -> Self {
        self.fixtures = Some(folder.into());
        self
    }

    /// The folder of snapshots, relative to the package: `tests/snapshots` unless given.
    ///
    /// It is created for the first snapshot.
    pub fn snapshots(mut self, folder: impl Into<PathBuf>) -> Self {
        self.snapshots = Some(folder.into());
        self
    }

    /// Runs only scenarios whose tags match this expression, of those that the command line selects.
    ///
    /// Several expressions must all match.
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

    /// Adds a new service to the cast of every scenario, before its hooks and steps.
    ///
    /// No other service may take its name.
    #[track_caller]
    pub fn service<S: Service + 'static>(
        self,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        self.service_with(move |_| make())
    }

    /// Like [`Suite::service`], for a service that needs the scenario's timeline, clock or directory.
    #[track_caller]
    pub fn service_with<S: Service + 'static>(
        mut self,
        make: impl Fn(&mut World) -> S + Send + Sync + 'static,
    ) -> Self {
        self.services.push(service_hook(make));
        self
    }

    /// Adds code to run before or after every scenario or step.
    pub fn hook(mut self, hook: Hook) -> Self {
        self.hooks.push(hook);
        self
    }

    /// The command that runs the suite, for messages that say how to run one scenario again.
    #[doc(hidden)]
    pub fn run_by(mut self, command: &'static str) -> Self {
        self.reproduce = command;
        self
    }

    /// Adds step definitions to those of cucumber's macros.
    pub fn steps(mut self, steps: Vec<StepDefinition>) -> Self {
        self.steps.extend(steps);
        self
    }

    /// Runs what a command line, which begins with the program's name, asks for, and shows it.
    ///
    /// The status is 0 if all passed, 1 if a scenario failed, 2 if the suite could not be run, 130 if
    /// it was interrupted by SIGINT and 143 by SIGTERM. The process should end with it: a thread that
    /// hangs ends only then.
    pub fn run(self, args: impl IntoIterator<Item = OsString>) -> ExitCode {
        #[cfg(feature = "sqlite")]
        if let Some(status) = super::process::orchestrate_if_asked() {
            return status;
        }
        let args = match RunArgs::read(args) {
            Ok(args) => args,
            Err(error) => {
                // Nothing can be reported if standard error is closed.
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
        let options = args.options(&package_root())?;
        let interrupt = Interrupt::on_signals();
        let prepared = self.prepare(&options)?;
        for warning in &prepared.warnings {
            eprintln!("warning: {warning}");
        }
        if let Order::Random(seed) = options.order {
            eprintln!("order: random:{seed}");
        }
        prepared.run(
            &options,
            &interrupt,
            &mut views(&args.output(), self.reproduce)?,
        )
    }

    /// Runs the suite and reports it to `views`.
    ///
    /// # Errors
    ///
    /// If the suite cannot be run; nothing is reported then.
    pub fn execute(
        &self,
        options: &Options,
        views: &mut [Box<dyn View>],
    ) -> Result<Summary, SuiteError> {
        self.prepare(options)?
            .run(options, &Interrupt::default(), views)
    }

    fn prepare(&self, options: &Options) -> Result<PreparedSuite, SuiteError> {
        let root = package_root();
        let locations = &options.selection.locations;
        let features = match &options.input {
            Some(input) => load(input, Path::new(""), &root, locations)?,
            None => load(&self.features, &root, &root, locations)?,
        };
        let mut warnings = warnings::of_features(&features);
        let pickles = features.pickles;
        options.selection.check_locations(&pickles)?;
        if pickles.is_empty() {
            let input = options.input.as_ref().unwrap_or(&self.features);
            return Err(SuiteError::NoScenario(input.clone()));
        }
        let texts = self.tags.iter().map(|text| text.parse());
        let tags = texts.collect::<Result<Vec<TagExpression>, _>>()?;
        // Of some files only, the tags of the others are not known.
        if locations.is_empty() {
            let given = &options.selection.tags;
            warnings.extend(warnings::of_tags(given, &tags, &self.hooks, &pickles));
        }
        let all = pickles.iter().map(|found| Arc::clone(&found.pickle));
        let all: Vec<_> = all.collect();
        let mut setup = self.setup(&root, all.clone())?;
        let mut selected = options.selection.apply(tagged(&tags, pickles)?)?;
        if let Order::Random(seed) = options.order {
            shuffle(&mut selected, Seed(seed));
        }
        let mut definitions = StepDefinition::collected();
        definitions.extend(self.steps.iter().cloned());
        let index = Arc::new(StepIndex::new(definitions));
        if options.dry_run {
            let is_all = options.input.is_none() && locations.is_empty();
            let (fixtures, snapshots) = (&setup.fixtures, &setup.snapshots);
            let dry_run = DryRun::new(&index, fixtures, snapshots, &all, is_all);
            setup.dry_run = Some(Arc::new(dry_run));
        }
        Ok(PreparedSuite {
            jobs: selected
                .into_iter()
                .map(|found| job(found, options))
                .collect(),
            index,
            setup,
            warnings,
        })
    }

    fn setup(&self, root: &Path, all: Vec<Arc<Pickle>>) -> Result<SuiteSetup, SuiteError> {
        let fixtures = match &self.fixtures {
            None => Fixtures::default(),
            Some(folder) => Fixtures::new(existing("fixtures", folder, root)?),
        };
        let snapshots = match &self.snapshots {
            None => Snapshots::default_directory(),
            Some(folder) => created_when_needed("snapshots", folder, root)?,
        };
        for hook in &self.hooks {
            hook.check().map_err(|source| SuiteError::Hook {
                name: hook.info().name.clone(),
                location: hook.info().location.clone(),
                source,
            })?;
        }
        Ok(SuiteSetup {
            services: self.services.clone(),
            hooks: self.hooks.clone(),
            fixtures,
            snapshots: Arc::new(Snapshots::new(snapshots, all)?),
            dry_run: None,
        })
    }
}

/// A suite whose features are compiled and selected.
struct PreparedSuite {
    jobs: Vec<Job>,
    index: Arc<StepIndex>,
    setup: SuiteSetup,
    warnings: Vec<String>,
}

impl PreparedSuite {
    fn run(
        self,
        options: &Options,
        interrupt: &Interrupt,
        views: &mut [Box<dyn View>],
    ) -> Result<Summary, SuiteError> {
        runner::run(self.jobs, self.index, self.setup, options, interrupt, views)
            .map_err(SuiteError::Threads)
    }
}

fn exit_code(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status).unwrap_or(EXIT_CANNOT_RUN))
}

#[cfg(test)]
mod tests {
    use std::{io, num::NonZeroUsize, sync::Mutex, thread, time::Duration};

    use regex::Regex;

    use super::*;
    use crate::harness::{events::RunEvent, pickle::StepKind};

    /// Interrupts the run when its first scenario has ended, and keeps the names and statuses of all.
    struct Impatient(Interrupt, Arc<Mutex<Vec<String>>>);

    impl View for Impatient {
        fn handle(&mut self, event: &RunEvent) -> io::Result<()> {
            let mut cases = self.1.lock().unwrap();
            match event {
                RunEvent::TestCaseStarted { pickle, .. } => cases.push(pickle.name.clone()),
                RunEvent::TestCaseFinished { status, .. } => {
                    self.0.raise(2);
                    let case = cases.last_mut().unwrap();
                    *case = format!("{case}: {}", status.as_str());
                }
                _ => {}
            }
            Ok(())
        }
    }

    #[test]
    fn interrupted_run_reports_what_has_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.feature");
        let scenarios =
            ["a", "b", "c"].map(|name| format!("  Scenario: {name}\n    Given {name}\n"));
        std::fs::write(&path, format!("Feature: F\n{}", scenarios.concat())).unwrap();
        let works = |name| {
            let regex = Regex::new(name).unwrap();
            StepDefinition::matching(StepKind::Given, regex, |_, _| Box::pin(async {}))
        };
        let regex = Regex::new("^b$").unwrap();
        let sleeps = StepDefinition::matching(StepKind::Given, regex, |_, _| {
            Box::pin(async { thread::sleep(Duration::from_millis(300)) })
        });
        let options = Options {
            concurrency: NonZeroUsize::MIN,
            ..Options::default()
        };
        let (interrupt, cases) = (Interrupt::default(), Arc::default());
        let impatient = Impatient(interrupt.clone(), Arc::clone(&cases));
        let summary = Suite::new(path.to_str().unwrap())
            .steps(vec![works("^a$"), sleeps, works("^c$")])
            .prepare(&options)
            .unwrap()
            .run(&options, &interrupt, &mut [Box::new(impatient)])
            .unwrap();
        assert_eq!(*cases.lock().unwrap(), ["a: passed", "b: passed"]);
        assert_eq!(summary.exit_status(), 130);
    }
}
