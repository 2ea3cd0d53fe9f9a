use std::{error::Error, fmt, panic::Location, sync::Arc};

use futures::future::LocalBoxFuture;

use super::{
    SelectionError, TagExpression, World,
    events::{HookInfo, HookKind, Status},
    panics::source_location,
};

/// The result of a hook. Any error is accepted, a string too.
pub type HookResult = Result<(), Box<dyn Error + Send + Sync>>;

type HookCode =
    dyn for<'a> Fn(&'a mut World, Status) -> LocalBoxFuture<'a, HookResult> + Send + Sync;

/// Code that a suite runs before or after its scenarios or their steps.
///
/// An error or a panic in a hook fails its scenario, and the report shows the hook's name. Hooks before
/// run in the order they were added, hooks after in reverse order. Once something has failed, the
/// remaining steps and hooks before are skipped, but hooks after are run; only a scenario that is
/// abandoned because it makes no progress in real time runs nothing more.
///
/// ```
/// use rehearsal::{Hook, Status};
///
/// Hook::before_scenario("an empty stock", async |world| {
///     world.cast().add_bare("Stock")?;
///     Ok(())
/// })
/// .tagged("@stock and not @legacy");
///
/// Hook::after_scenario("the orders that are left", async |world, status| {
///     if status != Status::Passed {
///         tracing::info!("failed at {:?}", world.clock().now());
///     }
///     Ok(())
/// });
/// ```
#[derive(Clone)]
pub struct Hook {
    info: Arc<HookInfo>,
    tags: Result<Option<TagExpression>, SelectionError>,
    run: Arc<HookCode>,
}

impl Hook {
    /// Runs before a scenario's first step.
    #[track_caller]
    pub fn before_scenario(
        name: impl Into<String>,
        run: impl AsyncFn(&mut World) -> HookResult + Send + Sync + 'static,
    ) -> Self {
        let run = async move |world: &mut World, _| run(world).await;
        Self::new(HookKind::BeforeScenario, name.into(), run)
    }

    /// Runs before each step that is run.
    #[track_caller]
    pub fn before_step(
        name: impl Into<String>,
        run: impl AsyncFn(&mut World) -> HookResult + Send + Sync + 'static,
    ) -> Self {
        let run = async move |world: &mut World, _| run(world).await;
        Self::new(HookKind::BeforeStep, name.into(), run)
    }

    /// Runs after each step that was run, and gets the step's status.
    #[track_caller]
    pub fn after_step(
        name: impl Into<String>,
        run: impl AsyncFn(&mut World, Status) -> HookResult + Send + Sync + 'static,
    ) -> Self {
        Self::new(HookKind::AfterStep, name.into(), run)
    }

    /// Runs at a scenario's end, and gets the scenario's status so far.
    #[track_caller]
    pub fn after_scenario(
        name: impl Into<String>,
        run: impl AsyncFn(&mut World, Status) -> HookResult + Send + Sync + 'static,
    ) -> Self {
        Self::new(HookKind::AfterScenario, name.into(), run)
    }

    /// Only for scenarios whose tags match an expression such as `@slow and not @flaky`.
    ///
    /// A suite with an expression that is not valid refuses to run.
    #[must_use]
    pub fn tagged(mut self, expression: &str) -> Self {
        self.tags = expression.parse().map(Some);
        self
    }

    #[track_caller]
    fn new(
        kind: HookKind,
        name: String,
        run: impl AsyncFn(&mut World, Status) -> HookResult + Send + Sync + 'static,
    ) -> Self {
        let run = Arc::new(run);
        Self {
            info: Arc::new(HookInfo {
                kind,
                name,
                location: source_location(&Location::caller().to_string()),
            }),
            tags: Ok(None),
            run: Arc::new(move |world, status| {
                let run = Arc::clone(&run);
                Box::pin(async move { run(world, status).await })
            }),
        }
    }

    /// The hook as reports show it.
    pub fn info(&self) -> &Arc<HookInfo> {
        &self.info
    }

    /// # Errors
    ///
    /// If the tag expression is not valid.
    pub(super) fn check(&self) -> Result<(), SelectionError> {
        self.tags.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// Which scenarios it is for; `None` for all.
    pub(super) fn tags(&self) -> Option<&TagExpression> {
        self.tags.as_ref().ok().and_then(Option::as_ref)
    }

    pub(super) fn applies_to(&self, kind: HookKind, tags: &[String]) -> bool {
        let expression = self.tags();
        self.info.kind == kind && expression.is_none_or(|expression| expression.matches(tags))
    }

    pub(super) fn run<'a>(
        &self,
        world: &'a mut World,
        status: Status,
    ) -> LocalBoxFuture<'a, HookResult> {
        (self.run)(world, status)
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook")
            .field("info", &self.info)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}
