use std::fmt;

use serde::Serialize;

/// The result of verifying a contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The number of cases that were tried.
    pub cases: usize,
    /// All breaches, in the order of the contract.
    pub breaches: Vec<Breach>,
}

/// A way in which a service breaks a contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Breach {
    /// Its kind.
    pub breach: BreachKind,
    /// The operation; absent if it is about the contract as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The case, or the interaction's description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// JSON pointer into the output, the failure or the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The keyword of the schema, or the matching rule, that is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyword: Option<String>,
    /// The code that the service failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What was expected and what was found.
    pub message: String,
}

/// The kinds of breaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreachKind {
    /// The contract itself is faulty.
    Malformed,
    /// The contract promises nothing, or has no case that verifies it.
    Empty,
    /// The cast has no such service.
    MissingService,
    /// The service has no such operation.
    MissingOperation,
    /// The reply differs from the declared or recorded one.
    Output,
    /// The failure is declared, but does not match its schema.
    ErrorDetails,
    /// A failure whose code the contract does not declare.
    UndeclaredError,
    /// A failure where a reply, or a failure with another code, was expected.
    UnexpectedError,
    /// A reply where a failure was expected.
    UnexpectedReply,
    /// An input that breaks its schema is accepted.
    AcceptsBroken,
    /// The provider did not reach the state that a case starts from.
    State,
    /// No input can be generated from the schema.
    Generation,
}

impl Verdict {
    /// Whether the service fulfils the contract.
    pub fn holds(&self) -> bool {
        self.breaches.is_empty() && self.cases > 0
    }
}

impl Breach {
    /// A breach of the contract as a whole.
    pub(super) fn new(breach: BreachKind, message: impl Into<String>) -> Self {
        Self {
            breach,
            operation: None,
            case: None,
            pointer: None,
            keyword: None,
            code: None,
            message: message.into(),
        }
    }

    pub(super) fn of(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    pub(super) fn case(mut self, case: &str) -> Self {
        self.case = Some(case.to_owned());
        self
    }

    pub(super) fn at(mut self, pointer: impl Into<String>, keyword: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self.keyword = Some(keyword.into());
        self
    }

    pub(super) fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = &self.operation {
            write!(f, "{operation}, ")?;
        }
        if let Some(case) = &self.case {
            write!(f, "{case:?}, ")?;
        }
        if let (Some(pointer), Some(keyword)) = (&self.pointer, &self.keyword) {
            write!(f, "{keyword} at {pointer:?}: ")?;
        }
        f.write_str(&self.message)
    }
}
