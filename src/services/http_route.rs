use std::{fmt, str::FromStr};

use serde::Deserialize;

/// Where an operation is found over HTTP, such as `PUT /charges/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HttpRoute {
    /// The method, in upper case.
    pub method: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// These words.
    Literal(String),
    /// Anything: a field of the input.
    Field(String),
}

/// Why a text is not a valid route.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not a valid route: {reason}, expected such as \"PUT /charges/{{id}}\"")]
pub struct RouteError {
    text: String,
    reason: String,
}

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

impl HttpRoute {
    /// `POST /<operation>`, where no other is given.
    pub fn default_of(operation: &str) -> Self {
        Self {
            method: "POST".to_owned(),
            segments: vec![Segment::Literal(operation.to_owned())],
        }
    }

    /// The fields in a path that it matches, each with its text; `None` if it does not match.
    #[cfg(feature = "http")]
    pub fn matches<'a>(&'a self, method: &str, path: &[String]) -> Option<Vec<(&'a str, String)>> {
        if self.method != method {
            return None;
        }
        self.matches_path(path)
    }

    /// The same, whatever the method.
    #[cfg(feature = "http")]
    pub fn matches_path<'a>(&'a self, path: &[String]) -> Option<Vec<(&'a str, String)>> {
        if path.len() != self.segments.len() {
            return None;
        }
        let mut fields = Vec::new();
        for (segment, text) in self.segments.iter().zip(path) {
            match segment {
                Segment::Literal(literal) if literal == text => {}
                Segment::Literal(_) => return None,
                Segment::Field(name) => fields.push((name.as_str(), text.clone())),
            }
        }
        Some(fields)
    }

    /// Whether some request would match both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let common = |(one, other): (&Segment, &Segment)| match (one, other) {
            (Segment::Literal(one), Segment::Literal(other)) => one == other,
            _ => true,
        };
        self.method == other.method
            && self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(common)
    }

    /// How many words it fixes: of two routes that match, the one with more is meant.
    pub fn literals(&self) -> usize {
        let literal = |segment: &&Segment| matches!(segment, Segment::Literal(_));
        self.segments.iter().filter(literal).count()
    }

    /// The path of a request with this input, of whose fields those in the path are taken.
    ///
    /// # Errors
    ///
    /// With the name of a field that the path needs and the input does not have as text or a number.
    #[cfg(feature = "http")]
    pub fn path(
        &self,
        input: &mut serde_json::Map<String, serde_json::Value>,
    ) -> Result<String, String> {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::Field(name) => match input.shift_remove(name) {
                    Some(serde_json::Value::String(text)) => path.push_str(&text),
                    Some(serde_json::Value::Number(number)) => path.push_str(&number.to_string()),
                    _ => return Err(name.clone()),
                },
            }
        }
        Ok(path)
    }
}

impl FromStr for HttpRoute {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = |reason: String| RouteError {
            text: text.to_owned(),
            reason,
        };
        let (method, path) = text
            .trim()
            .split_once(char::is_whitespace)
            .ok_or_else(|| refused("it needs a method and a path".to_owned()))?;
        if !METHODS.contains(&method) {
            let hint = crate::domain::did_you_mean(method, METHODS);
            return Err(refused(format!("unknown method {method:?}, {hint}")));
        }
        let path = path
            .trim()
            .strip_prefix('/')
            .ok_or_else(|| refused("the path must begin with /".to_owned()))?;
        let mut segments = Vec::new();
        for part in path.split('/') {
            let field = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'));
            segments.push(match field {
                Some(name) if !name.is_empty() && !name.contains(['{', '}']) => {
                    Segment::Field(name.to_owned())
                }
                None if !part.contains(['{', '}', '?', '#', ' ']) => {
                    Segment::Literal(part.to_owned())
                }
                _ => return Err(refused(format!("{part:?} is not a valid part of a path"))),
            });
        }
        Ok(Self {
            method: method.to_owned(),
            segments,
        })
    }
}

impl TryFrom<String> for HttpRoute {
    type Error = RouteError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for HttpRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.method)?;
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Field(name) => write!(f, "/{{{name}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_is_a_method_and_a_path() {
        for text in ["PUT /charges/{id}", "GET /", "DELETE /a/{b}/c"] {
            assert_eq!(text.parse::<HttpRoute>().unwrap().to_string(), text);
        }
        for (text, reason) in [
            ("", "a method and a path"),
            ("/charges", "a method and a path"),
            ("PSOT /charges", "did you mean \"POST\"?"),
            ("PUT charges", "begin with /"),
            ("PUT /a{b}", "not a valid part"),
            ("PUT /{}", "not a valid part"),
            ("GET /a?b=c", "not a valid part"),
        ] {
            let error = text.parse::<HttpRoute>().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn routes_that_some_request_would_match_both_overlap() {
        let route = |text: &str| text.parse::<HttpRoute>().unwrap();
        let overlap = |one: &str, other: &str| route(one).overlaps(&route(other));
        assert!(overlap("PUT /a/{b}", "PUT /a/{c}"));
        assert!(overlap("PUT /a/{b}", "PUT /{c}/d"));
        assert!(!overlap("PUT /a/{b}", "GET /a/{b}"));
        assert!(!overlap("PUT /a/b", "PUT /a/c"));
        assert!(!overlap("PUT /a", "PUT /a/{b}"));
        assert!(route("PUT /a/b").literals() > route("PUT /a/{b}").literals());
    }
}
