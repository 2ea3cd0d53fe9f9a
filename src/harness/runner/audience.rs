use std::io;

use super::{
    Job, Summary,
    report::{Attempt, Case, HookRun},
};
use crate::harness::events::{RunEvent, Status, View};

/// All views, and the count of what they were told.
pub(super) struct Audience<'a> {
    views: Vec<&'a mut Box<dyn View>>,
    pub summary: Summary,
}

impl<'a> Audience<'a> {
    pub fn new(views: &'a mut [Box<dyn View>]) -> Self {
        Self {
            views: views.iter_mut().collect(),
            summary: Summary::default(),
        }
    }

    /// Tells all views.
    pub fn tell(&mut self, event: &RunEvent) {
        self.each(|view| view.handle(event));
    }

    /// Lets all views show that time passes.
    pub fn tick(&mut self) {
        self.each(|view| view.tick());
    }

    /// Turns to each view; one that cannot write any more is turned to no further.
    fn each(&mut self, mut turn: impl FnMut(&mut dyn View) -> io::Result<()>) {
        let errors = &mut self.summary.view_errors;
        self.views.retain_mut(|view| match turn(view.as_mut()) {
            Ok(()) => true,
            Err(error) => {
                // Whoever reads the other end of a pipe may stop early.
                if error.kind() != io::ErrorKind::BrokenPipe {
                    errors.push(error);
                }
                false
            }
        });
    }

    /// Tells of a scenario, all attempts at it; whether it fails the run.
    pub fn tell_case(&mut self, job: &Job, case: Case) -> bool {
        let status = case.status();
        let last = case.attempts.len();
        for (number, attempt) in (1..).zip(case.attempts) {
            self.tell_attempt(job, number, attempt, (number as usize) < last);
        }
        let fails = status.fails_run(&job.pickle);
        self.summary.count(status);
        self.summary.failed_run |= fails;
        fails
    }

    fn tell_attempt(&mut self, job: &Job, number: u32, attempt: Attempt, again: bool) {
        self.tell(&RunEvent::TestCaseStarted {
            pickle: job.pickle.clone(),
            attempt: number,
        });
        let mut hooks = attempt.hooks.into_iter().peekable();
        for (step, result) in attempt.steps.into_iter().enumerate() {
            while let Some(run) = hooks.next_if(|run| run.after <= step) {
                self.tell(&run.into());
            }
            self.tell(&RunEvent::TestStepFinished { step, result });
        }
        for run in hooks {
            self.tell(&run.into());
        }
        for attachment in attempt.attachments {
            self.tell(&RunEvent::Attached(attachment));
        }
        self.tell(&RunEvent::TestCaseFinished {
            status: attempt.status,
            virtual_time: attempt.virtual_time,
            will_be_retried: again,
        });
    }

    /// Tells of a scenario that was not run.
    pub fn tell_unrun(&mut self, job: &Job, status: Status) {
        self.tell_attempt(job, 1, Attempt::unmade(&job.pickle, status), false);
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
