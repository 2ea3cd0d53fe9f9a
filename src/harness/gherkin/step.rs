use cucumber::gherkin::{LineCol, Span, Step, StepType, Table};

use crate::harness::pickle::{PickleStep, StepKind};

/// A step in the shape that step functions take; a doc string is its content alone.
pub(in crate::harness) fn to_step(step: &PickleStep) -> Step {
    let position = LineCol {
        line: step.line,
        col: 1,
    };
    Step {
        keyword: step.keyword.clone(),
        ty: match step.kind {
            StepKind::Given => StepType::Given,
            StepKind::When => StepType::When,
            StepKind::Then => StepType::Then,
        },
        value: step.text.clone(),
        docstring: step
            .doc_string
            .as_ref()
            .map(|doc_string| doc_string.content.clone()),
        table: step.table.as_ref().map(|rows| Table {
            rows: rows.clone(),
            span: Span::default(),
            position,
        }),
        span: Span::default(),
        position,
    }
}
