use std::{sync::Arc, time::Duration};

use crate::{
    harness::{
        events::{Attachment, HookInfo, HookKind, Status, StepReport},
        panics::Panicked,
        pickle::Pickle,
    },
    observability::Timeline,
};

/// The result of one attempt at a scenario.
#[derive(Clone, Debug)]
pub(super) struct AttemptResult {
    pub status: Status,
    /// One result per step; one more if the scenario's own end did not pass.
    pub steps: Vec<StepReport>,
    /// In the order they ended.
    pub hooks: Vec<HookRun>,
    pub attachments: Vec<Attachment>,
    pub virtual_time: Duration,
}

/// A hook and its result.
#[derive(Clone, Debug)]
pub(super) struct HookRun {
    pub hook: Arc<HookInfo>,
    /// The index of its step, for a step's hook.
    pub step: Option<usize>,
    /// How many of the attempt's steps are reported before it.
    pub after: usize,
    pub result: StepReport,
}

/// The results of all attempts at a scenario.
#[derive(Debug)]
pub(super) struct ScenarioResult {
    /// Its index among the jobs.
    pub job: usize,
    pub attempts: Vec<AttemptResult>,
}

impl AttemptResult {
    pub fn with_capacity(steps: usize) -> Self {
        Self {
            status: Status::Passed,
            steps: Vec::with_capacity(steps),
            hooks: Vec::new(),
            attachments: Vec::new(),
            virtual_time: Duration::ZERO,
        }
    }

    /// An attempt that was not run.
    pub fn not_run(pickle: &Pickle, status: Status) -> Self {
        Self {
            status,
            steps: vec![StepReport::new(Status::Skipped); pickle.steps.len()],
            ..Self::with_capacity(0)
        }
    }

    /// An attempt that reached a step; those before it had passed.
    pub fn at_step(step: usize) -> Self {
        Self {
            steps: vec![StepReport::new(Status::Passed); step],
            ..Self::with_capacity(0)
        }
    }

    /// Takes the virtual time and the last events from a timeline that may still grow.
    pub fn attach_tail(&mut self, timeline: &Timeline) {
        /// A loop may have recorded any number of events.
        const SHOWN: usize = 1_000;
        let events = timeline.tail(SHOWN);
        self.virtual_time = events.last().map_or(Duration::ZERO, |event| event.at);
        if !events.is_empty() {
            self.attachments
                .push(Attachment::Timeline(Arc::new(events)));
        }
    }

    pub fn passes(&self) -> bool {
        self.status == Status::Passed
    }

    /// Records the result of the next step, or after the last one, of the scenario's own end.
    pub fn add_step(&mut self, result: StepReport) {
        self.update_status(result.status);
        self.steps.push(result);
    }

    /// Records the result of the hook that has just run.
    pub fn add_hook(&mut self, hook: &Arc<HookInfo>, result: StepReport) {
        self.update_status(result.status);
        let after = self.steps.len();
        self.hooks.push(HookRun {
            hook: Arc::clone(hook),
            step: match hook.kind {
                HookKind::BeforeStep => Some(after),
                HookKind::AfterStep => after.checked_sub(1),
                HookKind::BeforeScenario | HookKind::AfterScenario => None,
            },
            after,
            result,
        });
    }

    /// Records a failure outside any step and hook, unless the attempt has already not passed.
    pub fn fail(&mut self, panicked: Panicked) {
        if self.passes() {
            self.add_step(panicked.into());
        }
    }

    /// Marks the steps that were not reached as skipped.
    pub fn skip_rest(&mut self, steps: usize) {
        while self.steps.len() < steps {
            self.steps.push(StepReport::new(Status::Skipped));
        }
    }

    /// An attempt has the status of its first step or hook that did not pass.
    fn update_status(&mut self, status: Status) {
        if self.passes() {
            self.status = status;
        }
    }
}

impl From<Panicked> for StepReport {
    fn from(Panicked { message, location }: Panicked) -> Self {
        Self {
            location,
            ..Self::because(Status::Failed, message)
        }
    }
}

impl ScenarioResult {
    /// The status of the last attempt.
    pub fn status(&self) -> Status {
        self.attempts
            .last()
            .map_or(Status::Skipped, |attempt| attempt.status)
    }
}
