//! What the steps and the workflows of a scenario name.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    harness::pickle::{PickleStep, StepKind},
    orchestration::{Compensation, Workflow},
};

/// A step of the vocabulary.
pub(super) struct NamedStep {
    pub line: usize,
    pub kind: StepKind,
    pub expression: &'static str,
    /// The types and the texts of its parameters.
    pub parameters: Vec<(&'static str, String)>,
    /// As it is written, for messages.
    pub shown: String,
    /// All of it, with its doc string and its table.
    pub text: String,
    doc_string: Option<String>,
    table: Option<Vec<Vec<String>>>,
}

impl NamedStep {
    pub fn new(
        step: &PickleStep,
        expression: &'static str,
        parameters: Vec<(&'static str, String)>,
    ) -> Self {
        let doc_string = step.doc_string.as_ref().map(|text| text.content.clone());
        let cells = step.table.iter().flatten().flatten();
        let texts = std::iter::once(&step.text).chain(&doc_string).chain(cells);
        let texts: Vec<&str> = texts.map(String::as_str).collect();
        Self {
            line: step.line,
            kind: step.kind,
            expression,
            parameters,
            shown: format!("{} {}", step.keyword.trim(), step.text),
            text: texts.join("\n"),
            doc_string,
            table: step.table.clone(),
        }
    }

    /// The text of its first parameter.
    pub fn first(&self) -> &str {
        self.parameters.first().map_or("", |(_, text)| text)
    }

    pub fn has_doc_string(&self) -> bool {
        self.doc_string.is_some()
    }

    /// Whether it declares a workflow.
    pub fn declares_workflow(&self) -> bool {
        self.kind == StepKind::Given
            && (self.expression == "the workflow:"
                || self.expression.starts_with("the workflow {string}"))
    }

    /// Whether an event type that it names may be one that it publishes.
    pub fn may_publish(&self) -> bool {
        let names_only = self.expression.contains(" handles {string}")
            || self.expression == "the event types are:"
            || self.declares_workflow();
        self.kind != StepKind::Then && !names_only
    }

    /// The types of the events that it publishes, as far as its phrase says so.
    pub fn published(&self) -> Vec<String> {
        if self.kind != StepKind::When {
            return Vec::new();
        }
        if self.expression.starts_with("the event {string}") {
            return vec![self.first().to_owned()];
        }
        if let Some((header, rows)) = self.table.as_deref().and_then(<[_]>::split_first) {
            let column = header.iter().position(|name| name == "event");
            let cells = column.map(|column| rows.iter().filter_map(move |row| row.get(column)));
            return cells.into_iter().flatten().cloned().collect();
        }
        let text = self.doc_string.as_deref().unwrap_or_default();
        let event: Value = serde_json::from_str(text).unwrap_or_default();
        event_type(&event).into_iter().collect()
    }
}

/// The calls that a workflow makes, also to undo and to recover.
pub(super) fn calls(workflow: &Workflow) -> Vec<String> {
    let mut calls = Vec::new();
    for step in &workflow.steps {
        let compensation = step.compensation.as_ref().map(|undo| match undo {
            Compensation::Named(operation) => operation,
            Compensation::With(call) => &call.operation,
        });
        let operations = step
            .operation
            .iter()
            .chain(compensation)
            .chain(&step.recover);
        calls.extend(operations.map(|operation| match &step.service {
            Some(service) if !operation.contains('.') => format!("{service}.{operation}"),
            _ => operation.clone(),
        }));
    }
    calls
}

/// What the steps of workflows send.
pub(super) fn inputs(workflows: &[Arc<Workflow>]) -> Vec<&Value> {
    let steps = workflows.iter().flat_map(|workflow| &workflow.steps);
    steps
        .flat_map(|step| {
            let undo = match &step.compensation {
                Some(Compensation::With(call)) => call.input.as_ref(),
                Some(Compensation::Named(_)) | None => None,
            };
            step.input.iter().chain(undo)
        })
        .collect()
}

/// The type of an event as JSON.
pub(super) fn event_type(event: &Value) -> Option<String> {
    Some(event.get("type")?.as_str()?.to_owned())
}

/// Whether a text has a name in it, and not only as a part of a longer one.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            !before.ends_with(is_part) && !after.starts_with(is_part)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_mentioned_as_a_whole_only() {
        for (text, name, expected) in [
            ("\"A.x\" is called", "A.x", true),
            ("\"A.x\" is called", "A", true),
            ("| A.x |", "A.x", true),
            ("\"A.xy\" is called", "A.x", false),
            ("\"BA.x\" is called", "A", false),
            ("{\"service\": \"A\"}", "A", true),
            ("anything", "", false),
        ] {
            assert_eq!(mentions(text, name), expected, "{text} {name}");
        }
    }
}
