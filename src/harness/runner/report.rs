use std::{sync::Arc, time::Duration};

use crate::{
    harness::{
        events::{Attachment, Status, StepResult},
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
    pub attachments: Vec<Attachment>,
    pub virtual_time: Duration,
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

    /// An attempt that was given up in a step; those before it had passed.
    pub fn given_up(
        pickle: &Pickle,
        step: usize,
        result: StepResult,
        timeline: Option<Timeline>,
    ) -> Self {
        /// A loop may have recorded no end of events.
        const SHOWN: usize = 1_000;
        let events = timeline.map_or_else(Vec::new, |timeline| timeline.tail(SHOWN));
        let mut attempt = Self::with_capacity(pickle.steps.len());
        attempt.steps = vec![StepResult::new(Status::Passed); step];
        attempt.steps.push(result);
        attempt.virtual_time = events.last().map_or(Duration::ZERO, |event| event.at);
        if !events.is_empty() {
            attempt
                .attachments
                .push(Attachment::Timeline(Arc::new(events)));
        }
        attempt.settle(pickle.steps.len());
        attempt
    }

    pub fn all_passed(&self) -> bool {
        self.steps.iter().all(|step| step.status == Status::Passed)
    }

    /// Records a failure outside of any step; a step that did not pass stays what it is.
    pub fn fail(&mut self, panicked: Panicked) {
        if self.all_passed() {
            let Panicked { message, location } = panicked;
            self.steps.push(StepResult {
                location,
                ..StepResult::because(Status::Failed, message)
            });
        }
    }

    /// Marks the steps that were not reached, and takes the status of the first that did not pass.
    pub fn settle(&mut self, steps: usize) {
        while self.steps.len() < steps {
            self.steps.push(StepResult::new(Status::Skipped));
        }
        let first = self.steps.iter().map(|step| step.status);
        self.status = first
            .filter(|status| *status != Status::Passed)
            .find(|_| true)
            .unwrap_or(Status::Passed);
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
