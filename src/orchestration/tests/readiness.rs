use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{Failure, StepStatus},
    orchestration::{journal::RunStart, state::RunState},
};

#[derive(Clone, Debug)]
struct TransitionCase {
    /// Per step: the later steps it waits for (as bits), and whether it is optional.
    steps: Vec<(u8, bool)>,
    sequential: bool,
    /// Which of the possible entries comes next.
    choices: Vec<prop::sample::Index>,
}

fn transition_case() -> impl Strategy<Value = TransitionCase> {
    let step = (any::<u8>(), prop::bool::weighted(0.2));
    let choices = prop::collection::vec(any::<prop::sample::Index>(), 1..40);
    (prop::collection::vec(step, 1..6), any::<bool>(), choices).prop_map(
        |(steps, sequential, choices)| TransitionCase {
            steps,
            sequential,
            choices,
        },
    )
}

fn plan(case: &TransitionCase) -> Arc<Plan> {
    let count = case.steps.len();
    let steps = case.steps.iter().enumerate();
    let steps = steps.map(|(index, (waits_for, optional))| {
        let waits_for = (index + 1..count).filter(|other| waits_for >> other & 1 == 1);
        let waits_for: Vec<String> = waits_for.map(|other| format!("s{other}")).collect();
        json!({"id": format!("s{index}"), "service": "A", "operation": "a", "dependencies": waits_for, "optional": optional})
    });
    let mut workflow = json!({"id": "w", "onFailure": "keep", "steps": steps.collect::<Vec<_>>()});
    if case.sequential {
        workflow["onParallelFailure"] = json!("sequential");
    }
    Setup::new().plan(workflow).unwrap()
}

/// The entries that may follow.
fn next(state: &RunState) -> Vec<JournalEntry> {
    let at = Duration::ZERO;
    let started = |step| JournalEntry::StepStarted {
        due: None,
        step,
        child_run: None,
        at,
    };
    match state.status {
        WorkflowStatus::Running => {}
        WorkflowStatus::Interrupted => return vec![JournalEntry::Resumed { workflow: None, at }],
        _ => return Vec::new(),
    }
    let mut next: Vec<JournalEntry> = state.ready().map(started).collect();
    for step in state.running() {
        next.push(started(step));
        next.push(JournalEntry::StepCompleted {
            event: None,
            step,
            reply: Arc::new(json!({})),
            in_doubt: false,
            degraded: false,
            at,
        });
        next.push(JournalEntry::StepFailed {
            is_past_pivot: false,
            resumes_at: None,
            awaits_service: false,
            step,
            failure: Box::new(Failure::new("E", "e")),
            at,
        });
    }
    if state.running().next().is_none() && state.ready().next().is_none() {
        next.push(match state.next_sequential_retry() {
            Some(step) => started(step),
            None => JournalEntry::Ended {
                status: state.final_status(),
                at,
            },
        });
    }
    next
}

/// The steps that can start, by their definition.
fn by_definition(state: &RunState, entries: &[JournalEntry]) -> BTreeSet<usize> {
    let last = |is: &dyn Fn(&JournalEntry) -> bool| entries.iter().rposition(is);
    let resumed = last(&|entry| matches!(entry, JournalEntry::Resumed { .. }));
    let failed = |step: usize| {
        last(
            &|entry| matches!(entry, JournalEntry::StepFailed { step: failed, .. } if *failed == step),
        )
    };
    let is_optional = |step: usize| state.plan.workflow().steps[step].optional;
    let status = |step: usize| state.steps[step].status;
    let steps = 0..state.steps.len();
    // `None` comes before any position.
    let counts = |step: usize| failed(step) > resumed;
    let stops = |step: usize| {
        let fails = status(step) == StepStatus::Failed && !is_optional(step);
        let is_retried = status(step) == StepStatus::Running;
        (fails || is_retried) && counts(step)
    };
    if state.status != WorkflowStatus::Running || steps.clone().any(stops) {
        return BTreeSet::new();
    }
    let can_start = |step: &usize| match status(*step) {
        StepStatus::Pending => true,
        StepStatus::Failed => !is_optional(*step),
        _ => false,
    };
    let is_done = |step: &usize| match status(*step) {
        StepStatus::Completed => true,
        StepStatus::Failed => is_optional(*step),
        _ => false,
    };
    let waits = |step: &usize| !state.plan.steps[*step].dependencies.iter().all(is_done);
    steps
        .filter(|step| can_start(step) && !waits(step))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ready_steps_match_their_definition(case in transition_case()) {
        let mut state = RunState::new(plan(&case), "w-1".into(), RunStart { input: Arc::new(json!({})), events_from: 0, parties: None, at: Duration::ZERO });
        let mut entries = Vec::new();
        for choice in &case.choices {
            let next = next(&state);
            if next.is_empty() {
                break;
            }
            let entry = choice.get(&next).clone();
            state.apply(&entry).unwrap();
            entries.push(entry);
            if state.status == WorkflowStatus::Running {
                let ready: BTreeSet<usize> = state.ready().collect();
                prop_assert_eq!(ready, by_definition(&state, &entries), "{:?}", entries);
            }
            let running: Vec<usize> = state.running().collect();
            let with_status: Vec<usize> = state.with_status(StepStatus::Running).collect();
            prop_assert_eq!(running, with_status);
        }
    }
}
