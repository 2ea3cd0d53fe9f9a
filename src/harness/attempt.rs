//! An attempt at a scenario, gathered from the run events.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    events::{Attachment, HookInfo, RunEvent, Status, StepReport},
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
    results: Vec<StepReport>,
    /// The hooks that did not pass.
    hooks: Vec<FailedHook>,
    timeline: Option<Arc<Vec<Event>>>,
    pub log: String,
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug)]
struct FailedHook {
    hook: Arc<HookInfo>,
    /// For a step's hook, the step's index.
    step: Option<usize>,
    /// How many steps had been reported before it.
    after: usize,
    result: StepReport,
}

/// A part of a scenario that passes or fails by itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum ScenarioPart<'a> {
    Step(&'a PickleStep),
    /// A hook, and for a step's hook, the step.
    Hook(&'a HookInfo, Option<&'a PickleStep>),
    End,
}

impl ScenarioPart<'_> {
    /// The step itself, or the step of a step's hook.
    pub fn step(&self) -> Option<&PickleStep> {
        match self {
            Self::Step(step) => Some(step),
            Self::Hook(_, step) => *step,
            Self::End => None,
        }
    }
}

impl fmt::Display for ScenarioPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => write!(f, "{} {}", step.keyword.trim(), step.text),
            Self::Hook(hook, _) => write!(f, "hook {hook}"),
            Self::End => f.write_str("at the end of the scenario"),
        }
    }
}

impl Attempt {
    /// Updates the current attempt by an event; it stays after its end until the next begins.
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
                    hooks: Vec::new(),
                    timeline: None,
                    log: String::new(),
                    warnings: Vec::new(),
                });
            }
            (RunEvent::TestStepFinished { step, result }, Some(current)) => {
                current.record(*step, result);
            }
            (RunEvent::HookFinished { hook, step, result }, Some(current))
                if result.status != Status::Passed =>
            {
                current.hooks.push(FailedHook {
                    hook: Arc::clone(hook),
                    step: *step,
                    after: current.results.len(),
                    result: result.clone(),
                });
            }
            (RunEvent::Attached(attachment), Some(current)) => current.attach(attachment),
            _ => {}
        }
    }

    /// Begins the next attempt in the same memory.
    fn restart(&mut self, pickle: &Arc<Pickle>, number: u32) {
        self.pickle = Arc::clone(pickle);
        self.number = number;
        self.results.clear();
        self.hooks.clear();
        self.timeline = None;
        self.log.clear();
        self.warnings.clear();
    }

    fn record(&mut self, step: usize, result: &StepReport) {
        if step > self.pickle.steps.len() {
            return;
        }
        if step >= self.results.len() {
            let skipped = StepReport::new(Status::Skipped);
            self.results.resize(step + 1, skipped);
        }
        self.results[step] = result.clone();
    }

    fn attach(&mut self, attachment: &Attachment) {
        match attachment {
            Attachment::Timeline(events) => self.timeline = Some(Arc::clone(events)),
            Attachment::Log(text) => self.log.push_str(text),
            Attachment::Warning(text) => self.warnings.push(text.clone()),
        }
    }

    /// The steps and their statuses; a step that was not reported was skipped.
    pub fn steps(&self) -> impl Iterator<Item = (&PickleStep, Status)> {
        let reported = self.results.iter().map(|result| result.status);
        let unreported = std::iter::repeat(Status::Skipped);
        self.pickle.steps.iter().zip(reported.chain(unreported))
    }

    /// The steps, the hooks that did not pass and the scenario's own end if it was reported, in order,
    /// with their results.
    pub fn parts(&self) -> Vec<(ScenarioPart<'_>, Option<&StepReport>)> {
        let steps = &self.pickle.steps;
        let mut parts = Vec::with_capacity(steps.len() + 1 + self.hooks.len());
        let mut hooks = self.hooks.iter().peekable();
        for index in 0..steps.len().max(self.results.len()) {
            while let Some(hook) = hooks.next_if(|hook| hook.after <= index) {
                parts.push(hook.part(&self.pickle));
            }
            let part = steps
                .get(index)
                .map_or(ScenarioPart::End, ScenarioPart::Step);
            parts.push((part, self.results.get(index)));
        }
        parts.extend(hooks.map(|hook| hook.part(&self.pickle)));
        parts
    }

    /// The parts that kept the attempt from passing, in order.
    pub fn failures(&self) -> Vec<(ScenarioPart<'_>, &StepReport)> {
        let parts = self.parts().into_iter();
        parts
            .filter_map(|(part, result)| Some((part, result?)))
            .filter(|(_, result)| match result.status {
                Status::Passed => false,
                Status::Skipped => result.message.is_some(),
                _ => true,
            })
            .collect()
    }

    /// The message of the first failure that has one.
    pub fn message(&self) -> Option<&str> {
        self.failures()
            .into_iter()
            .find_map(|(_, result)| result.message.as_deref())
    }

    /// The warnings and the log, for reports that show both as output.
    pub fn output(&self) -> String {
        let warnings = self.warnings.iter();
        let warnings: String = warnings.map(|text| format!("warning: {text}\n")).collect();
        warnings + &self.log
    }

    /// The last events of the timeline, and how many there are in all.
    pub fn tail(&self) -> Option<(&[Event], usize)> {
        let events = self
            .timeline
            .as_deref()
            .filter(|events| !events.is_empty())?;
        Some((&events[events.len().saturating_sub(TAIL)..], events.len()))
    }

    /// The virtual time that an attempt covered: none for one in real time.
    pub fn virtual_time(&self, covered: Duration) -> Option<Duration> {
        (!self.pickle.has_tag("wall-clock")).then_some(covered)
    }
}

impl FailedHook {
    fn part<'a>(&'a self, pickle: &'a Pickle) -> (ScenarioPart<'a>, Option<&'a StepReport>) {
        let step = self.step.and_then(|step| pickle.steps.get(step));
        (ScenarioPart::Hook(&self.hook, step), Some(&self.result))
    }
}
