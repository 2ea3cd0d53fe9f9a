use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use indexmap::IndexMap;

use super::{AggregateType, defined_aggregate::unknown_command};
use crate::domain::{Failure, Violation};

/// The types of aggregates that there are, by name; each command belongs to one of them.
#[derive(Default)]
pub(super) struct Aggregates {
    by_name: RwLock<IndexMap<Arc<str>, Arc<dyn AggregateType>>>,
}

impl Aggregates {
    /// Adds a type of aggregates, in place of another of its name.
    ///
    /// # Errors
    ///
    /// If another type of aggregates has one of its commands.
    pub fn add(&self, aggregate: Arc<dyn AggregateType>) -> Result<(), Violation> {
        let mut aggregates = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        for other in aggregates.values() {
            if other.name() == aggregate.name() {
                continue;
            }
            let theirs = other.commands();
            if let Some(taken) = aggregate.commands().iter().find(|own| theirs.contains(own)) {
                return Err(Violation::new(
                    format!("/commands/{taken}"),
                    format!("{} has a command {taken:?} already", other.name()),
                ));
            }
        }
        aggregates.insert(aggregate.name().into(), aggregate);
        Ok(())
    }

    /// The types of the events that aggregates decide; `None` where there is an aggregate of which
    /// that is not known, or none at all.
    pub fn event_types(&self) -> Option<Vec<String>> {
        let mut types = Vec::new();
        for aggregate in self.read().values() {
            types.extend(aggregate.events()?.into_iter().map(str::to_owned));
        }
        (!types.is_empty()).then_some(types)
    }

    /// The type of aggregates that decides a command.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_COMMAND_TYPE`, with the nearest type, if there is none.
    pub fn deciding(&self, command: &str) -> Result<Arc<dyn AggregateType>, Box<Failure>> {
        let aggregates = self.read();
        let decides = |aggregate: &&Arc<dyn AggregateType>| aggregate.commands().contains(&command);
        match aggregates.values().find(decides) {
            Some(aggregate) => Ok(Arc::clone(aggregate)),
            None => {
                let known = aggregates.values().flat_map(|own| own.commands());
                Err(unknown_command(command, known))
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, IndexMap<Arc<str>, Arc<dyn AggregateType>>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner)
    }
}
