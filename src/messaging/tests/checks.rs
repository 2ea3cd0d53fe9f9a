//! What must hold after any schedule.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use proptest::prelude::*;

use super::rig::{HANDLERS, Rig, subscription};
use crate::{
    domain::{CallName, Key},
    messaging::DeadLetters,
    observability::{EventHead, EventKind, LetterOwner},
};

/// Every event reported as stored is stored.
pub fn check_reported(rig: &Rig) -> Result<(), TestCaseError> {
    let stored = rig.stored();
    let mut lost = rig.reported_stored();
    lost.retain(|head| !stored.contains(head));
    prop_assert!(
        lost.is_empty(),
        "reported as stored, but is not: {:?}",
        lost
    );
    Ok(())
}

/// Unless something was redriven, every subscription handles or dead-letters each event on the bus once.
pub fn check_each_once(rig: &Rig) -> Result<(), TestCaseError> {
    let list = CallName::new(DeadLetters::NAME, "list");
    let redrives = rig.timeline.read(|events| {
        let mut kinds = events.iter().map(|event| &event.kind);
        kinds.any(|kind| matches!(kind, EventKind::CallStarted { head, .. } if head.name == list))
    });
    if redrives {
        return Ok(());
    }
    let refused = refused(rig);
    let mut stored = rig.stored();
    stored.retain(|head| !refused.contains(head));
    let stored: HashSet<_> = stored.into_iter().collect();
    for handler in 0..HANDLERS.len() {
        let id = subscription(handler);
        let settled = rig.heads(|kind| match kind {
            EventKind::EventHandled { subscription, head } if **subscription == *id => Some(head),
            EventKind::EventDeadLettered { owner, head, .. }
                if **owner == LetterOwner::Subscription(id.as_str().into()) =>
            {
                Some(head)
            }
            _ => None,
        });
        let unique: HashSet<_> = settled.iter().cloned().collect();
        if lost_inboxes(rig, &id) == 0 {
            prop_assert_eq!(
                unique.len(),
                settled.len(),
                "{}: handled twice: {:?}",
                id,
                settled
            );
        }
        prop_assert_eq!(&unique, &stored, "{}: lost, or never stored", id);
    }
    Ok(())
}

/// The events that became dead letters of the outbox.
fn refused(rig: &Rig) -> HashSet<Arc<EventHead>> {
    let refused = rig.heads(|kind| match kind {
        EventKind::EventDeadLettered { owner, head, .. }
            if matches!(**owner, LetterOwner::Outbox(_)) =>
        {
            Some(head)
        }
        _ => None,
    });
    refused.into_iter().collect()
}

/// How often a subscription's consumer was lost with its inbox.
fn lost_inboxes(rig: &Rig, id: &str) -> usize {
    let lost = rig.heads(|kind| match kind {
        EventKind::ConsumerLost {
            subscription,
            head,
            inbox: "lost",
        } if **subscription == *id => Some(head),
        _ => None,
    });
    lost.len()
}

/// Every handler first gets the events of a subject in the order they were stored, except those that
/// the bus refused; where dead letters hold their subjects, it has handled them in that order.
pub fn check_order(rig: &Rig, holding: [bool; 3]) -> Result<(), TestCaseError> {
    let refused = refused(rig);
    let stored = rig.stored();
    for (handler, holds) in holding.into_iter().enumerate() {
        let id = subscription(handler);
        let called = |kind: &EventKind| match kind {
            EventKind::CallStarted { head, input, .. } if head.name.as_str() == id => {
                input["id"].as_str().map(str::to_owned)
            }
            _ => None,
        };
        let handled = |kind: &EventKind| match kind {
            EventKind::EventHandled { subscription, head } if **subscription == *id => {
                Some(head.id.to_string())
            }
            _ => None,
        };
        let mut orders = vec![first_ids(rig, called)];
        if holds {
            orders.push(first_ids(rig, handled));
        }
        for subject in (0..3).map(|subject| format!("order-{subject}")) {
            let expected = stored.iter().filter(|head| {
                head.subject.as_deref() == Some(&subject) && !refused.contains(*head)
            });
            let expected: Vec<_> = expected.map(|head| head.id.to_string()).collect();
            for order in &orders {
                let mut order = order.clone();
                order.retain(|id| expected.contains(id));
                prop_assert_eq!(&order, &expected, "{}: {}", id, subject);
            }
        }
    }
    Ok(())
}

/// The ids of the events that `pick` selects, each the first time.
fn first_ids(rig: &Rig, pick: impl Fn(&EventKind) -> Option<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    rig.timeline.read(|events| {
        let ids = events.iter().filter_map(|event| pick(&event.kind));
        ids.filter(|id| seen.insert(id.clone())).collect()
    })
}

pub fn check_effects(rig: &Rig) -> Result<(), TestCaseError> {
    let mut seen: HashSet<Key> = HashSet::new();
    let twice = rig.timeline.read(|events| {
        events.iter().find_map(|event| match &event.kind {
            EventKind::Effect { key, .. } if !seen.insert(key.clone()) => Some(key.clone()),
            _ => None,
        })
    });
    prop_assert_eq!(twice, None, "an effect happens twice");
    Ok(())
}

/// Every event is handled once, or once more for each inbox that was lost.
pub fn check_all_handled(rig: &Rig) -> Result<(), TestCaseError> {
    let stored: HashSet<_> = rig.stored().into_iter().collect();
    for handler in 0..HANDLERS.len() {
        let id = subscription(handler);
        let mut handled: HashMap<Arc<EventHead>, usize> = HashMap::new();
        for head in rig.heads(|kind| match kind {
            EventKind::EventHandled { subscription, head } if **subscription == *id => Some(head),
            _ => None,
        }) {
            *handled.entry(head).or_default() += 1;
        }
        let most = 1 + lost_inboxes(rig, &id);
        for (head, times) in &handled {
            prop_assert!(
                *times <= most,
                "{}: handled {} times: {:?}",
                id,
                times,
                head
            );
        }
        let handled: HashSet<_> = handled.into_keys().collect();
        prop_assert_eq!(&handled, &stored, "{}: lost, or never stored", id);
    }
    Ok(())
}
