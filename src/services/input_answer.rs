use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ServiceDefinition, code_check::check_known};
use crate::domain::{Violation, code, pointer_token};

/// What an operation answers to some inputs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputAnswer {
    /// The fields that the input has, among others.
    pub to: Map<String, Value>,
    /// The reply.
    #[serde(default)]
    pub reply: Option<Arc<Value>>,
    /// The code with which it fails instead.
    #[serde(default)]
    pub error: Option<Arc<str>>,
}

impl InputAnswer {
    /// Whether it is the answer to an input.
    pub fn fits(&self, input: &Value) -> bool {
        let fields = self.to.iter();
        fields.into_iter().all(|(name, value)| {
            let found = input.get(name);
            found.is_some_and(|found| has(found, value))
        })
    }
}

/// Whether a value is the one that is expected; an object may have more fields.
fn has(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => expected
            .iter()
            .all(|(name, value)| found.get(name).is_some_and(|found| has(found, value))),
        _ => found == expected,
    }
}

impl ServiceDefinition {
    /// Checks the answers to inputs: each replies or fails, with a code that is known, and none is
    /// hidden by one before it.
    pub(super) fn check_answers(&self) -> Result<(), Violation> {
        let own: Vec<String> = self.codes.keys().cloned().collect();
        for (name, operation) in self.operations.iter().flatten() {
            for (index, answer) in operation.answers.iter().enumerate() {
                let at = format!("/operations/{}/answers/{index}", pointer_token(name));
                let fault = match (&answer.reply, &answer.error) {
                    (None, None) => Some(("", "expected a reply or an error".to_owned())),
                    (Some(_), Some(_)) => Some((
                        "/error",
                        "an answer is a reply or an error, not both".to_owned(),
                    )),
                    (None, Some(error)) => check_known(&self.name, &own, error)
                        .err()
                        .filter(|_| !code::is_known(error))
                        .map(|error| ("/error", error.to_string())),
                    (Some(_), None) => None,
                };
                if let Some((field, message)) = fault {
                    return Err(Violation::new(at + field, message));
                }
                let to = Value::Object(answer.to.clone());
                let mut before = operation.answers[..index].iter();
                if let Some(first) = before.position(|before| before.fits(&to)) {
                    let message =
                        format!("answer {first} comes before and fits all inputs of this one");
                    return Err(Violation::new(at + "/to", message));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::from_json;

    #[test]
    fn invalid_answer_to_an_input_is_refused_with_its_place() {
        for (answers, expected) in [
            (
                r#"[{"to": {}}]"#,
                "at /operations/x/answers/0: expected a reply or an error",
            ),
            (
                r#"[{"to": {}, "reply": 1, "error": "BROKEN"}]"#,
                "at /operations/x/answers/0/error: an answer is a reply or an error, not both",
            ),
            (
                r#"[{"to": {}, "error": "BROKN"}]"#,
                "the code \"BROKN\" is neither defined by S nor built in: did you mean \"BROKEN\"?",
            ),
            (
                r#"[{"to": {}, "error": "broken"}]"#,
                "expected UPPER_SNAKE case",
            ),
            (
                r#"[{"to": {"a": 1}, "reply": 1}, {"to": {"a": 1, "b": 2}, "reply": 2}]"#,
                "at /operations/x/answers/1/to: answer 0 comes before and fits all inputs of this one",
            ),
            (r#"[{"reply": 1}]"#, "missing field `to`"),
            (r#"[{"to": 1, "reply": 1}]"#, "invalid type"),
            (r#"[{"to": {}, "rpely": 1}]"#, "did you mean \"reply\"?"),
        ] {
            let text = format!(
                r#"{{"name": "S", "codes": {{"BROKEN": {{}}}}, "operations": {{"x": {{"answers": {answers}}}}}}}"#
            );
            let checked = from_json::<ServiceDefinition>(&text, "s.json", 1)
                .map_err(|error| error.to_string())
                .and_then(|it| it.check().map_err(|fault| fault.to_string()));
            let error = checked.unwrap_err();
            assert!(error.contains(expected), "{answers}: {error}");
        }
    }
}
