use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::{ExpectedError, ExpectedWait, Thresholds};
use crate::{
    domain::{BreakerState, CallName, JsonForm, duration_text, opt_duration_text},
    resilience::{BreakerPolicy, BulkheadPolicy, Retries},
    services::{Answer, Executions},
};

/// A file of communication patterns, as in `fixtures/service-coordination/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommunicationFile {
    /// The JSON Schema of such files, for editors.
    #[serde(default, rename = "$schema")]
    pub schema: Option<String>,
    /// What the patterns are for.
    #[serde(default)]
    pub description: Option<String>,
    /// The file in `fixtures/services/` whose services take part, without its ending.
    pub services: String,
    /// What all of them are measured by.
    pub thresholds: Arc<Thresholds>,
    /// The patterns.
    pub communication_patterns: Vec<Arc<CommunicationPattern>>,
}

/// How services talk to each other in one situation, as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommunicationPattern {
    /// What it is known by.
    pub id: Arc<str>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The policies that it needs; they hold for the whole scenario.
    #[serde(default)]
    pub policies: CommunicationPolicies,
    /// How operations answer, by execution.
    #[serde(default)]
    pub answers: IndexMap<CallName, Vec<ScriptedAnswer>>,
    /// What is asked, one turn after the other.
    pub communication_flow: Vec<Turn>,
    /// How long all of it is expected to take: a warning above 1.2 times that, an error above twice.
    #[serde(with = "duration_text")]
    pub total_expected_duration: Duration,
}

/// The policies of a pattern.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CommunicationPolicies {
    /// How long an execution of an operation may take.
    pub timeouts: IndexMap<CallName, TimeoutText>,
    /// How calls of an operation are repeated.
    pub retries: IndexMap<CallName, Retries>,
    /// The breakers, by service.
    pub breakers: IndexMap<String, BreakerPolicy>,
    /// The bulkheads, by service or class.
    pub bulkheads: IndexMap<String, BulkheadPolicy>,
}

/// A timeout as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct TimeoutText(#[serde(with = "duration_text")] pub Duration);

/// How some executions of an operation are answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScriptedAnswer {
    /// Which, counted from 1 over the whole scenario: `1`, `2-3`, `4-`.
    #[serde(deserialize_with = "from_text")]
    pub execution: Executions,
    /// How, as in a feature's table: `hang`, `error CODE`, `after 500 ms ok`, ….
    #[serde(deserialize_with = "from_text")]
    pub answer: Answer,
}

/// What is asked at one time.
#[derive(Clone, Debug)]
pub enum Turn {
    /// One exchange, or the same one several times after each other.
    Alone(Box<Exchange>),
    /// Exchanges at once.
    AtOnce(Vec<Exchange>),
}

/// A request, and what is expected of its response; in JSON a `call` and what else there is to say.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exchange {
    /// What messages call it; its call unless given.
    #[serde(default)]
    pub id: Option<Arc<str>>,
    /// Who asks.
    #[serde(default = "coordinator")]
    pub from: Arc<str>,
    /// What is asked.
    pub call: CallName,
    /// What is sent; `{}` unless given.
    #[serde(default = "nothing")]
    pub input: Arc<Value>,
    /// How long nothing is asked before.
    #[serde(default, with = "duration_text")]
    pub wait: Duration,
    /// How often it is asked.
    #[serde(default = "once")]
    pub times: u32,
    /// The failure that it comes to; it succeeds unless given.
    #[serde(default)]
    pub expected_error: Option<ExpectedError>,
    /// Fields and values that the data has.
    #[serde(default)]
    pub expected_output: Option<Value>,
    /// How long the response takes: a warning above 1.2 times that, an error above twice.
    #[serde(default, with = "opt_duration_text")]
    pub expected_duration: Option<Duration>,
    /// How many executions it has.
    #[serde(default)]
    pub expected_executions: Option<u32>,
    /// How long its retries wait, of an exchange that is alone.
    #[serde(default)]
    pub expected_waits: Option<Vec<ExpectedWait>>,
    /// The state that the breaker of its service is in afterwards.
    #[serde(default)]
    pub expected_breaker: Option<BreakerState>,
}

impl Turn {
    /// Its exchanges.
    pub fn exchanges(&self) -> &[Exchange] {
        match self {
            Self::Alone(exchange) => std::slice::from_ref(&**exchange),
            Self::AtOnce(exchanges) => exchanges,
        }
    }
}

impl Exchange {
    /// What messages call it.
    pub fn about(&self) -> Arc<str> {
        match &self.id {
            Some(id) => Arc::clone(id),
            None => self.call.as_str().into(),
        }
    }
}

fn coordinator() -> Arc<str> {
    "ConfigurationService".into()
}

fn nothing() -> Arc<Value> {
    Arc::new(Value::Object(serde_json::Map::new()))
}

fn once() -> u32 {
    1
}

fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(de::Error::custom)
}

impl<'de> Deserialize<'de> for Turn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "an exchange, or a list of those that are made at once";
        match JsonForm::<Exchange, Exchange>::read(deserializer, EXPECTED)? {
            JsonForm::Object(exchange) => Ok(Self::Alone(Box::new(exchange))),
            JsonForm::List(exchanges) => Ok(Self::AtOnce(exchanges)),
            text @ JsonForm::Text(_) => Err(text.refuse(EXPECTED)),
        }
    }
}
