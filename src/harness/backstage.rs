use std::sync::Arc;

use super::{Fixtures, Hook, Snapshots, World, events::HookKind};
use crate::services::Service;

/// What all scenarios of a suite draw on, beside their steps.
#[derive(Clone, Debug)]
pub(super) struct Backstage {
    /// Makers of the suite's own services.
    pub services: Vec<Hook>,
    pub hooks: Vec<Hook>,
    pub fixtures: Fixtures,
    pub snapshots: Arc<Snapshots>,
}

impl Backstage {
    /// The hooks of a kind for a scenario with these tags, in the order they run in.
    pub fn hooks<'a>(
        &'a self,
        kind: HookKind,
        tags: &'a [String],
    ) -> impl Iterator<Item = &'a Hook> {
        let (onwards, backwards): (&[Hook], &[Hook]) = match kind {
            HookKind::BeforeScenario | HookKind::BeforeStep => (&self.hooks, &[]),
            HookKind::AfterStep | HookKind::AfterScenario => (&[], &self.hooks),
        };
        let all = onwards.iter().chain(backwards.iter().rev());
        all.filter(move |hook| hook.applies_to(kind, tags))
    }
}

/// Makes a service for each scenario and adds it to the cast.
#[track_caller]
pub(super) fn own_service<S: Service + 'static>(
    make: impl Fn(&mut World) -> S + Send + Sync + 'static,
) -> Hook {
    Hook::before_scenario("a service of the suite", async move |world| {
        let service = make(world);
        let name = service.name();
        if name.is_empty() || name.contains('.') {
            return Err(
                format!("{name:?} names no service: it is not empty and has no dot").into(),
            );
        }
        if world
            .registry()
            .names()
            .iter()
            .any(|other| **other == *name)
        {
            return Err(format!("the suite has two services named {name:?}").into());
        }
        world.cast().add(service);
        Ok(())
    })
}
