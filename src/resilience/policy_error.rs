use crate::domain::did_you_mean;

/// A preset that no policy of its kind has.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("no {policy} is called {name:?}, {hint}")]
pub struct UnknownPreset {
    policy: &'static str,
    name: String,
    hint: String,
}

impl UnknownPreset {
    pub(super) fn new<'a>(
        policy: &'static str,
        name: &str,
        presets: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            policy,
            name: name.to_owned(),
            hint: did_you_mean(name, presets),
        }
    }
}

/// Why settings make no policy.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PolicyError {
    /// The policy has no such field.
    #[error("a {policy} has no field {field:?}, {hint}")]
    UnknownField {
        /// The kind of policy.
        policy: &'static str,
        /// The field as written.
        field: String,
        /// The nearest field, else all there are.
        hint: String,
    },
    /// There is no such preset.
    #[error(transparent)]
    UnknownPreset(#[from] UnknownPreset),
    /// A field does not take the value.
    #[error("{field:?}: {reason}")]
    BadValue {
        /// The field.
        field: &'static str,
        /// What was expected and what was found.
        reason: String,
    },
    /// A field is given twice, so that one of its values would be lost.
    #[error("{0:?} is given twice")]
    Repeated(String),
    /// A field that has no default is missing.
    #[error("a {policy} needs {field:?} or \"preset\"")]
    Missing {
        /// The kind of policy.
        policy: &'static str,
        /// The field.
        field: &'static str,
    },
    /// Each of these is wrong.
    #[error("faulty {policy}: {}", .causes.join("; "))]
    Invalid {
        /// The kind of policy.
        policy: &'static str,
        /// What is wrong, one entry each; never empty.
        causes: Vec<String>,
    },
}
