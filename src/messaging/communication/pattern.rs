use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::CommunicationThresholds;
use crate::{
    domain::{Call, CallName, JsonForm, duration_text, opt_duration_text},
    resilience::{BreakerPolicy, BulkheadPolicy, Retries, Timeout},
    services::{Answer, Executions},
};

/// A file of communication patterns, as in `fixtures/service-coordination/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommunicationFile {
    /// The JSON Schema of such files, for editors.
    #[serde(default, rename = "$schema")]
    #[expect(dead_code, reason = "named in files, and checked there")]
    pub schema: Option<String>,
    /// What the patterns are for.
    #[serde(default)]
    #[expect(dead_code, reason = "named in files, and checked there")]
    pub description: Option<String>,
    /// The file in `fixtures/services/` whose services take part, without its ending.
    #[expect(dead_code, reason = "named in files, and checked there")]
    pub services: String,
    /// The limits that apply to all of them.
    pub thresholds: Arc<CommunicationThresholds>,
    /// The patterns.
    pub communication_patterns: Vec<Arc<CommunicationPattern>>,
}

/// How services talk to each other in one situation, as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommunicationPattern {
    /// The name that steps use.
    pub id: Arc<str>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Its policies, which apply to the whole scenario.
    #[serde(default)]
    pub policies: CommunicationPolicies,
    /// How operations answer, by execution.
    #[serde(default)]
    pub answers: IndexMap<CallName, Vec<ScriptedAnswer>>,
    /// The turns, in sequence.
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
    pub timeouts: IndexMap<CallName, Timeout>,
    /// How calls of an operation are retried.
    pub retries: IndexMap<CallName, Retries>,
    /// The breakers, by service or operation.
    pub breakers: IndexMap<String, BreakerPolicy>,
    /// The bulkheads, by service, operation or class.
    pub bulkheads: IndexMap<String, BulkheadPolicy>,
}

/// The answer to some executions of an operation.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScriptedAnswer {
    /// The executions, counted from 1 over the whole scenario: `1`, `2-3`, `4-`.
    #[serde(deserialize_with = "from_text")]
    pub execution: Executions,
    /// The answer, as in a feature's table: `hang`, `error CODE`, `after 500 ms ok`, ….
    #[serde(deserialize_with = "from_text")]
    pub answer: Answer,
}

/// A step of a pattern.
#[derive(Clone, Debug)]
pub enum Turn {
    /// One exchange, repeated sequentially if it has `times`.
    Single(Box<Exchange>),
    /// Concurrent exchanges.
    Concurrent(Vec<Exchange>),
}

/// A request of a pattern.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exchange {
    /// Its name in tables and messages; by default its call.
    #[serde(default)]
    pub id: Option<Arc<str>>,
    /// The caller; by default the scenario.
    #[serde(default = "scenario")]
    pub from: Arc<str>,
    /// The operation.
    pub call: CallName,
    /// The input; by default `{}`.
    #[serde(default = "empty")]
    pub input: Arc<Value>,
    /// The delay before it.
    #[serde(default, with = "duration_text")]
    pub wait: Duration,
    /// How many times it is sent.
    #[serde(default = "once")]
    pub times: u32,
    /// How long the response may take: a warning above 1.2 times that, an error above twice.
    #[serde(default, with = "opt_duration_text")]
    pub expected_duration: Option<Duration>,
}

impl Turn {
    /// Its exchanges.
    pub fn exchanges(&self) -> &[Exchange] {
        match self {
            Self::Single(exchange) => std::slice::from_ref(&**exchange),
            Self::Concurrent(exchanges) => exchanges,
        }
    }
}

impl Exchange {
    /// Its name in tables and messages.
    pub fn about(&self) -> Arc<str> {
        match &self.id {
            Some(id) => Arc::clone(id),
            None => self.call.as_str().into(),
        }
    }
}

fn scenario() -> Arc<str> {
    Call::SCENARIO.into()
}

fn empty() -> Arc<Value> {
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
        const EXPECTED: &str = "an exchange, or a list of concurrent ones";
        match JsonForm::<Exchange, Exchange>::read(deserializer, EXPECTED)? {
            JsonForm::Object(exchange) => Ok(Self::Single(Box::new(exchange))),
            JsonForm::List(exchanges) => Ok(Self::Concurrent(exchanges)),
            text @ JsonForm::Text(_) => Err(text.refuse(EXPECTED)),
        }
    }
}
