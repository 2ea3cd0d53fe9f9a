use std::sync::Arc;

use super::{ConsumerContract, ProviderContract};
use crate::domain::{JsonError, Violation, from_json};

/// A contract of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Contract {
    /// What a service promises.
    Provider(Arc<ProviderContract>),
    /// What a consumer relies on.
    Consumer(Arc<ConsumerContract>),
}

impl Contract {
    /// Reads a contract from JSON text that begins at `first_line` of `source_name`: a consumer's
    /// if it names one, else a provider's.
    ///
    /// # Errors
    ///
    /// If the text is not valid JSON, or not a contract. [`faults`](Self::faults) finds the rest.
    pub fn read(text: &str, source_name: &str, first_line: usize) -> Result<Self, JsonError> {
        let value: serde_json::Value = from_json(text, source_name, first_line)?;
        Ok(if value.get("consumer").is_some() {
            Self::Consumer(Arc::new(from_json(text, source_name, first_line)?))
        } else {
            Self::Provider(Arc::new(from_json(text, source_name, first_line)?))
        })
    }

    /// All faults that reading it does not find.
    pub fn faults(&self) -> Vec<Violation> {
        match self {
            Self::Provider(contract) => contract.faults(),
            Self::Consumer(contract) => contract.faults(),
        }
    }

    /// The service that must fulfil it.
    pub fn service(&self) -> &str {
        match self {
            Self::Provider(contract) => &contract.service,
            Self::Consumer(contract) => &contract.provider,
        }
    }
}
