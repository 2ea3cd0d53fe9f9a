//! The events of the timeline, for subscribers of `tracing`.

use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::{Level, Span, span::Id};

use super::{ControlEvent, Event, EventKind, short_goal};
use crate::domain::{HashMap, LifecycleStage};

const TARGET: &str = "rehearsal::timeline";

/// Whether a subscriber wants the events.
pub fn is_listened_to() -> bool {
    tracing::enabled!(target: TARGET, Level::TRACE)
}

/// The spans that are open: a goal's, a run's, within that of its goal or of the step that runs it, a step's
/// and a call's. They are not entered, since what happens in them is interleaved.
#[derive(Debug, Default)]
pub struct Spans {
    /// By their numbers.
    goals: HashMap<u64, GoalSpan>,
    /// The goals that runs are for.
    goals_of_runs: HashMap<Arc<str>, u64>,
    runs: HashMap<Arc<str>, Span>,
    /// By run and step.
    steps: HashMap<(Arc<str>, Arc<str>), Span>,
    /// By the number of the call and its execution.
    calls: HashMap<(u64, u32), Span>,
}

/// A goal, which has a span while it is pursued: it may be resumed after it failed.
#[derive(Debug)]
struct GoalSpan {
    trace: Arc<str>,
    goal: String,
    span: Option<Span>,
}

impl Spans {
    /// Sends an event to the subscriber, in the span that it opens, closes or is in.
    pub fn emit(&mut self, event: &Event) {
        self.open(&event.kind);
        let mut fields = event.fields();
        fields.shift_remove("at");
        let parent = self.parent(&event.kind, &fields);
        let mut own = |name: &str| {
            fields.shift_remove(name).map(|value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            })
        };
        let name = own("event").unwrap_or_default();
        let [trace, run, step] = ["trace", "run", "step"].map(&mut own);
        let [call, execution] = ["call", "execution"].map(&mut own);
        let at = u64::try_from(event.at.as_millis()).unwrap_or(u64::MAX);
        let rest = serde_json::to_string(&fields).unwrap_or_default();
        tracing::trace!(
            target: TARGET,
            parent: parent,
            event = name,
            at,
            trace,
            run,
            step,
            call,
            execution,
            fields = rest,
        );
        self.close(&event.kind);
    }

    fn open(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Control(event) => self.open_goal(event),
            EventKind::WorkflowStarted { workflow, run, .. }
            | EventKind::WorkflowResumed { workflow, run, .. } => {
                let parent = match run.rsplit_once('/') {
                    Some((parent, step)) => {
                        let step = step.split('~').next().unwrap_or(step);
                        let step = self.steps.get(&(parent.into(), step.into()));
                        step.and_then(Span::id)
                    }
                    None => {
                        let goal = self.goals_of_runs.get(run).copied();
                        goal.and_then(|goal| self.goals.get_mut(&goal)?.id())
                    }
                };
                let (run, workflow) = (Arc::clone(run), &**workflow);
                let span = tracing::trace_span!(target: TARGET, parent: parent, "workflow", run = &*run, workflow);
                self.runs.insert(run, span);
            }
            EventKind::StepStarted { run, step, .. } => {
                let parent = self.runs.get(run).and_then(Span::id);
                let (run, step) = (Arc::clone(run), Arc::clone(step));
                let span = tracing::trace_span!(target: TARGET, parent: parent, "step", run = &*run, step = &*step);
                self.steps.insert((run, step), span);
            }
            EventKind::CallStarted {
                head,
                execution,
                number,
                ..
            } => {
                let context = &head.context;
                let parent = self.around(context.run.as_ref(), context.step.as_ref());
                let call = head.name.as_str();
                let span =
                    tracing::trace_span!(target: TARGET, parent: parent, "call", call, execution);
                self.calls.insert((*number, *execution), span);
            }
            _ => {}
        }
    }

    fn open_goal(&mut self, event: &ControlEvent) {
        match event {
            ControlEvent::StageEntered {
                goal,
                trace,
                stage: LifecycleStage::Initialize,
                data,
            } => {
                let text = data["goal"].as_str().unwrap_or_default();
                let opened = GoalSpan {
                    trace: Arc::clone(trace),
                    goal: short_goal(text).to_owned(),
                    span: None,
                };
                self.goals.insert(*goal, opened);
            }
            ControlEvent::PlanCreated(plan) => {
                let run = Arc::clone(&plan.target);
                self.goals_of_runs.insert(run, plan.goal);
            }
            _ => {}
        }
        let goal = goal_of(event).and_then(|goal| self.goals.get_mut(&goal));
        if let Some(goal) = goal {
            goal.id();
        }
    }

    fn close(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Control(event) => {
                if let ControlEvent::StageEntered { goal, stage, .. } = &**event
                    && stage.is_end()
                    && let Some(goal) = self.goals.get_mut(goal)
                {
                    goal.span = None;
                }
            }
            EventKind::WorkflowEnded { run, .. } => drop(self.runs.remove(run)),
            EventKind::StepEnded { run, step, .. } => {
                self.steps.remove(&(Arc::clone(run), Arc::clone(step)));
            }
            EventKind::CallEnded {
                execution, number, ..
            } => drop(self.calls.remove(&(*number, *execution))),
            EventKind::OrchestratorCrashed {} => {
                self.runs.clear();
                self.steps.clear();
                for goal in self.goals.values_mut() {
                    goal.span = None;
                }
            }
            _ => {}
        }
    }

    /// The span that an event belongs to.
    fn parent(&self, kind: &EventKind, fields: &Map<String, Value>) -> Option<Id> {
        let own = match kind {
            EventKind::CallStarted {
                execution, number, ..
            }
            | EventKind::CallEnded {
                execution, number, ..
            } => self.calls.get(&(*number, *execution)),
            EventKind::Control(event) => {
                let goal = goal_of(event).and_then(|goal| self.goals.get(&goal));
                goal.and_then(|goal| goal.span.as_ref())
            }
            _ => None,
        };
        let text = |name: &str| Some(Arc::from(fields.get(name)?.as_str()?));
        own.and_then(Span::id)
            .or_else(|| self.around(text("run").as_ref(), text("step").as_ref()))
    }

    /// The span of a step, or else that of its run.
    fn around(&self, run: Option<&Arc<str>>, step: Option<&Arc<str>>) -> Option<Id> {
        let run = run?;
        let step = step.and_then(|step| self.steps.get(&(Arc::clone(run), Arc::clone(step))));
        step.or_else(|| self.runs.get(run)).and_then(Span::id)
    }
}

impl GoalSpan {
    /// Its span, which is opened if it is not open.
    fn id(&mut self) -> Option<Id> {
        let (trace, goal) = (&*self.trace, &*self.goal);
        let open = || tracing::trace_span!(target: TARGET, parent: None::<Id>, "goal", trace, goal);
        self.span.get_or_insert_with(open).id()
    }
}

/// The number of the goal that an event is about.
fn goal_of(event: &ControlEvent) -> Option<u64> {
    match event {
        ControlEvent::StageEntered { goal, .. } => Some(*goal),
        ControlEvent::PlanCreated(decision) | ControlEvent::RouteDecided(decision) => {
            Some(decision.goal)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
