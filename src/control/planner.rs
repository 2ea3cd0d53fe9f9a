use serde_json::json;

use super::{
    goal::{Goal, words},
    plan::PlanStep,
};
use crate::services::Registry;

/// The most steps of a plan that is made from a goal's words.
const MAX_STEPS: usize = 10;

/// Makes plans from words: the operations whose name, service or description shares most of them, at
/// most ten, each called once without input.
pub fn plan(goal: &Goal, registry: &Registry) -> Vec<PlanStep> {
    let mut asked = goal.words();
    asked.sort_unstable();
    asked.dedup();
    let mut ranked: Vec<(usize, String)> = Vec::new();
    for service in registry.names() {
        for (operation, description) in registry.described(&service) {
            let own = words(&format!("{service} {operation} {description}"));
            let shared = asked.iter().filter(|word| own.contains(word)).count();
            if shared > 0 {
                ranked.push((shared, format!("{service}.{operation}")));
            }
        }
    }
    // Stable, so that equal ones stay in the order of their declaration.
    ranked.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    let steps = ranked.into_iter().take(MAX_STEPS);
    steps
        .map(|(_, call)| PlanStep {
            call,
            input: json!({}),
        })
        .collect()
}
