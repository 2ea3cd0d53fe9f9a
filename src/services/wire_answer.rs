use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{CallResult, http_status::failure_of};
use crate::domain::{Call, Failure, Reply, code, parse_duration};

/// An answer that is about the bytes on the wire. The service acts, unless the answer is a status that
/// refuses.
///
/// A service that is called directly, not over HTTP, gives its caller what a client would make of it.
#[derive(Clone, Debug, PartialEq)]
pub enum WireAnswer {
    /// The answer never arrives. Over HTTP, the connection is reset.
    Lost,
    /// The connection ends before the answer.
    Empty,
    /// The connection is reset after so many bytes of the body.
    ResetAfter(usize),
    /// The connection ends after so many bytes of the body.
    CutAfter(usize),
    /// Nothing follows so many bytes of the body.
    StallAfter(usize),
    /// The body takes this long.
    Drip(Duration),
    /// Bytes that are not HTTP.
    Garbage,
    /// A body in chunks, of which one has no valid size.
    BadChunk,
    /// This status, with this body.
    Status(u16, Arc<Value>),
    /// The reply, corrupted.
    Corrupted,
}

/// The words that such answers begin with.
pub(super) const WORDS: [&str; 9] = [
    "lost", "empty", "reset", "cut", "stall", "drip", "garbage", "bad", "status",
];

impl WireAnswer {
    /// Reads an answer that begins with one of [`WORDS`]; `None` if the rest is not understood.
    ///
    /// # Errors
    ///
    /// If a number, a duration or JSON within it is not valid.
    pub(super) fn parse(word: &str, rest: &str) -> Result<Option<Self>, String> {
        let after = |rest: &str| -> Result<Option<usize>, String> {
            let bytes = rest.strip_prefix("after ").map(str::trim);
            let Some((number, "bytes" | "byte")) = bytes.and_then(|text| text.split_once(' '))
            else {
                return Ok(None);
            };
            let number = number
                .parse()
                .map_err(|_| format!("{number:?} is not a valid number of bytes"))?;
            Ok(Some(number))
        };
        Ok(match (word, rest) {
            ("lost", "") => Some(Self::Lost),
            ("empty", "") => Some(Self::Empty),
            ("garbage", "") => Some(Self::Garbage),
            ("bad", "chunk") => Some(Self::BadChunk),
            ("reset", rest) => after(rest)?.map(Self::ResetAfter),
            ("cut", rest) => after(rest)?.map(Self::CutAfter),
            ("stall", rest) => after(rest)?.map(Self::StallAfter),
            ("drip", rest) if !rest.is_empty() => {
                let time = parse_duration(rest).map_err(|error| error.to_string())?;
                Some(Self::Drip(time))
            }
            ("status", rest) if !rest.is_empty() => Some(status(rest)?),
            _ => None,
        })
    }

    /// Whether the service acts.
    pub fn acts(&self) -> bool {
        !matches!(self, Self::Status(status, _) if !is_success(*status))
    }

    /// What a caller makes of it where there is no wire.
    pub(super) async fn arrive(&self, call: &Call, reply: Reply) -> CallResult {
        let broken = |bytes: Option<usize>| {
            let message = match bytes {
                None => "the connection ended before the answer".to_owned(),
                Some(bytes) => format!("the connection broke after {bytes} bytes of the answer"),
            };
            Err(Box::new(
                Failure::new(code::CONNECTION_RESET, message).at(call.name()),
            ))
        };
        let unreadable = |what: &str| {
            let mut failure = Failure::new(code::CONTRACT_VIOLATION, what).at(call.name());
            failure.in_doubt = true;
            Err(Box::new(failure))
        };
        match self {
            Self::Lost | Self::StallAfter(_) => std::future::pending().await,
            Self::Empty => broken(None),
            Self::ResetAfter(bytes) | Self::CutAfter(bytes) => broken(Some(*bytes)),
            Self::Drip(time) => {
                tokio::time::sleep(*time).await;
                Ok(reply)
            }
            Self::Garbage => unreadable("the answer is not HTTP"),
            Self::BadChunk => unreadable("a chunk of the answer has no valid size"),
            Self::Status(status, body) if is_success(*status) => Ok(Reply {
                value: Arc::clone(body),
                ..reply
            }),
            Self::Status(status, body) => {
                Err(Box::new(failure_of(*status, body, None).at(call.name())))
            }
            Self::Corrupted => Ok(reply),
        }
    }
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// `418`, or `418 {json}`.
fn status(text: &str) -> Result<WireAnswer, String> {
    let (number, body) = text
        .split_once(char::is_whitespace)
        .map_or((text, ""), |(number, body)| (number, body.trim()));
    let status = number
        .parse()
        .ok()
        .filter(|status| (200..600).contains(status))
        .ok_or_else(|| format!("{number:?} is not a valid status, expected 200 to 599"))?;
    let body = match body {
        "" => Value::Object(Map::new()),
        body => serde_json::from_str(body)
            .map_err(|error| format!("the body is not valid JSON: {error}"))?,
    };
    Ok(WireAnswer::Status(status, Arc::new(body)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<Option<WireAnswer>, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        WireAnswer::parse(word, rest)
    }

    #[test]
    fn answers_are_read_by_their_words() {
        let body = Arc::new(json!({"a": 1}));
        for (text, expected) in [
            ("lost", WireAnswer::Lost),
            ("empty", WireAnswer::Empty),
            ("reset after 50 bytes", WireAnswer::ResetAfter(50)),
            ("cut after 1 byte", WireAnswer::CutAfter(1)),
            ("stall after 0 bytes", WireAnswer::StallAfter(0)),
            ("drip 2 s", WireAnswer::Drip(Duration::from_secs(2))),
            ("garbage", WireAnswer::Garbage),
            ("bad chunk", WireAnswer::BadChunk),
            ("status 418 {\"a\": 1}", WireAnswer::Status(418, body)),
            ("status 204", WireAnswer::Status(204, Arc::new(json!({})))),
        ] {
            assert_eq!(parse(text), Ok(Some(expected)), "{text}");
        }
        for text in [
            "reset",
            "cut",
            "stall after 3",
            "drip",
            "bad luck",
            "status",
            "lost it",
        ] {
            assert_eq!(parse(text), Ok(None), "{text}");
        }
        for text in [
            "reset after x bytes",
            "drip fast",
            "status 99",
            "status 200 {",
            "status ok",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
