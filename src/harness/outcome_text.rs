//! An outcome as text for reviewers.

use std::time::Duration;

use super::{table::aligned, timeline_snapshot};
use crate::{domain::format_duration, observability::Event, orchestration::Outcome};

/// Status and time, steps, compensations, errors, then the timeline.
///
/// Of a run in real time, times are left out.
pub fn outcome_text(outcome: &Outcome, events: &[Event], with_times: bool) -> String {
    let took = |took: Duration| match with_times {
        true => format_duration(took),
        false => String::new(),
    };
    let mut text = format!(
        "{} ({}): {}",
        outcome.run,
        outcome.workflow,
        outcome.status.as_str()
    );
    if with_times {
        text += &format!(" in {}", took(outcome.took));
    }
    text += "\n";
    let steps: Vec<Vec<String>> = outcome
        .steps
        .iter()
        .map(|step| {
            vec![
                format!("  {}", step.id),
                match (&step.call, &step.workflow) {
                    (Some(call), _) => call.to_string(),
                    (None, workflow) => {
                        format!("workflow {}", workflow.as_deref().unwrap_or_default())
                    }
                },
                step.status.as_str().to_owned(),
                took(step.took),
                step.error
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string),
            ]
        })
        .collect();
    text += "\nsteps\n";
    text += &aligned(&steps);
    if !outcome.compensations.is_empty() {
        let compensations: Vec<Vec<String>> = outcome
            .compensations
            .iter()
            .map(|compensation| {
                let result = compensation.error.as_ref();
                vec![
                    format!("  {}", compensation.step),
                    compensation
                        .call
                        .as_ref()
                        .map_or_else(|| "its workflow".to_owned(), ToString::to_string),
                    took(compensation.took),
                    result.map_or_else(|| "ok".to_owned(), ToString::to_string),
                ]
            })
            .collect();
        text += "\ncompensations\n";
        text += &aligned(&compensations);
    }
    text += "\ntimeline\n";
    text += &timeline_snapshot(events, with_times);
    text
}
