use std::str::FromStr;

use regex::Regex;
use serde::Deserialize;

use crate::domain::did_you_mean;

/// How to tell that a system is ready.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum Ready {
    /// A GET of this path has a status of success.
    Get(String),
    /// Its port accepts connections.
    Port,
    /// A line of its output matches.
    Line(Regex),
}

impl FromStr for Ready {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (word, rest.trim()) {
            ("GET", path) if path.starts_with('/') => Ok(Self::Get(path.to_owned())),
            ("port", "") => Ok(Self::Port),
            ("line", regex) if !regex.is_empty() => Regex::new(regex)
                .map(Self::Line)
                .map_err(|error| format!("{regex:?} is not a valid regular expression: {error}")),
            _ => Err(format!(
                "{text:?} does not say when a system is ready, expected `GET /path`, `port` or `line REGEX`: {}",
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
