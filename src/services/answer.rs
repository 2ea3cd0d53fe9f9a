use std::{str::FromStr, sync::Arc, time::Duration};

use serde_json::Value;

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
    /// Nothing, ever.
    Hang,
    /// Nothing; the service acts this long after the caller gave up.
    Late(Duration),
    /// The service's own answer, corrupted on its way back.
    Corrupt,
}

impl Response {
    /// Whether it is a fault, which proves nothing unless a call hits it.
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Normal | Self::Reply(_))
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
        "{0:?} is not a valid answer, expected `ok`, `error CODE`, `hang`, `reply {{json}}`, `corrupt`, `late 3 s`, or one of the first five after `after 200 ms`"
    )]
    Unknown(String),
    /// The code is not in UPPER_SNAKE case.
    #[error("{0}")]
    Code(String),
    /// The reply is not valid JSON.
    #[error("the reply is not valid JSON: {0}")]
    Reply(String),
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
            ("error", code) if !code.is_empty() => {
                check_code(code).map_err(AnswerError::Code)?;
                Response::Error(code.into())
            }
            ("reply", json) if !json.is_empty() => Response::Reply(Arc::new(
                serde_json::from_str(json).map_err(|e| AnswerError::Reply(e.to_string()))?,
            )),
            ("late", duration) if !duration.is_empty() => Response::Late(parse_duration(duration)?),
            ("after", rest) => {
                // The duration ends where the answer begins.
                let words = [" ok", " error ", " hang", " reply ", " corrupt"];
                let end = words
                    .iter()
                    .filter_map(|word| rest.find(word))
                    .min()
                    .ok_or_else(unknown)?;
                let answer: Self = rest[end..].parse()?;
                return Ok(Self {
                    after: Some(parse_duration(&rest[..end])?),
                    response: answer.response,
                });
            }
            _ => return Err(unknown()),
        };
        Ok(response.into())
    }
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
        ] {
            assert!(text.parse::<Answer>().is_err(), "{text:?}");
        }
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
