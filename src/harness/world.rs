use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, MutexGuard},
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

/// A scenario and its settings, given to its [`World`] by the runner.
#[derive(Clone, Debug)]
pub struct ScenarioContext {
    /// The feature file, relative to the package.
    pub uri: Arc<str>,
    /// The scenario's name.
    pub name: String,
    /// Which row of an outline's examples it is.
    pub row: Option<usize>,
    /// The seed of the scenario.
    pub seed: Seed,
    /// The line of the current step.
    pub line: usize,
    /// The media type of that step's doc string, such as `json`.
    pub media_type: Option<String>,
    /// Whether a fault that is never hit is allowed.
    pub allow_unused: bool,
    /// Whether it runs in real time.
    pub wall_clock: bool,
    /// Services and workflows as JSON.
    pub fixtures: Fixtures,
    /// The snapshots of the suite.
    pub snapshots: Option<Arc<Snapshots>>,
}

impl Default for ScenarioContext {
    fn default() -> Self {
        Self {
            uri: "scenario".into(),
            name: String::new(),
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
/// Its parts are built when a step first asks for them, so that a scenario pays
/// only for what it uses.
pub struct World {
    scenario: ScenarioContext,
    timeline: Timeline,
    pending: Option<String>,
    /// When the current step began.
    step_began: Duration,
    /// How long the last When took.
    when_took: Option<Duration>,
    cast: Option<Box<Cast>>,
    /// What is built on first use, besides the cast.
    pub(super) parts: TypeMap,
    calls: Vec<CallResult>,
    direct_calls: u64,
    state: TypeMap,
}

impl Default for World {
    fn default() -> Self {
        Self::new(ScenarioContext::default())
    }
}

impl World {
    /// The world of a scenario that begins now.
    pub fn new(scenario: ScenarioContext) -> Self {
        Self {
            scenario,
            timeline: Timeline::new(Clock::start()),
            pending: None,
            step_began: Duration::ZERO,
            when_took: None,
            cast: None,
            parts: TypeMap::default(),
            calls: Vec::new(),
            direct_calls: 0,
            state: TypeMap::default(),
        }
    }

    /// The world of a scenario that begins now, in real time.
    #[doc(hidden)]
    pub fn in_real_time() -> Self {
        Self::new(ScenarioContext {
            wall_clock: true,
            ..ScenarioContext::default()
        })
    }

    /// The scenario and its seed.
    pub fn scenario(&self) -> &ScenarioContext {
        &self.scenario
    }

    /// Makes all random choices from this seed from now on.
    pub fn set_seed(&mut self, seed: Seed) {
        self.scenario.seed = seed;
        if let Some(cast) = &mut self.cast {
            cast.set_seed(seed);
        }
        #[cfg(feature = "cqrs")]
        self.set_seed_of_commands(seed);
        #[cfg(feature = "tasks")]
        self.set_seed_of_tasks(seed);
    }

    /// Everything that has happened.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The scenario's clock.
    pub fn clock(&self) -> Clock {
        self.timeline.clock()
    }

    /// The current line, as `file:line`.
    pub fn here(&self) -> Arc<str> {
        format!("{}:{}", self.scenario.uri, self.scenario.line).into()
    }

    /// Begins a step, whose doc string may have a media type.
    pub(crate) fn begin_step(&mut self, line: usize, media_type: Option<&str>) {
        self.scenario.line = line;
        self.scenario.media_type = media_type.map(str::to_owned);
        self.step_began = self.timeline.now();
    }

    /// Restarts the step's time, which excludes the hooks before it.
    pub(crate) fn restart_step(&mut self) {
        self.step_began = self.timeline.now();
    }

    /// Ends a step.
    pub(crate) fn end_step(&mut self, kind: StepKind) {
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

    /// Takes the reason why a step is pending.
    pub(crate) fn take_pending(&mut self) -> Option<String> {
        self.pending.take()
    }

    /// The scenario's own directory, created on first use and removed at its end.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn directory(&mut self) -> io::Result<PathBuf> {
        self.cast().directory().path()
    }

    /// The services that take part, and the client that calls them.
    pub fn cast(&mut self) -> &mut Cast {
        let (timeline, seed) = (&self.timeline, self.scenario.seed);
        self.cast
            .get_or_insert_with(|| Box::new(Cast::new(timeline.clone(), seed)))
    }

    /// The services that take part.
    pub fn registry(&mut self) -> &Registry {
        self.cast().registry()
    }

    /// Timeouts and retries, to change.
    pub fn policies(&mut self) -> MutexGuard<'_, Policies> {
        self.cast().policies()
    }

    /// The workflow and its runs.
    pub fn runs(&mut self) -> &mut Runs {
        // Not by a method of the map, which cannot use the world while it is borrowed.
        let runs = match self.parts.take() {
            Some(runs) => runs,
            None => Box::new(self.cast().runs().with_fixtures(self.fixtures())),
        };
        self.parts.put(runs)
    }

    /// Services and workflows as JSON.
    pub fn fixtures(&self) -> Fixtures {
        self.scenario.fixtures.clone()
    }

    /// Where snapshots are kept.
    ///
    /// # Errors
    ///
    /// If the scenario runs outside a suite.
    pub fn snapshots(&self) -> Result<&Snapshots, String> {
        self.scenario
            .snapshots
            .as_deref()
            .ok_or_else(|| "the scenario runs outside a suite, which has no snapshots".to_owned())
    }

    /// State of your own steps in the scenario: one value of each type, created on first use.
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
        self.state.get()
    }

    /// The number of the next direct call.
    pub(crate) fn next_direct_call(&mut self) -> u64 {
        self.direct_calls += 1;
        self.direct_calls
    }

    /// Keeps the results of the last When's direct calls.
    pub(crate) fn set_calls(&mut self, calls: Vec<CallResult>) {
        self.calls = calls;
    }

    /// The results of the last When's direct calls.
    pub fn calls(&self) -> &[CallResult] {
        &self.calls
    }

    /// The result of the last direct call.
    ///
    /// # Errors
    ///
    /// If there was none.
    pub fn last_call(&self) -> Result<&CallResult, String> {
        self.calls
            .last()
            .ok_or_else(|| "no service was called directly".to_owned())
    }

    /// Checks what must hold once all steps have passed.
    ///
    /// # Errors
    ///
    /// If a declared fault was not hit as often as declared, or an answer of a table not reached.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        let Some(cast) = &self.cast else {
            return Ok(());
        };
        let unused = cast.faults().unused();
        if unused.is_empty() || self.scenario.allow_unused {
            return Ok(());
        }
        let lines: Vec<String> = unused.iter().map(|fault| format!("  {fault}")).collect();
        let how = match unused.iter().any(|fault| fault.hits > 0) {
            true => "not hit as often as declared",
            false => "never hit",
        };
        Err(format!(
            "declared but {how}, so it proves nothing (tag the scenario @allow-unused if that is intended):\n{}",
            lines.join("\n")
        ))
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("scenario", &self.scenario)
            .finish_non_exhaustive()
    }
}

/// The failure of a call that should have succeeded, or its reply where it should have failed.
pub fn describe(result: &CallResult) -> String {
    let failure: &Failure = match result {
        Ok(reply) => return format!("but it replied {}", excerpt(&reply.value)),
        Err(failure) => failure,
    };
    format!("but it failed with {failure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn when_took_is_the_time_of_the_last_when_only() {
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
