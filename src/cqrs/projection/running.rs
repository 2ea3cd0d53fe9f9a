use std::sync::Arc;

use indexmap::IndexMap;
use tokio::task::AbortHandle;

use super::Projection;
use crate::{domain::did_you_mean, services::UnknownName};

/// The projections of a projector, by name.
#[derive(Default)]
pub(super) struct Projections(IndexMap<Arc<str>, RunningProjection>);

pub(super) struct RunningProjection {
    pub current: ProjectionTaskHandle,
    /// It builds a read model beside the current one.
    pub next: Option<ProjectionTaskHandle>,
}

/// A projection and its task, which ends with this.
pub(super) struct ProjectionTaskHandle {
    pub projection: Arc<Projection>,
    pub task: AbortHandle,
}

impl Projections {
    pub fn get(&self, name: &str) -> Result<&RunningProjection, UnknownName> {
        self.0.get(name).ok_or_else(|| UnknownName {
            what: "projection",
            name: name.to_owned(),
            hint: did_you_mean(name, self.0.keys().map(|name| &**name)),
        })
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut RunningProjection> {
        self.0.get_mut(name)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a projection, in place of another of its name.
    pub fn insert(&mut self, current: ProjectionTaskHandle) {
        let name = Arc::clone(current.projection.name());
        let next = None;
        self.0.insert(name, RunningProjection { current, next });
    }

    pub fn iter(&self) -> impl Iterator<Item = &RunningProjection> {
        self.0.values()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut RunningProjection> {
        self.0.values_mut()
    }
}

impl RunningProjection {
    /// The one of the last definition.
    pub fn newest(&self) -> &Projection {
        &self.next.as_ref().unwrap_or(&self.current).projection
    }

    /// The newest first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Projection>> {
        let next = self.next.iter();
        next.chain([&self.current]).map(|own| &own.projection)
    }
}

impl Drop for ProjectionTaskHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
