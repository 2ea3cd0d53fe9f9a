use std::str::FromStr;

use regex::Regex;
use serde::Deserialize;

use crate::domain::did_you_mean;

/// How to tell that a system is ready.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum Ready {
    /// A GET of this path has a status of success, at the port of this name or the first.
    Get(String, Option<String>),
    /// The port of this name, or the first, accepts connections.
    Port(Option<String>),
    /// A line of its output matches.
    Line(Regex),
}

impl Ready {
    /// The name of the port that it is about, unless that is the first.
    pub fn port(&self) -> Option<&str> {
        match self {
            Self::Get(_, port) | Self::Port(port) => port.as_deref(),
            Self::Line(_) => None,
        }
    }
}

impl FromStr for Ready {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (path, port) = match rest.split_once(" at ") {
            Some((path, port)) => (path.trim(), Some(port.trim().to_owned())),
            None => (rest.trim(), None),
        };
        match (word, rest.trim()) {
            ("GET", _) if path.starts_with('/') && !path.contains(' ') => {
                Ok(Self::Get(path.to_owned(), port))
            }
            ("port", "") => Ok(Self::Port(None)),
            ("port", name) => Ok(Self::Port(Some(name.to_owned()))),
            ("line", regex) if !regex.is_empty() => Regex::new(regex)
                .map(Self::Line)
                .map_err(|error| format!("{regex:?} is not a valid regular expression: {error}")),
            _ => Err(format!(
                "{text:?} does not say when a system is ready, expected `GET /path`, `GET /path at PORT`, `port`, `port PORT` or `line REGEX`: {}",
                did_you_mean(word, ["GET", "port", "line"])
            )),
        }
    }
}

impl TryFrom<String> for Ready {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
