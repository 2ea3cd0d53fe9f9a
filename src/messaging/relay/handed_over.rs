use std::collections::{HashSet, VecDeque};

use crate::messaging::{EventDocument, EventId};

/// Events that were stored and handed over, oldest first, so that they need not be read back.
///
/// They stand for what is in the outbox only as long as they are in step with it: it holds nothing
/// unpublished but them. It must be read at the beginning, and whenever that is in doubt.
#[derive(Debug, Default)]
pub struct HandedOver {
    events: VecDeque<EventDocument>,
    /// How many were taken and are not marked as published yet.
    taken: usize,
    in_step: bool,
}

impl HandedOver {
    /// Adds an event, with which the outbox had so many unpublished ones, where it tells: with
    /// another that was not handed over, that one comes before it.
    pub fn push(&mut self, document: EventDocument, waiting: Option<u64>) {
        self.events.push_back(document);
        let known = self.taken + self.events.len();
        self.in_step &= waiting == Some(known as u64);
    }

    /// The oldest events, up to so many; `None` if they must be read from the outbox.
    pub fn take(&mut self, most: usize) -> Option<Vec<EventDocument>> {
        if !self.in_step {
            return None;
        }
        let count = self.events.len().min(most);
        self.taken = count;
        Some(self.events.drain(..count).collect())
    }

    /// There may be something in the outbox that was not handed over, or no longer is here.
    pub fn falls_behind(&mut self) {
        self.in_step = false;
    }

    /// These were read from the outbox, and need not be handed over any more.
    pub fn has_read(&mut self, events: impl IntoIterator<Item = EventId>) {
        if self.events.is_empty() {
            return;
        }
        // Both are in the order in which they were stored, so what was read comes first.
        let read: HashSet<EventId> = events.into_iter().collect();
        while let Some(first) = self.events.front()
            && read.contains(&first.event_id())
        {
            self.events.pop_front();
        }
    }

    /// What was taken is marked as published, and the outbox has so many unpublished events left,
    /// where it tells.
    pub fn left_in_outbox(&mut self, waiting: Option<u64>) {
        self.taken = 0;
        self.in_step = waiting == Some(self.events.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messaging::outbox::conformance::event;

    fn push(handed_over: &mut HandedOver, id: &str, waiting: Option<u64>) {
        handed_over.push(event(id), waiting);
    }

    fn take(handed_over: &mut HandedOver, most: usize) -> Option<Vec<String>> {
        let taken = handed_over.take(most)?.into_iter();
        Some(taken.map(|own| own.head().id.to_string()).collect())
    }

    fn in_step() -> HandedOver {
        let mut handed_over = HandedOver::default();
        handed_over.left_in_outbox(Some(0));
        handed_over
    }

    #[test]
    fn at_the_beginning_the_outbox_must_be_read() {
        let mut handed_over = HandedOver::default();
        push(&mut handed_over, "a", Some(1));
        assert_eq!(take(&mut handed_over, 9), None);
        handed_over.has_read([event("a").event_id()]);
        handed_over.left_in_outbox(Some(0));
        assert_eq!(take(&mut handed_over, 9), Some(vec![]), "it was read");
    }

    #[test]
    fn in_step_they_are_taken_in_order() {
        let mut handed_over = in_step();
        push(&mut handed_over, "a", Some(1));
        push(&mut handed_over, "b", Some(2));
        assert_eq!(take(&mut handed_over, 1), Some(vec!["a".to_owned()]));
        push(&mut handed_over, "c", Some(3));
        handed_over.left_in_outbox(Some(2));
        let rest = vec!["b".to_owned(), "c".to_owned()];
        assert_eq!(take(&mut handed_over, 9), Some(rest));
    }

    #[test]
    fn what_the_outbox_has_besides_must_be_read_before_what_comes_after_it() {
        for waiting in [Some(2), None] {
            let mut handed_over = in_step();
            push(&mut handed_over, "a", waiting);
            assert_eq!(take(&mut handed_over, 9), None, "{waiting:?} before it");
            let mut handed_over = in_step();
            push(&mut handed_over, "a", Some(1));
            assert!(take(&mut handed_over, 9).is_some());
            handed_over.left_in_outbox(waiting);
            assert_eq!(take(&mut handed_over, 9), None, "{waiting:?} behind it");
        }
    }

    #[test]
    fn whoever_falls_behind_is_in_step_again_once_nothing_else_is_left() {
        let mut handed_over = in_step();
        push(&mut handed_over, "a", Some(1));
        handed_over.falls_behind();
        assert_eq!(take(&mut handed_over, 9), None);
        push(&mut handed_over, "b", Some(2));
        assert_eq!(take(&mut handed_over, 9), None);
        handed_over.left_in_outbox(Some(2));
        assert!(take(&mut handed_over, 9).is_some());
    }
}
