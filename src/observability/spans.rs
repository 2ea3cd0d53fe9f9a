//! The events of the timeline, for subscribers of `tracing`.

use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::{Level, Span, span::Id};

use super::{Event, EventKind};
use crate::domain::HashMap;

const TARGET: &str = "rehearsal::timeline";

/// Whether a subscriber wants the events.
pub fn is_listened_to() -> bool {
    tracing::enabled!(target: TARGET, Level::TRACE)
}

/// The spans that are open: a run's, within that of the step that runs it, a step's and a call's. They are
/// not entered, since what happens in them is interleaved.
#[derive(Debug, Default)]
pub struct Spans {
    runs: HashMap<Arc<str>, Span>,
    /// By run and step.
    steps: HashMap<(Arc<str>, Arc<str>), Span>,
    /// By the number of the call and its execution.
    calls: HashMap<(u64, u32), Span>,
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
            EventKind::WorkflowStarted { workflow, run, .. }
            | EventKind::WorkflowResumed { workflow, run, .. } => {
                let parent = run.rsplit_once('/').and_then(|(parent, step)| {
                    let step = step.split('~').next().unwrap_or(step);
                    self.steps.get(&(parent.into(), step.into()))
                });
                let parent = parent.and_then(Span::id);
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

    fn close(&mut self, kind: &EventKind) {
        match kind {
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
            }
            _ => {}
        }
    }

    /// The span that an event belongs to.
    fn parent(&self, kind: &EventKind, fields: &Map<String, Value>) -> Option<Id> {
        let call = match kind {
            EventKind::CallStarted {
                execution, number, ..
            }
            | EventKind::CallEnded {
                execution, number, ..
            } => self.calls.get(&(*number, *execution)),
            _ => None,
        };
        let text = |name: &str| Some(Arc::from(fields.get(name)?.as_str()?));
        call.and_then(Span::id)
            .or_else(|| self.around(text("run").as_ref(), text("step").as_ref()))
    }

    /// The span of a step, or else that of its run.
    fn around(&self, run: Option<&Arc<str>>, step: Option<&Arc<str>>) -> Option<Id> {
        let run = run?;
        let step = step.and_then(|step| self.steps.get(&(Arc::clone(run), Arc::clone(step))));
        step.or_else(|| self.runs.get(run)).and_then(Span::id)
    }
}

#[cfg(test)]
mod tests;
