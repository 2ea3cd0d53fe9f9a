use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::LifecycleStage,
    observability::{ControlEvent, Decision, EventKind, Timeline},
};

/// The life of a goal: its stages, in order, on the timeline.
#[derive(Clone, Debug)]
pub struct Life {
    timeline: Timeline,
    trace: Arc<str>,
    stage: LifecycleStage,
}

impl Life {
    /// Begins with the first stage.
    pub fn begin(timeline: Timeline, trace: Arc<str>, data: Value) -> Self {
        let life = Self {
            timeline,
            trace,
            stage: LifecycleStage::Initialize,
        };
        life.record_stage(data);
        life
    }

    pub fn stage(&self) -> LifecycleStage {
        self.stage
    }

    pub fn trace(&self) -> &Arc<str> {
        &self.trace
    }

    /// Enters a stage that follows this one.
    pub fn enter(&mut self, next: LifecycleStage, data: Value) {
        debug_assert!(self.stage.can_become(next), "{:?} -> {next:?}", self.stage);
        self.stage = next;
        self.record_stage(data);
    }

    /// Records a decision.
    pub fn decide(&self, event: impl FnOnce(Decision) -> ControlEvent, decision: Decision) {
        self.record(event(decision));
    }

    fn record_stage(&self, data: Value) {
        self.record(ControlEvent::StageEntered {
            trace: Arc::clone(&self.trace),
            stage: self.stage,
            data: Arc::new(data),
        });
    }

    fn record(&self, event: ControlEvent) {
        self.timeline.record(EventKind::Control(Box::new(event)));
    }
}
