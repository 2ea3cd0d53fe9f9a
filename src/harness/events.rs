//! The stream of run events that the runner emits: everything that reports know.
//!
//! Modelled on [Cucumber Messages](https://github.com/cucumber/messages): a test run has test
//! cases, a test case has attempts, an attempt has steps, hooks and attachments. Events are plain
//! data and come in file order, whatever finished first.

use std::{sync::Arc, time::Duration};

use super::pickle::Pickle;
use crate::observability::Event;

/// How a step or a scenario ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// As expected.
    Passed,
    /// Not as expected.
    Failed,
    /// Not run, because something before it did not pass.
    Skipped,
    /// Not finished yet, as declared by its author.
    Pending,
    /// No definition for a step.
    Undefined,
    /// More than one definition for a step.
    Ambiguous,
}

impl Status {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Pending => "pending",
            Self::Undefined => "undefined",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// Whether a scenario with this status fails the run; one tagged `@wip` may be pending.
    pub fn fails_run(self, pickle: &Pickle) -> bool {
        match self {
            Self::Passed | Self::Skipped => false,
            Self::Pending => !pickle.has_tag("wip"),
            Self::Failed | Self::Undefined | Self::Ambiguous => true,
        }
    }
}

/// How one step ended, and why.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// How it ended.
    pub status: Status,
    /// Why it did not pass, or what it is pending on.
    pub message: Option<String>,
    /// `file:line:column` of the panic, or of the definition that failed.
    pub location: Option<String>,
}

impl StepReport {
    /// A result and its reason.
    pub fn because(status: Status, message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            ..Self::new(status)
        }
    }

    /// A result without a reason.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            message: None,
            location: None,
        }
    }
}

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HookKind {
    /// Before the first step.
    BeforeScenario,
    /// Before a step.
    BeforeStep,
    /// After a step.
    AfterStep,
    /// After the last step that was run.
    AfterScenario,
}

impl HookKind {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BeforeScenario => "before the scenario",
            Self::BeforeStep => "before the step",
            Self::AfterStep => "after the step",
            Self::AfterScenario => "after the scenario",
        }
    }
}

/// A hook as reports show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookInfo {
    /// When it runs.
    pub kind: HookKind,
    /// Its purpose, as given by its author.
    pub name: String,
    /// `file:line:column` of where it was made.
    pub location: String,
}

impl std::fmt::Display for HookInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.name)
    }
}

/// What an attachment holds.
#[derive(Clone, Debug)]
pub enum Attachment {
    /// The scenario's timeline.
    Timeline(Arc<Vec<Event>>),
    /// What was logged while the scenario ran.
    Log(String),
    /// What should be changed in the scenario, though it fails nothing.
    Warning(String),
}

/// An event of a run.
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// The run begins.
    TestRunStarted {
        /// How many scenarios are to be run.
        scenarios: usize,
        /// The seed of the run.
        seed: u64,
        /// Whether the scenarios are only checked, and not run.
        dry_run: bool,
    },
    /// An attempt at a scenario begins.
    TestCaseStarted {
        /// The scenario.
        pickle: Arc<Pickle>,
        /// Counted from 1.
        attempt: u32,
    },
    /// A step of the scenario has ended.
    TestStepFinished {
        /// Its index in the pickle's steps; one past the last is the scenario's own end.
        step: usize,
        /// How it ended.
        result: StepReport,
    },
    /// A hook has ended; those of a step come directly before or after the step's own event.
    HookFinished {
        /// The hook.
        hook: Arc<HookInfo>,
        /// For a step's hook, the index of its step in the pickle's steps.
        step: Option<usize>,
        /// How it ended.
        result: StepReport,
    },
    /// Further data about the scenario.
    Attached(Attachment),
    /// The attempt has ended.
    TestCaseFinished {
        /// How the scenario ended.
        status: Status,
        /// The virtual time it covered.
        virtual_time: Duration,
        /// Whether another attempt follows.
        will_be_retried: bool,
    },
    /// What a dry run has found that fails no scenario.
    FindingsListed {
        /// What they are.
        heading: &'static str,
        /// Each of them, with its place.
        findings: Vec<String>,
    },
    /// The run has ended.
    TestRunFinished {
        /// The real time it took.
        real_time: Duration,
    },
}

/// A view of the stream: the terminal, or a report.
pub trait View {
    /// Takes in the next event.
    ///
    /// # Errors
    ///
    /// If what the view writes to cannot be written.
    fn handle(&mut self, event: &RunEvent) -> std::io::Result<()>;

    /// Some real time has passed, whether or not there were events.
    ///
    /// # Errors
    ///
    /// If what the view writes to cannot be written.
    fn tick(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
