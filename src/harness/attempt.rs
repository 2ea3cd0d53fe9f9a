//! An attempt at a scenario, as the stream of run events told it.

use std::{sync::Arc, time::Duration};

use super::{
    events::{Attachment, RunEvent, Status, StepResult},
    pickle::{Pickle, PickleStep},
};
use crate::observability::Event;

/// Events at the end of a timeline that a failure shows.
const TAIL: usize = 12;

/// What a view gathers between the start and the end of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub pickle: Arc<Pickle>,
    /// Counted from 1.
    pub number: u32,
    results: Vec<StepResult>,
    timeline: Option<Arc<Vec<Event>>>,
    pub log: String,
}

impl Attempt {
    /// Takes in an event; the attempt that ended last stays until the next begins.
    pub fn follow(current: &mut Option<Self>, event: &RunEvent) {
        match (event, current) {
            (RunEvent::TestCaseStarted { pickle, attempt }, Some(current)) => {
                current.restart(pickle, *attempt);
            }
            (RunEvent::TestCaseStarted { pickle, attempt }, current) => {
                *current = Some(Self {
                    pickle: Arc::clone(pickle),
                    number: *attempt,
                    results: Vec::new(),
                    timeline: None,
                    log: String::new(),
                });
            }
            (RunEvent::TestStepFinished { step, result }, Some(current)) => {
                current.record(*step, result);
            }
            (RunEvent::Attached(attachment), Some(current)) => current.attach(attachment),
            _ => {}
        }
    }

    /// Begins anew, in the same memory.
    fn restart(&mut self, pickle: &Arc<Pickle>, number: u32) {
        self.pickle = Arc::clone(pickle);
        self.number = number;
        self.results.clear();
        self.timeline = None;
        self.log.clear();
    }

    fn record(&mut self, step: usize, result: &StepResult) {
        if step > self.pickle.steps.len() {
            return;
        }
        if step >= self.results.len() {
            let skipped = StepResult::new(Status::Skipped);
            self.results.resize(step + 1, skipped);
        }
        self.results[step] = result.clone();
    }

    fn attach(&mut self, attachment: &Attachment) {
        match attachment {
            Attachment::Timeline(events) => self.timeline = Some(Arc::clone(events)),
            Attachment::Log(text) => self.log.push_str(text),
        }
    }

    /// The steps and how they ended; one that nothing was said about was skipped.
    pub fn steps(&self) -> impl Iterator<Item = (&PickleStep, Status)> {
        let told = self.results.iter().map(|result| result.status);
        let untold = std::iter::repeat(Status::Skipped);
        self.pickle.steps.iter().zip(told.chain(untold))
    }

    /// How the scenario's own end went, where something was said about it.
    pub fn end(&self) -> Option<&StepResult> {
        self.results.get(self.pickle.steps.len())
    }

    /// What kept the attempt from passing, in order; the step is missing for the scenario's own end.
    pub fn troubles(&self) -> impl Iterator<Item = (Option<&PickleStep>, &StepResult)> {
        self.results
            .iter()
            .enumerate()
            .filter(|(_, result)| match result.status {
                Status::Passed => false,
                Status::Skipped => result.message.is_some(),
                _ => true,
            })
            .map(|(index, result)| (self.pickle.steps.get(index), result))
    }

    /// The message of the first trouble that has one.
    pub fn message(&self) -> Option<&str> {
        self.troubles()
            .find_map(|(_, result)| result.message.as_deref())
    }

    /// The last events of the timeline, and how many there are in all.
    pub fn tail(&self) -> Option<(&[Event], usize)> {
        let events = self
            .timeline
            .as_deref()
            .filter(|events| !events.is_empty())?;
        Some((&events[events.len().saturating_sub(TAIL)..], events.len()))
    }

    /// The virtual time that an attempt covered: none for one on the wall's clock.
    pub fn virtual_time(&self, covered: Duration) -> Option<Duration> {
        (!self.pickle.has_tag("wall-clock")).then_some(covered)
    }
}
