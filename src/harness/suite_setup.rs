use std::sync::Arc;

use super::{Fixtures, Hook, Snapshots, World, dry_run::DryRun, events::HookKind};
use crate::services::Service;

/// What all scenarios of a suite share, besides their steps.
#[derive(Clone, Debug)]
pub(super) struct SuiteSetup {
    /// Hooks that add the suite's own services.
    pub services: Vec<Hook>,
    pub hooks: Vec<Hook>,
    pub fixtures: Fixtures,
    pub snapshots: Arc<Snapshots>,
    /// If the scenarios are only checked.
    pub dry_run: Option<Arc<DryRun>>,
}

impl SuiteSetup {
    /// The hooks of a kind for a scenario with these tags, in the order they run in.
    pub fn hooks<'a>(
        &'a self,
        kind: HookKind,
        tags: &'a [String],
    ) -> impl Iterator<Item = &'a Hook> {
        let (forwards, backwards): (&[Hook], &[Hook]) = match kind {
            HookKind::BeforeScenario | HookKind::BeforeStep => (&self.hooks, &[]),
            HookKind::AfterStep | HookKind::AfterScenario => (&[], &self.hooks),
        };
        let all = forwards.iter().chain(backwards.iter().rev());
        all.filter(move |hook| hook.applies_to(kind, tags))
    }
}

/// A hook that creates a service for each scenario and adds it to the cast.
#[track_caller]
pub(super) fn service_hook<S: Service + 'static>(
    make: impl Fn(&mut World) -> S + Send + Sync + 'static,
) -> Hook {
    Hook::before_scenario("a service of the suite", async move |world| {
        let service = make(world);
        Ok(world.cast().add(service)?)
    })
}
