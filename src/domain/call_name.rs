use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

/// An operation of a service, written `Service.operation`.
///
/// Cheap to clone. The operation may hold further dots; the service may not.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct CallName {
    name: Arc<str>,
}

/// A text that is no `Service.operation`.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} names no call, expected \"Service.operation\"")]
pub struct CallNameError(String);

impl CallName {
    /// Names `operation` of `service`.
    pub fn new(service: &str, operation: &str) -> Self {
        Self {
            name: format!("{service}.{operation}").into(),
        }
    }

    /// The service's name.
    pub fn service(&self) -> &str {
        self.parts().0
    }

    /// The operation's name within its service.
    pub fn operation(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        // There is always a dot.
        self.name.split_once('.').unwrap_or((&self.name, ""))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.name
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
        serializer.serialize_str(&self.name)
    }
}

impl fmt::Display for CallName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

impl fmt::Debug for CallName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_splits_at_its_first_dot() {
        let name: CallName = "FileService.files.create".parse().unwrap();
        assert_eq!(name.service(), "FileService");
        assert_eq!(name.operation(), "files.create");
        for bad in ["", "File", ".create", "File."] {
            assert!(bad.parse::<CallName>().is_err(), "{bad:?}");
        }
    }
}
