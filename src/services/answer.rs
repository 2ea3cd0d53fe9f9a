use std::{str::FromStr, sync::Arc, time::Duration};

use serde_json::Value;

use super::wire_answer::{self, WireAnswer};
use crate::domain::{DurationError, check_code, parse_duration};

/// A scripted answer to one execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How long it takes, in place of the operation's latency.
    pub after: Option<Duration>,
    /// What it answers.
    pub response: Response,
}

/// What a scripted execution answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// The service's own answer.
    Normal,
    /// This reply; the service acts all the same.
    Reply(Arc<Value>),
    /// A failure with this code; the service does not act.
    Error(Arc<str>),
    /// The same, with how long the caller is asked to wait before the next execution.
    RetryLater(Arc<str>, Duration),
    /// A failure with this code, although the service acts.
    ActsThenError(Arc<str>),
    /// The service's own answer to a request that arrives twice.
    Twice,
    /// Nothing, ever.
    Hang,
    /// Nothing; the service acts this long after the caller gave up.
    Late(Duration),
    /// The service's own answer, corrupted on its way back.
    Corrupt,
    /// An answer that is about the bytes on the wire.
    Wire(WireAnswer),
}

impl Response {
    /// Whether it is a fault, which proves nothing unless a call hits it.
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Normal | Self::Reply(_) => false,
            Self::Wire(WireAnswer::Status(status, _)) => !(200..300).contains(status),
            _ => true,
        }
    }

    /// The code of the failure, if it is one.
    pub fn code(&self) -> Option<&Arc<str>> {
        match self {
            Self::Error(code) | Self::RetryLater(code, _) | Self::ActsThenError(code) => Some(code),
            _ => None,
        }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self {
            after: None,
            response,
        }
    }
}

/// Why a text is not a valid scripted answer.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AnswerError {
    /// None of the forms.
    #[error(
        "{0:?} is not a valid answer, expected `ok`, `error CODE`, `error CODE retry after 30 s`, `acts then error CODE`, `hang`, `twice`, `reply {{json}}`, `corrupt`, `lost`, `empty`, `reset after 50 bytes`, `cut after 50 bytes`, `stall after 50 bytes`, `drip 2 s`, `garbage`, `bad chunk`, `status 418 {{json}}`, each also after `after 200 ms`, or `late 3 s`"
    )]
    Unknown(String),
    /// Words after the code of an error that are not understood.
    #[error("{0:?} is not understood after the code, expected `retry after 30 s` or nothing")]
    AfterCode(String),
    /// The code is not in UPPER_SNAKE case.
    #[error("{0}")]
    Code(String),
    /// The reply is not valid JSON.
    #[error("the reply is not valid JSON: {0}")]
    Reply(String),
    /// A number, a duration or JSON of an answer on the wire is not valid.
    #[error("{0}")]
    Wire(String),
    /// The duration is not valid.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// The executions are not valid.
    #[error(
        "{0:?} is not a valid range of executions, expected `1`, `2-3` or `4-`, counted from 1"
    )]
    Executions(String),
}

impl FromStr for Answer {
    type Err = AnswerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (word, rest) = text
            .split_once(char::is_whitespace)
            .map_or((text, ""), |(word, rest)| (word, rest.trim()));
        let unknown = || AnswerError::Unknown(text.to_owned());
        let response = match (word, rest) {
            ("ok", "") => Response::Normal,
            ("hang", "") => Response::Hang,
            ("corrupt", "") => Response::Corrupt,
            ("twice", "") => Response::Twice,
            ("error", rest) if !rest.is_empty() => {
                let (code, after) = split_code(rest)?;
                match after {
                    None => Response::Error(code),
                    Some(after) => Response::RetryLater(code, after),
                }
            }
            ("acts", rest) => {
                let code = rest
                    .strip_prefix("then error ")
                    .map(|code| code.trim())
                    .filter(|code| !code.is_empty())
                    .ok_or_else(unknown)?;
                check_code(code).map_err(AnswerError::Code)?;
                Response::ActsThenError(code.into())
            }
            ("reply", json) if !json.is_empty() => Response::Reply(Arc::new(
                serde_json::from_str(json).map_err(|e| AnswerError::Reply(e.to_string()))?,
            )),
            ("late", duration) if !duration.is_empty() => Response::Late(parse_duration(duration)?),
            ("after", rest) => {
                // The duration ends where the answer begins.
                let words = ["ok", "error", "acts", "hang", "twice", "reply", "corrupt"];
                let words = words.iter().chain(&wire_answer::WORDS);
                let end = words
                    .filter_map(|word| rest.find(&format!(" {word}")))
                    .min()
                    .ok_or_else(unknown)?;
                let answer: Self = rest[end..].parse()?;
                return Ok(Self {
                    after: Some(parse_duration(&rest[..end])?),
                    response: answer.response,
                });
            }
            (word, rest) => WireAnswer::parse(word, rest)
                .map_err(AnswerError::Wire)?
                .map(Response::Wire)
                .ok_or_else(unknown)?,
        };
        Ok(response.into())
    }
}

/// A code, and how long the caller is asked to wait, if the words after the code say so.
fn split_code(text: &str) -> Result<(Arc<str>, Option<Duration>), AnswerError> {
    let (code, rest) = text
        .split_once(char::is_whitespace)
        .map_or((text, ""), |(code, rest)| (code, rest.trim()));
    let after = match rest.strip_prefix("retry after ") {
        Some(after) => Some(parse_duration(after)?),
        // Of words that are not a code, it is unclear where the code was to end.
        None if rest.is_empty() || check_code(code).is_err() => None,
        None => return Err(AnswerError::AfterCode(rest.to_owned())),
    };
    let code = if after.is_some() { code } else { text };
    check_code(code).map_err(AnswerError::Code)?;
    Ok((code.into(), after))
}

