use std::{sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    domain::LifecycleStage,
    observability::{ControlEvent, Decision, EventKind, Timeline},
};

/// The life of a goal: its stages, in order, on the timeline.
#[derive(Clone, Debug)]
pub struct Life {
    timeline: Timeline,
    /// The number of the goal, from 1: several may belong to one trace.
    goal: u64,
    trace: Arc<str>,
    stage: LifecycleStage,
    /// When it began, or was resumed.
    began: Duration,
}

impl Life {
    /// Begins with the first stage.
    pub fn begin(timeline: Timeline, goal: u64, trace: Arc<str>, data: Value) -> Self {
        let life = Self {
            began: timeline.now(),
            timeline,
            goal,
            trace,
            stage: LifecycleStage::Initialize,
        };
        life.record_stage(data);
        life
    }

    pub fn stage(&self) -> LifecycleStage {
        self.stage
    }

    pub fn goal(&self) -> u64 {
        self.goal
    }

    pub fn trace(&self) -> &Arc<str> {
        &self.trace
    }

    /// How long it has taken.
    pub fn took(&self) -> Duration {
        self.timeline.now().saturating_sub(self.began)
    }

    /// Counts its time from now on.
    pub fn begin_again(&mut self) {
        self.began = self.timeline.now();
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
            goal: self.goal,
            trace: Arc::clone(&self.trace),
            stage: self.stage,
            data: Arc::new(data),
        });
    }

    fn record(&self, event: ControlEvent) {
        self.timeline.record(EventKind::Control(Box::new(event)));
    }
}
