//! What must hold at the end of any case.

use std::collections::BTreeSet;

use super::*;

/// A wait that has ended.
struct EndedWait {
    /// Its run and step.
    path: String,
    /// When it began first.
    from: Duration,
    until: Duration,
    at: Duration,
    result: Arc<str>,
}

fn waits(events: &[Event]) -> Vec<EndedWait> {
    let mut begun = std::collections::HashMap::new();
    let mut found = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::WaitStarted { head } => {
                let path = format!("{}/{}", head.run, head.step);
                let first = (event.at, head.until.unwrap());
                let (_, until) = *begun.entry(path).or_insert(first);
                assert_eq!(Some(until), head.until, "nothing renews it");
            }
            EventKind::WaitEnded { head, result, .. } => {
                let path = format!("{}/{}", head.run, head.step);
                let (from, until) = begun[&path];
                found.push(EndedWait {
                    path,
                    from,
                    until,
                    at: event.at,
                    result: Arc::clone(result),
                });
            }
            _ => {}
        }
    }
    found
}

pub(super) fn check(case: &WaitCase, ended: &Ended) -> Result<(), TestCaseError> {
    // No effect happens twice.
    let mut keys: Vec<&Key> = Vec::new();
    for event in &ended.events {
        if let EventKind::Effect { key, .. } = &event.kind {
            prop_assert!(!keys.contains(&key), "{key} happens twice");
            keys.push(key);
        }
    }
    let done = keys.iter().filter(|key| matches!(key, Key::Do(_))).count();
    let undone = keys.len() - done;
    let calls = |(_, does, _): &&(u8, Does, bool)| matches!(does, Does::Call { .. });
    let past_pivot = case.pivot.is_some_and(|pivot| {
        let is_done = |entry: &JournalEntry| matches!(entry, JournalEntry::StepCompleted { step, .. } if *step == pivot);
        let (_, _, nests) = case.steps[pivot];
        match nests {
            true => ended.journals[1 + pivot].iter().any(|entry| matches!(entry, JournalEntry::StepCompleted { .. })),
            false => ended.journals[0].iter().any(is_done),
        }
    });
    match ended.status {
        WorkflowStatus::Completed => {
            prop_assert_eq!(done, case.steps.iter().filter(calls).count());
            prop_assert_eq!(undone, 0);
        }
        WorkflowStatus::Interrupted => {
            prop_assert!(past_pivot);
            prop_assert_eq!(undone, 0);
        }
        WorkflowStatus::RolledBack | WorkflowStatus::Cancelled => {
            prop_assert!(!past_pivot);
            prop_assert_eq!(done, undone);
        }
        other => prop_assert!(false, "it is {:?}", other),
    }
    // A run takes an event once.
    let taken: Vec<Vec<(u64, Duration)>> = ended.journals.iter().map(|it| taken(it)).collect();
    for of_run in &taken {
        let numbers: BTreeSet<u64> = of_run.iter().map(|(number, _)| *number).collect();
        prop_assert_eq!(numbers.len(), of_run.len(), "an event is taken twice");
    }
    let came = case.came();
    for wait in waits(&ended.events) {
        let EndedWait {
            path, until, at, ..
        } = &wait;
        let overdue = ended
            .away
            .iter()
            .any(|(from, to)| from <= until && to == at);
        let in_time = at == until || overdue;
        match &*wait.result {
            "ok" if case.waits_for_event(path) => {
                prop_assert!(at <= until || overdue, "{path} ends at {at:?}");
            }
            "ok" => prop_assert!(in_time, "{path} ends at {at:?}, not at {until:?}"),
            "WAIT_TIMEOUT" => {
                prop_assert!(in_time, "{path} ends at {at:?}, not at {until:?}");
                let (journal, counts_from) = match case.nested(path) {
                    // A child run begins with its wait; at the same instant, either comes first.
                    Some(step) => (1 + step, Some(wait.from)),
                    None => (0, None),
                };
                for (number, came) in came.iter().enumerate() {
                    let is_early = counts_from.is_some_and(|from| *came <= from);
                    let is_taken = |(taken, taken_at): &(u64, Duration)| {
                        *taken == number as u64 && taken_at <= at
                    };
                    let was_taken = taken[journal].iter().any(is_taken);
                    prop_assert!(
                        is_early || came > until || was_taken,
                        "{path} missed event {number}"
                    );
                }
            }
            _ => {}
        }
    }
    check_undo_order(case, &ended.events)
}

/// A step is undone after all that depend on it.
fn check_undo_order(case: &WaitCase, events: &[Event]) -> Result<(), TestCaseError> {
    let position = |started: bool, index: usize| {
        events.iter().rposition(|event| match &event.kind {
            EventKind::CompensationStarted { head } => {
                started && *head.run == *RUN && *head.step == *format!("s{index}")
            }
            EventKind::CompensationEnded { head, .. } => {
                !started && *head.run == *RUN && *head.step == *format!("s{index}")
            }
            _ => false,
        })
    };
    for (later, (depends_on, ..)) in case.steps.iter().enumerate() {
        for earlier in (0..later).filter(|earlier| depends_on >> earlier & 1 == 1) {
            if let (Some(ended), Some(started)) = (position(false, later), position(true, earlier))
            {
                prop_assert!(ended < started, "s{earlier} is undone before s{later}");
            }
        }
    }
    Ok(())
}

/// The numbers of the events that a run has taken, and when.
fn taken(journal: &[JournalEntry]) -> Vec<(u64, Duration)> {
    let taken = journal.iter().filter_map(|entry| match entry {
        JournalEntry::StepCompleted {
            event: Some(event),
            at,
            ..
        } => Some((*event, *at)),
        _ => None,
    });
    taken.collect()
}

impl WaitCase {
    /// When each event came first, by its number.
    fn came(&self) -> Vec<Duration> {
        let mut published = self.events.clone();
        published.sort_by_key(|(at, _)| *at);
        let mut known = BTreeSet::new();
        published.retain(|(_, id)| known.insert(*id));
        published.into_iter().map(|(at, _)| ms(at)).collect()
    }

    fn step_at(path: &str) -> usize {
        let step = path.rsplit('/').next().unwrap_or_default();
        step[1..].parse().unwrap()
    }

    fn waits_for_event(&self, path: &str) -> bool {
        let (_, does, _) = &self.steps[Self::step_at(path)];
        matches!(does, Does::WaitForEvent { .. })
    }

    /// The step of the run at which a wait is nested.
    fn nested(&self, path: &str) -> Option<usize> {
        (path.matches('/').count() == 2).then(|| Self::step_at(path))
    }
}
