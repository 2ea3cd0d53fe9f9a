use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::Duration,
};

use super::{
    cast::Cast, excerpt::excerpt, fixtures::Fixtures, pickle::StepKind, runs::Runs,
    snapshot::Snapshots, type_map::TypeMap,
};
use crate::{
    clock::{Clock, Seed},
    domain::Failure,
    observability::Timeline,
    services::{CallResult, Policies, Registry},
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
    /// The media type of that step's doc string, such as `json`.
    pub media_type: Option<String>,
    /// Whether a fault that is never hit is fine.
    pub allow_unused: bool,
    /// Whether it runs in real time.
    pub wall_clock: bool,
    /// Services and workflows as JSON.
    pub fixtures: Fixtures,
    /// The snapshots of the suite.
    pub snapshots: Option<Arc<Snapshots>>,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            uri: "scenario".into(),
            scenario: String::new(),
            row: None,
            seed: Seed(0),
            line: 0,
            media_type: None,
            allow_unused: false,
            wall_clock: false,
            fixtures: Fixtures::default(),
            snapshots: None,
        }
    }
}

/// The state of one scenario, handed from step to step.
///
/// Its rooms are built when a step first asks for them, so that a scenario pays
/// only for what it touches.
#[derive(cucumber::World)]
#[world(init = Self::default)]
pub struct World {
    stage: Stage,
    timeline: Timeline,
    pending: Option<String>,
    /// When the step that is under way began.
    step_began: Duration,
    /// How long the last When took.
    when_took: Option<Duration>,
    cast: Option<Box<Cast>>,
    /// What is built on first use beside the cast.
    pub(super) parts: TypeMap,
    calls: Vec<CallResult>,
    direct_calls: u64,
    own: TypeMap,
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
            step_began: Duration::ZERO,
            when_took: None,
            cast: None,
            parts: TypeMap::default(),
            calls: Vec::new(),
            direct_calls: 0,
            own: TypeMap::default(),
        }
    }

    /// The scenario and its seed.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Draws all chance from this seed from now on.
    pub fn set_seed(&mut self, seed: Seed) {
        self.stage.seed = seed;
        if let Some(cast) = &mut self.cast {
            cast.set_seed(seed);
        }
        #[cfg(feature = "cqrs")]
        self.set_seed_of_commands(seed);
    }

    /// Everything that has happened.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The scenario's clock.
    pub fn clock(&self) -> Clock {
        self.timeline.clock()
    }

    /// The line under way, as `file:line`.
    pub fn here(&self) -> Arc<str> {
        format!("{}:{}", self.stage.uri, self.stage.line).into()
    }

    /// A step begins, whose doc string may have a media type.
    pub fn begin_step(&mut self, line: usize, media_type: Option<&str>) {
        self.stage.line = line;
        self.stage.media_type = media_type.map(str::to_owned);
        self.step_began = self.timeline.now();
    }

    /// The step begins only now: what hooks before it took is no part of it.
    pub fn restart_step(&mut self) {
        self.step_began = self.timeline.now();
    }

    /// A step has ended.
    pub fn end_step(&mut self, kind: StepKind) {
        if kind == StepKind::When {
            self.when_took = Some(self.timeline.now().saturating_sub(self.step_began));
        }
    }

    /// How long the last When took; `None` before the first.
    pub fn when_took(&self) -> Option<Duration> {
        self.when_took
    }

    /// Ends the step, and the scenario, as pending.
    pub fn pending(&mut self, why: impl Into<String>) {
        self.pending = Some(why.into());
    }

    /// Takes what a step is pending on.
    pub(crate) fn take_pending(&mut self) -> Option<String> {
        self.pending.take()
    }

    /// The scenario's own directory, made on first use and gone at its end.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn directory(&mut self) -> io::Result<PathBuf> {
        self.cast().directory().path()
    }

    /// The services that take part, and the client that calls them.
    pub fn cast(&mut self) -> &mut Cast {
        let (timeline, seed) = (&self.timeline, self.stage.seed);
        self.cast
            .get_or_insert_with(|| Box::new(Cast::new(timeline.clone(), seed)))
    }

    /// The services that take part.
    pub fn registry(&mut self) -> &Registry {
        self.cast().registry()
    }

    /// Timeouts and retries, to change.
    pub fn policies(&mut self) -> RwLockWriteGuard<'_, Policies> {
        let policies: &RwLock<Policies> = self.cast().policies();
        policies.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The workflow and its runs.
    pub fn runs(&mut self) -> &mut Runs {
        // By hand, so that the cast is built and asked only for the first time.
        let runs = match self.parts.take() {
            Some(runs) => runs,
            None => Box::new(self.cast().runs().with_fixtures(self.fixtures())),
        };
        self.parts.put(runs)
    }

    /// Services and workflows as JSON.
    pub fn fixtures(&self) -> Fixtures {
        self.stage.fixtures.clone()
    }

    /// Where snapshots are kept.
    ///
    /// # Errors
    ///
    /// If the scenario runs outside a suite, or the environment asks insta for what it does not know.
    pub fn snapshots(&self) -> Result<&Snapshots, String> {
        self.stage
            .snapshots
            .as_deref()
            .ok_or_else(|| "the scenario runs outside a suite, which has no snapshots".to_owned())
    }

    /// What steps of one's own keep in the scenario: one value of each type, made on first use.
    ///
    /// ```
    /// use rehearsal::World;
    ///
    /// #[derive(Default)]
    /// struct Basket {
    ///     books: Vec<String>,
    /// }
    ///
    /// let mut world = World::default();
    /// world.state::<Basket>().books.push("Emma".to_owned());
    /// assert_eq!(world.state::<Basket>().books, ["Emma"]);
    /// ```
    pub fn state<T: Default + Send + 'static>(&mut self) -> &mut T {
        self.own.get()
    }

    /// Counts the direct calls.
    pub fn next_direct_call(&mut self) -> u64 {
        self.direct_calls += 1;
        self.direct_calls
    }

    /// Keeps what the last When's direct calls came to.
    pub fn set_calls(&mut self, calls: Vec<CallResult>) {
        self.calls = calls;
    }

    /// What the last When's direct calls came to.
    pub fn calls(&self) -> &[CallResult] {
        &self.calls
    }

    /// What the last direct call came to.
    ///
    /// # Errors
    ///
    /// If there was none.
    pub fn last_call(&self) -> Result<&CallResult, String> {
        self.calls
            .last()
            .ok_or_else(|| "no service was called directly".to_owned())
    }

    /// Ends the scenario: what must hold once all steps have passed.
    ///
    /// # Errors
    ///
    /// If a declared fault was never hit.
    pub fn finish(&mut self) -> Result<(), String> {
        let Some(cast) = &self.cast else {
            return Ok(());
        };
        let unused = cast.faults().unused();
        if unused.is_empty() || self.stage.allow_unused {
            return Ok(());
        }
        let lines: Vec<String> = unused.iter().map(|fault| format!("  {fault}")).collect();
        Err(format!(
            "declared but never hit, so it proves nothing (tag the scenario @allow-unused if that is meant):\n{}",
            lines.join("\n")
        ))
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

/// The failure of a call that should have succeeded, or its reply where it should have failed.
pub fn describe(result: &CallResult) -> String {
    let failure: &Failure = match result {
        Ok(reply) => return format!("it replies {}", excerpt(&reply.value)),
        Err(failure) => failure,
    };
    format!("it fails with {failure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_when_is_timed_and_the_last_one_counts() {
        let mut world = World::default();
        let ms = Duration::from_millis;
        for (kind, takes, expected) in [
            (StepKind::Given, 1, None),
            (StepKind::When, 20, Some(ms(20))),
            (StepKind::Given, 300, Some(ms(20))),
            (StepKind::Then, 4_000, Some(ms(20))),
            (StepKind::When, 0, Some(ms(0))),
        ] {
            world.begin_step(1, None);
            world.clock().sleep(ms(takes)).await;
            world.end_step(kind);
            assert_eq!(world.when_took(), expected, "after {kind:?}");
        }
    }
}
