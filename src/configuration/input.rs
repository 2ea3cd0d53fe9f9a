use serde_json::Value;

use crate::{domain::Failure, services::Input};

/// The field by which others refer to a configuration.
pub(super) const ALIAS: &str = "configurationId";

/// Reads the input of an operation.
///
/// # Errors
///
/// If it is not an object.
pub(super) fn input(value: &Value) -> Result<Input<'_>, Box<Failure>> {
    Input::new(value, ALIAS)
}
