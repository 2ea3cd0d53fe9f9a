use serde_json::json;

use super::{
    goal::{Goal, words},
    plan::PlanStep,
};
use crate::{
    domain::CallName,
    resilience::{Budget, OverBudget},
    services::Registry,
};

/// The most steps of a plan that is made from a goal's words.
const MAX_STEPS: usize = 10;

/// Words that say nothing of what is to be done, beside those of one or two letters.
const COMMON: [&str; 10] = [
    "and", "but", "for", "from", "into", "not", "that", "the", "then", "with",
];

/// Makes a plan from words: the operations whose name, service or description shares most of them, at
/// most ten, each called once without input. One that the budgets do not suffice for is passed over.
///
/// # Errors
///
/// If they suffice for none.
pub fn plan(
    goal: &Goal,
    registry: &Registry,
    budgets: &[Budget],
) -> Result<Vec<PlanStep>, OverBudget> {
    let mut asked = goal.words();
    asked.sort_unstable();
    asked.dedup();
    asked.retain(|word| word.chars().count() > 2 && !COMMON.contains(&word.as_str()));
    let mut ranked: Vec<(usize, CallName)> = Vec::new();
    for service in registry.names() {
        for (operation, description) in registry.described(&service) {
            let own = words(&format!("{service} {operation} {description}"));
            let shared = asked.iter().filter(|word| own.contains(word)).count();
            if shared > 0 {
                ranked.push((shared, CallName::new(&service, &operation)));
            }
        }
    }
    // Stable, so that equal ones stay in the order of their declaration.
    ranked.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    let mut chosen: Vec<CallName> = Vec::new();
    let mut refused = None;
    for (_, call) in ranked {
        if chosen.len() == MAX_STEPS {
            break;
        }
        chosen.push(call);
        if let Err(shortage) = check(&chosen, registry, budgets) {
            chosen.pop();
            refused.get_or_insert(shortage);
        }
    }
    match refused.filter(|_| chosen.is_empty()) {
        Some(shortage) => Err(shortage),
        None => Ok(chosen.into_iter().map(step).collect()),
    }
}

fn step(call: CallName) -> PlanStep {
    PlanStep {
        call,
        input: json!({}),
    }
}

/// Checks that the budgets suffice for calls, by what each probably uses.
///
/// # Errors
///
/// If one does not.
pub fn check(
    calls: &[CallName],
    registry: &Registry,
    budgets: &[Budget],
) -> Result<(), OverBudget> {
    let used = |call: &CallName| registry.estimate(call).unwrap_or_default();
    budgets
        .iter()
        .try_for_each(|budget| budget.check(calls.iter().map(|call| (call, used(call)))))
}
