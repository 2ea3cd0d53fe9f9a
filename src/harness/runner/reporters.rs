use std::io;

use super::{
    results::{AttemptResult, HookRun, ScenarioResult},
    scenario::Job,
    summary::Summary,
};
use crate::harness::events::{RunEvent, Status, View};

/// Hands run events to all views, and counts the scenarios reported.
pub(super) struct Reporters<'a> {
    views: Vec<&'a mut Box<dyn View>>,
    pub summary: Summary,
}

impl<'a> Reporters<'a> {
    pub fn new(views: &'a mut [Box<dyn View>]) -> Self {
        Self {
            views: views.iter_mut().collect(),
            summary: Summary::default(),
        }
    }

    pub fn report(&mut self, event: &RunEvent) {
        self.each(|view| view.handle(event));
    }

    /// Tells all views that time has passed.
    pub fn tick(&mut self) {
        self.each(|view| view.tick());
    }

    /// Calls each view, and drops one that can no longer write.
    fn each(&mut self, mut call: impl FnMut(&mut dyn View) -> io::Result<()>) {
        let errors = &mut self.summary.view_errors;
        self.views.retain_mut(|view| match call(view.as_mut()) {
            Ok(()) => true,
            Err(error) => {
                // The reader of a pipe may stop early.
                if error.kind() != io::ErrorKind::BrokenPipe {
                    errors.push(error);
                }
                false
            }
        });
    }

    /// Reports all attempts at a scenario; returns whether it fails the run.
    pub fn report_scenario(&mut self, job: &Job, result: ScenarioResult) -> bool {
        let status = result.status();
        let last = result.attempts.len();
        for (number, attempt) in (1..).zip(result.attempts) {
            self.report_attempt(job, number, attempt, (number as usize) < last);
        }
        let fails = status.fails_run(&job.pickle);
        self.summary.count(status);
        self.summary.failed_run |= fails;
        fails
    }

    fn report_attempt(&mut self, job: &Job, number: u32, attempt: AttemptResult, retried: bool) {
        self.report(&RunEvent::TestCaseStarted {
            pickle: job.pickle.clone(),
            attempt: number,
        });
        let mut hooks = attempt.hooks.into_iter().peekable();
        for (step, result) in attempt.steps.into_iter().enumerate() {
            while let Some(run) = hooks.next_if(|run| run.after <= step) {
                self.report(&run.into());
            }
            self.report(&RunEvent::TestStepFinished { step, result });
        }
        for run in hooks {
            self.report(&run.into());
        }
        for attachment in attempt.attachments {
            self.report(&RunEvent::Attached(attachment));
        }
        self.report(&RunEvent::TestCaseFinished {
            status: attempt.status,
            virtual_time: attempt.virtual_time,
            will_be_retried: retried,
        });
    }

    /// Reports a scenario that was not run.
    pub fn report_not_run(&mut self, job: &Job, status: Status) {
        self.report_attempt(job, 1, AttemptResult::not_run(&job.pickle, status), false);
        self.summary.count(status);
    }
}

impl From<HookRun> for RunEvent {
    fn from(run: HookRun) -> Self {
        Self::HookFinished {
            hook: run.hook,
            step: run.step,
            result: run.result,
        }
    }
}
