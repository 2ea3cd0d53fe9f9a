use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::document_change::DocumentChange;
use crate::domain::{Failure, Violation, code, did_you_mean, pointer_token};

/// The extension attribute of an event with the version of its data's shape; 1 where it is missing.
pub(super) const DATA_VERSION: &str = "dataversion";

/// How the data of older events is lifted to the shape of today: by type of event and version, from
/// `"1"`, the changes that lead to the next version.
///
/// ```json
/// { "Loaded": { "1": [{ "set": "/amount", "to": "${/event/data/sum}" }, { "remove": "/sum" }] } }
/// ```
///
/// `${/event/data}` is the data as it was stored, `${/state}` the data so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Upcasts(IndexMap<String, IndexMap<String, Vec<DocumentChange>>>);

impl Upcasts {
    /// Checks that they are of known types and that no version is left out.
    ///
    /// # Errors
    ///
    /// If they are not; the pointer begins with `/upcasts`.
    pub(super) fn check<'a>(
        &self,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), Violation> {
        for (kind, steps) in &self.0 {
            let within = format!("/upcasts/{}", pointer_token(kind));
            if !known.clone().any(|name| name == kind) {
                let hint = did_you_mean(kind, known);
                let message = format!("there is no event {kind:?} to lift: {hint}");
                return Err(Violation::new(within, message));
            }
            let expected: Vec<_> = (1..=steps.len())
                .map(|version| version.to_string())
                .collect();
            for (version, changes) in steps {
                let within = format!("{within}/{}", pointer_token(version));
                if !expected.contains(version) {
                    let message = format!(
                        "{version:?} is not a version here: expected {:?} without gaps",
                        expected.join(", ")
                    );
                    return Err(Violation::new(within, message));
                }
                if let Some(index) = changes.iter().position(DocumentChange::removes_all) {
                    let pointer = format!("{within}/{index}");
                    return Err(Violation::new(pointer, "an event's data cannot be removed"));
                }
            }
        }
        Ok(())
    }

    /// The version of today's events of a type.
    pub(super) fn version(&self, kind: &str) -> u64 {
        self.0.get(kind).map_or(1, |steps| steps.len() as u64 + 1)
    }

    /// Whether older events of a type are lifted.
    pub(super) fn has(&self, kind: &str) -> bool {
        self.0.contains_key(kind)
    }

    /// Lifts the data of an event of an older version.
    ///
    /// # Errors
    ///
    /// If a change does not fit the data.
    pub(super) fn lift(
        &self,
        kind: &str,
        version: u64,
        data: &mut Arc<Value>,
    ) -> Result<(), Box<Failure>> {
        let Some(steps) = self.0.get(kind) else {
            return Ok(());
        };
        let event = json!({"type": kind, "data": &**data});
        for version in version..=steps.len() as u64 {
            for change in steps.get(&version.to_string()).into_iter().flatten() {
                change.apply(data, &event)?;
            }
        }
        Ok(())
    }
}

/// The version of an event's data, by its attribute, which must not be newer than today's.
///
/// # Errors
///
/// `UNKNOWN_EVENT_TYPE` if it is.
pub(super) fn data_version(
    reader: &str,
    kind: &str,
    attribute: Option<&Value>,
    today: u64,
) -> Result<u64, Box<Failure>> {
    let Some(attribute) = attribute else {
        return Ok(1);
    };
    let text = attribute.as_str().and_then(|text| text.parse().ok());
    let version = attribute.as_u64().or(text);
    version
        .filter(|version| (1..=today).contains(version))
        .ok_or_else(|| {
            let message = format!(
                "{reader} knows {kind} up to version {today}, found {DATA_VERSION} {attribute}"
            );
            Box::new(Failure::new(code::UNKNOWN_EVENT_TYPE, message).field(DATA_VERSION))
        })
}
