use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

/// An operation of a service, written `Service.operation`.
///
/// Cheap to clone. The operation may hold further dots; the service may not.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct CallName(Arc<Name>);

#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Name {
    text: Box<str>,
    /// The position of the dot: both parts are read several times per call.
    dot: usize,
}

/// A text that is not a valid `Service.operation`.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not the name of a call, expected \"Service.operation\"")]
pub struct CallNameError(String);

impl CallName {
    /// Names `operation` of `service`.
    pub fn new(service: &str, operation: &str) -> Self {
        Self(Arc::new(Name {
            text: format!("{service}.{operation}").into(),
            dot: service.len(),
        }))
    }

    /// The service's name.
    pub fn service(&self) -> &str {
        &self.0.text[..self.0.dot]
    }

    /// The operation's name within its service.
    pub fn operation(&self) -> &str {
        &self.0.text[self.0.dot + 1..]
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
}

impl FromStr for CallName {
    type Err = CallNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('.') {
            Some((service, operation)) if !service.is_empty() && !operation.is_empty() => {
                Ok(Self::new(service, operation))
            }
            _ => Err(CallNameError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for CallName {
    type Error = CallNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Serialize for CallName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for CallName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CallName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_name_splits_at_the_first_dot() {
        let name: CallName = "FileService.files.create".parse().unwrap();
        assert_eq!(name.service(), "FileService");
        assert_eq!(name.operation(), "files.create");
        for bad in ["", "File", ".create", "File."] {
            assert!(bad.parse::<CallName>().is_err(), "{bad:?}");
        }
    }
}
