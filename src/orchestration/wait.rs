use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _, de::IgnoredAny};

use super::approval::Approval;
use crate::domain::{JsonForm, duration_text, opt_duration_text, parse_duration};

/// What a step waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Wait {
    /// That this time passes.
    For(#[serde(with = "duration_text")] Duration),
    /// An event.
    Event(EventWait),
    /// A person's approval, which a step names in a field of its own.
    Approval(Approval),
}

/// An event that a step waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventWait {
    /// Its type.
    pub event: Arc<str>,
    /// What it must be about: text, or a reference to data of the run; anything unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How long it is waited for; without end unless given.
    #[serde(
        default,
        with = "opt_duration_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout: Option<Duration>,
}

/// What starts a run of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartedBy {
    /// The type of the events, each of which starts a run with its payload as input.
    pub event: String,
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str =
            "what is waited for: a duration such as \"72h\", or { event, subject?, timeout? }";
        match JsonForm::<EventWait, IgnoredAny>::read(deserializer, EXPECTED)? {
            JsonForm::Text(text) => parse_duration(&text)
                .map(Self::For)
                .map_err(D::Error::custom),
            JsonForm::Object(event) => Ok(Self::Event(event)),
            list @ JsonForm::List(_) => Err(list.refuse(EXPECTED)),
        }
    }
}

impl Wait {
    /// How long it may take.
    pub fn longest(&self) -> Option<Duration> {
        match self {
            Self::For(time) => Some(*time),
            Self::Event(event) => event.timeout,
            Self::Approval(approval) => Some(approval.timeout),
        }
    }

    /// The event, unless it is a time.
    pub fn event(&self) -> Option<&EventWait> {
        match self {
            Self::For(_) | Self::Approval(_) => None,
            Self::Event(event) => Some(event),
        }
    }
}
