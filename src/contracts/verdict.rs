use std::fmt;

use serde::Serialize;

/// What the verification of a contract comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// How many cases were tried.
    pub cases: usize,
    /// Everything in which the service does not keep to it, in order of the contract.
    pub breaches: Vec<Breach>,
}

/// One thing in which a service does not keep to a contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Breach {
    /// What kind of breach it is.
    pub breach: BreachKind,
    /// The operation; absent where the contract as a whole is at fault.
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
    /// What was found and what was expected.
    pub message: String,
}

/// The kinds of breaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreachKind {
    /// The contract itself is faulty.
    Malformed,
    /// Nothing is promised, or nothing shows it.
    Empty,
    /// The cast has no such service.
    MissingService,
    /// The service has no such operation.
    MissingOperation,
    /// The reply is not as declared or recorded.
    Output,
    /// The failure is declared, but not as its schema has it.
    ErrorDetails,
    /// A failure whose code the contract does not declare.
    UndeclaredError,
    /// A failure where a reply, or a failure with another code, was to come.
    UnexpectedError,
    /// A reply where a failure was to come.
    UnexpectedReply,
    /// An input that breaks its schema is accepted.
    AcceptsBroken,
    /// The provider could not be brought to the state that a case starts from.
    State,
    /// No input can be generated from the schema.
    Generation,
}

impl Verdict {
    /// Whether the service keeps to the contract.
    pub fn holds(&self) -> bool {
        self.breaches.is_empty() && self.cases > 0
    }

    pub(super) fn add(&mut self, breaches: Vec<Breach>, operation: &str, case: &str) {
        let of_case = |breach: Breach| breach.of(operation).case(case);
        self.breaches.extend(breaches.into_iter().map(of_case));
    }

    /// Whether a breach of an operation is told.
    pub(super) fn speaks_of(&self, operation: &str) -> bool {
        let mut told = self.breaches.iter();
        told.any(|breach| breach.operation.as_deref() == Some(operation))
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
