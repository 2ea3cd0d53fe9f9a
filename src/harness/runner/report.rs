use std::{sync::Arc, time::Duration};

use crate::{
    harness::{
        events::{Attachment, HookInfo, HookKind, Status, StepResult},
        panics::Panicked,
        pickle::Pickle,
    },
    observability::Timeline,
};

/// How one attempt at a scenario went.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub status: Status,
    /// One result per step; one more if the scenario's own end did not pass.
    pub steps: Vec<StepResult>,
    /// In the order they ended.
    pub hooks: Vec<HookRun>,
    pub attachments: Vec<Attachment>,
    pub virtual_time: Duration,
}

/// How a hook ended.
#[derive(Clone, Debug)]
pub(super) struct HookRun {
    pub hook: Arc<HookInfo>,
    /// The index of its step, if it is about a step.
    pub step: Option<usize>,
    /// How many of the attempt's steps are told of before it.
    pub after: usize,
    pub result: StepResult,
}

/// How a scenario went, all attempts at it.
#[derive(Debug)]
pub(super) struct Case {
    /// Its index among the jobs.
    pub job: usize,
    pub attempts: Vec<Attempt>,
}

impl Attempt {
    pub fn with_capacity(steps: usize) -> Self {
        Self {
            status: Status::Passed,
            steps: Vec::with_capacity(steps),
            hooks: Vec::new(),
            attachments: Vec::new(),
            virtual_time: Duration::ZERO,
        }
    }

    /// An attempt that was not made.
    pub fn unmade(pickle: &Pickle, status: Status) -> Self {
        Self {
            status,
            steps: vec![StepResult::new(Status::Skipped); pickle.steps.len()],
            ..Self::with_capacity(0)
        }
    }

    /// An attempt that reached a step; those before it had passed.
    pub fn at_step(step: usize) -> Self {
        Self {
            steps: vec![StepResult::new(Status::Passed); step],
            ..Self::with_capacity(0)
        }
    }

    /// Takes the virtual time covered and the last events from a timeline that may still grow.
    pub fn attach_tail(&mut self, timeline: &Timeline) {
        /// A loop may have recorded no end of events.
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

    /// Records how the next step, or behind the last the scenario's own end, went.
    pub fn add_step(&mut self, result: StepResult) {
        self.take(result.status);
        self.steps.push(result);
    }

    /// Records how a hook went that ran just now.
    pub fn add_hook(&mut self, hook: &Arc<HookInfo>, result: StepResult) {
        self.take(result.status);
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

    /// Records a failure outside of any step and hook; an attempt that did not pass stays what it is.
    pub fn fail(&mut self, panicked: Panicked) {
        if self.passes() {
            self.add_step(panicked.into());
        }
    }

    /// Marks the steps that were not reached.
    pub fn settle(&mut self, steps: usize) {
        while self.steps.len() < steps {
            self.steps.push(StepResult::new(Status::Skipped));
        }
    }

    /// The attempt ends as the first of its parts that did not pass.
    fn take(&mut self, status: Status) {
        if self.passes() {
            self.status = status;
        }
    }
}

impl From<Panicked> for StepResult {
    fn from(Panicked { message, location }: Panicked) -> Self {
        Self {
            location,
            ..Self::because(Status::Failed, message)
        }
    }
}

impl Case {
    /// How the last attempt ended.
    pub fn status(&self) -> Status {
        self.attempts
            .last()
            .map_or(Status::Skipped, |attempt| attempt.status)
    }
}