/// The executions of an operation that a row of a script covers, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executions {
    /// The first.
    pub first: u32,
    /// The last; `None` for all that follow.
    pub last: Option<u32>,
}

impl Executions {
    /// Whether the row covers this execution.
    pub fn contains(self, execution: u32) -> bool {
        execution >= self.first && self.last.is_none_or(|last| execution <= last)
    }

    /// Whether two rows cover a common execution.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.first) || other.contains(self.first)
    }
}

impl Executions {
    /// How many of them must happen for the row to be reached: all of a range, one of those that
    /// follow.
    pub fn expected(self) -> u32 {
        self.last.map_or(1, |last| last - self.first + 1)
    }
}

impl FromStr for Executions {
    type Err = AnswerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || AnswerError::Executions(text.to_owned());
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| refused());
        let executions = match text.split_once('-') {
            None => {
                let only = number(text)?;
                Self {
                    first: only,
                    last: Some(only),
                }
            }
            Some((first, last)) => Self {
                first: number(first)?,
                last: match last.trim() {
                    "" => None,
                    last => Some(number(last)?),
                },
            },
        };
        let in_order = executions.last.is_none_or(|last| last >= executions.first);
        if executions.first == 0 || !in_order {
            return Err(refused());
        }
        Ok(executions)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answer_is_parsed_from_every_form() {
        let after = Some(Duration::from_millis(200));
        for (text, answer) in [
            ("ok", Response::Normal.into()),
            ("hang", Response::Hang.into()),
            (
                "error NETWORK_TIMEOUT",
                Response::Error("NETWORK_TIMEOUT".into()).into(),
            ),
            (
                "reply {\"a\": 1}",
                Response::Reply(Arc::new(json!({"a": 1}))).into(),
            ),
            ("late 3 s", Response::Late(Duration::from_secs(3)).into()),
            (
                "after 200 ms ok",
                Answer {
                    after,
                    response: Response::Normal,
                },
            ),
            (
                "after 200ms error EPERM",
                Answer {
                    after,
                    response: Response::Error("EPERM".into()),
                },
            ),
            (
                "corrupt",
                Answer {
                    after: None,
                    response: Response::Corrupt,
                },
            ),
            (
                "error RATE_LIMITED retry after 30 s",
                Response::RetryLater("RATE_LIMITED".into(), Duration::from_secs(30)).into(),
            ),
            (
                "acts then error CONNECTION_RESET",
                Response::ActsThenError("CONNECTION_RESET".into()).into(),
            ),
            ("lost", Response::Wire(WireAnswer::Lost).into()),
            (
                "after 1 s reset after 50 bytes",
                Answer {
                    after: Some(Duration::from_secs(1)),
                    response: Response::Wire(WireAnswer::ResetAfter(50)),
                },
            ),
            ("twice", Response::Twice.into()),
            (
                "after 200 ms acts then error A",
                Answer {
                    after,
                    response: Response::ActsThenError("A".into()),
                },
            ),
            (
                "after 200 ms error A retry after 1 min",
                Answer {
                    after,
                    response: Response::RetryLater("A".into(), Duration::from_secs(60)),
                },
            ),
            (
                "after 200 ms corrupt",
                Answer {
                    after,
                    response: Response::Corrupt,
                },
            ),
            (
                "after 200 ms reply [\"ok\"]",
                Answer {
                    after,
                    response: Response::Reply(Arc::new(json!(["ok"]))),
                },
            ),
        ] {
            assert_eq!(text.parse(), Ok(answer), "{text}");
        }
    }

    #[test]
    fn malformed_answer_is_refused() {
        for text in [
            "",
            "okay",
            "error",
            "error lower_case",
            "reply {",
            "late",
            "late soon",
            "after ok",
            "after 200 ms",
            "after 200 ms late 3 s",
            "hang on",
            "corrupt {}",
            "lost and found",
            "reset after many bytes",
            "bad luck",
            "twice 2",
            "acts",
            "acts then error",
            "acts then error lower",
            "acts then ok",
            "error A retry after",
            "error A retry after soon",
            "error a retry after 1 s",
        ] {
            assert!(text.parse::<Answer>().is_err(), "{text:?}");
        }
        let why = |text: &str| text.parse::<Answer>().unwrap_err().to_string();
        let after_code = why("error RATE_LIMITED retry in 30 s");
        assert!(
            after_code.starts_with("\"retry in 30 s\" is not understood after the code"),
            "{after_code}"
        );
        assert!(why("error Out of luck").contains("is not a valid code"));
    }

    #[test]
    fn executions_are_a_number_a_range_or_an_open_range() {
        let parse = |text: &str| text.parse::<Executions>();
        assert!(parse("2-3").unwrap().contains(3));
        assert!(!parse("2").unwrap().contains(3));
        assert!(parse("4-").unwrap().contains(1_000));
        assert!(parse("1-2").unwrap().overlaps(parse("2-").unwrap()));
        assert!(!parse("1").unwrap().overlaps(parse("2-").unwrap()));
        for text in ["", "0", "3-2", "a", "-1", "1-2-3"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
