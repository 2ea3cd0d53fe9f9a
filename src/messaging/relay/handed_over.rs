use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use serde_json::Value;

use super::backlog::Item;
use crate::{messaging::EventId, observability::EventHead};

/// Events that were stored and handed over, oldest first, so that they need not be read back.
///
/// They stand for what is in the outbox only as long as they are in step with it: it holds nothing
/// unpublished but them. It must be read at the beginning, and whenever that is in doubt.
#[derive(Debug, Default)]
pub struct HandedOver {
    events: VecDeque<Handed>,
    in_step: bool,
}

/// An event, as it was stored.
#[derive(Debug)]
pub struct Handed {
    pub item: Item,
    pub event: Arc<Value>,
}

impl HandedOver {
    pub fn push(&mut self, head: Arc<EventHead>, event: Arc<Value>) {
        let item = Item { place: 0, head };
        self.events.push_back(Handed { item, event });
    }

    /// The oldest events, up to so many; `None` if they must be read from the outbox.
    pub fn take(&mut self, most: usize) -> Option<Vec<Handed>> {
        let count = self.events.len().min(most);
        self.in_step.then(|| self.events.drain(..count).collect())
    }

    /// There may be something in the outbox that was not handed over, or no longer is here.
    pub fn falls_behind(&mut self) {
        self.in_step = false;
    }

    /// These were read from the outbox, and need not be handed over any more.
    pub fn has_read(&mut self, items: &[Item]) {
        if self.events.is_empty() {
            return;
        }
        // Both are in the order in which they were stored, so what was read comes first.
        let read: HashSet<EventId> = items.iter().map(Item::id).collect();
        while let Some(first) = self.events.front()
            && read.contains(&first.item.id())
        {
            self.events.pop_front();
        }
    }

    /// The outbox has so many unpublished events left, where it tells.
    pub fn left_in_outbox(&mut self, waiting: Option<u64>) {
        self.in_step = waiting == Some(self.events.len() as u64);
    }
}
