use std::{error::Error, fmt, panic::Location, sync::Arc};

use futures::future::LocalBoxFuture;

use super::{
    SelectionError, TagExpression, World,
    events::{HookInfo, HookKind, Status},
    package::source_place,
};

/// What a hook comes to. Any error will do, a text too.
pub type HookResult = Result<(), Box<dyn Error + Send + Sync>>;

type Run = dyn for<'a> Fn(&'a mut World, Status) -> LocalBoxFuture<'a, HookResult> + Send + Sync;

/// What a suite does around its scenarios or their steps.
///
/// A hook fails its scenario by an error or a panic, and is shown by its name then. Hooks before run
/// in the order they were added, those after in the contrary one. Once something has failed, the
/// remaining steps and hooks before are left out, but hooks after are run; only a scenario that is
/// given up because it makes no progress in real time can run nothing any more.
///
/// ```
/// use rehearsal::{Hook, Status};
///
/// Hook::before_scenario("an empty stock", async |world| {
///     world.cast().add_bare("Stock");
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
    run: Arc<Run>,
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

    /// Runs after each step that was run, and sees how it ended.
    #[track_caller]
    pub fn after_step(
        name: impl Into<String>,
        run: impl AsyncFn(&mut World, Status) -> HookResult + Send + Sync + 'static,
    ) -> Self {
        Self::new(HookKind::AfterStep, name.into(), run)
    }

    /// Runs at a scenario's end, and sees how it went so far.
    #[track_caller]
    pub fn after_scenario(
        name: impl Into<String>,
        run: impl AsyncFn(&mut World, Status) -> HookResult + Send + Sync + 'static,
    ) -> Self {
        Self::new(HookKind::AfterScenario, name.into(), run)
    }

    /// Only for scenarios whose tags meet an expression such as `@slow and not @flaky`.
    ///
    /// An expression that cannot be read keeps the suite from running.
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
                location: source_place(&Location::caller().to_string()),
            }),
            tags: Ok(None),
            run: Arc::new(move |world, status| {
                let run = Arc::clone(&run);
                Box::pin(async move { run(world, status).await })
            }),
        }
    }

    /// What reports know of it.
    pub fn info(&self) -> &Arc<HookInfo> {
        &self.info
    }

    /// # Errors
    ///
    /// If the expression on tags cannot be read.
    pub(super) fn check(&self) -> Result<(), SelectionError> {
        self.tags.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    pub(super) fn applies_to(&self, kind: HookKind, tags: &[String]) -> bool {
        let expression = self.tags.as_ref().ok().and_then(Option::as_ref);
        self.info.kind == kind && expression.is_none_or(|expression| expression.holds(tags))
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
