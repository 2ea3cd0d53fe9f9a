use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    domain::{Credential, SecurityContext, Violation, names},
    resilience::BudgetPolicy,
};

/// What is to be reached, and for whom.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Goal {
    /// What is to be reached, in words.
    pub goal: String,
    /// The trace that it belongs to; `trace-<n>` unless given.
    pub trace: Option<String>,
    /// The capabilities that a worker needs.
    pub requires: Vec<String>,
    /// Who carries it out, where the workers are chosen by hand.
    pub route: Option<Route>,
    /// The profile; `default` unless given.
    pub profile: Option<String>,
    /// Whose goal it is: the user of its security context; that of the scenario unless given.
    pub user: Option<String>,
    /// The user's roles.
    #[serde(deserialize_with = "names")]
    pub roles: Vec<Arc<str>>,
    /// What the user may do whatever the roles.
    #[serde(deserialize_with = "names")]
    pub permissions: Vec<Arc<str>>,
    /// What services know the caller by.
    pub credential: Option<Credential>,
    /// What of the user is remembered.
    pub memory_scope: Option<String>,
    /// The session.
    pub session: Option<String>,
    /// The conversation within the session.
    pub conversation: Option<String>,
    /// What the calls of its plan may use together, in place of what those of every plan may.
    pub budget: Option<BudgetPolicy>,
    /// What the steps of its plan may refer to, as `${/input/…}`.
    pub input: Map<String, Value>,
}

/// A choice that somebody has made.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// The worker.
    pub worker: String,
    /// Why.
    pub reason: String,
    /// How sure the choice is, 0 to 1.
    #[serde(default = "sure")]
    pub confidence: f64,
}

fn sure() -> f64 {
    1.0
}

impl Goal {
    /// A goal in words.
    pub fn new(goal: impl Into<String>) -> Self {
        Self {
            goal: goal.into(),
            ..Self::default()
        }
    }

    /// Its words, in lower case.
    pub fn words(&self) -> Vec<String> {
        words(&self.goal)
    }

    /// Who its calls are for, where it says so.
    pub fn security(&self) -> Option<SecurityContext> {
        let is_given = self.user.is_some()
            || self.session.is_some()
            || self.credential.is_some()
            || !(self.roles.is_empty() && self.permissions.is_empty());
        is_given.then(|| SecurityContext {
            user: self.user.as_deref().unwrap_or_default().into(),
            roles: self.roles.clone(),
            permissions: self.permissions.clone(),
            session: self.session.as_deref().map(Arc::from),
            credential: self.credential.clone(),
        })
    }

    /// What its first stage says of it.
    pub fn context(&self, workers_available: usize) -> Value {
        let mut context = json!({
            "goal": self.goal,
            "workersAvailable": workers_available,
            "profile": self.profile.as_deref().unwrap_or("default"),
        });
        for (name, value) in [
            ("user", &self.user),
            ("memoryScope", &self.memory_scope),
            ("session", &self.session),
            ("conversation", &self.conversation),
        ] {
            if let Some(value) = value {
                context[name] = value.as_str().into();
            }
        }
        context
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    ///
    /// If it has no words, what it says of its context is incomplete, or a choice is not a valid one.
    pub fn check(&self) -> Result<(), Violation> {
        let wrong = |pointer: &str, message: &str| Err(Violation::new(pointer, message));
        if self.words().is_empty() {
            return wrong("/goal", "a goal needs words");
        }
        if self.trace.as_ref().is_some_and(String::is_empty) {
            return wrong("/trace", "a trace needs a name");
        }
        if self.memory_scope.is_some() && self.user.is_none() {
            return wrong(
                "/memoryScope",
                "what is remembered of a user needs \"user\"",
            );
        }
        if self.conversation.is_some() && self.session.is_none() {
            return wrong("/conversation", "a conversation needs its \"session\"");
        }
        if let Some(route) = &self.route {
            if route.reason.trim().is_empty() {
                return wrong("/route/reason", "a choice needs a reason");
            }
            if !(0.0..=1.0).contains(&route.confidence) {
                let message = format!("expected 0 to 1, found {}", route.confidence);
                return wrong("/route/confidence", &message);
            }
        }
        Ok(())
    }
}

/// The words of a text or a name in camel case, in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut was_lower = false;
    for c in text.chars() {
        let begins = c.is_uppercase() && was_lower;
        if (begins || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::from_json;

    #[test]
    fn invalid_goal_is_refused_with_its_place() {
        for (text, expected) in [
            (r#"{"gaol": "Add"}"#, "did you mean \"goal\"?"),
            (
                r#"{"goal": "Add", "budget": {"calls": -1}}"#,
                "at /budget: faulty budget: at /calls: ",
            ),
            (
                r#"{"goal": "Add", "budget": {"cost": -0.5}}"#,
                "at /budget: faulty budget: at /cost: ",
            ),
            (
                r#"{"goal": "Add", "budget": {"time": "-1s"}}"#,
                "at /budget: faulty budget: at /time: ",
            ),
            (
                r#"{"goal": "Add", "budget": {"warnAt": 1.5}}"#,
                "at /budget: faulty budget: at /warnAt: ",
            ),
            (
                r#"{"goal": "Add", "budget": {"call": 2}}"#,
                "did you mean \"calls\"?",
            ),
            (
                r#"{"goal": "Add", "budget": {"policy": "stop"}}"#,
                "at /budget: faulty budget: at /policy: ",
            ),
            (r#"{"goal": "Add", "budget": 5}"#, "at /budget: "),
        ] {
            let error = from_json::<Goal>(text, "goal.json", 1).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn words_are_those_of_texts_and_of_names() {
        for (text, expected) in [
            ("Add 5 and 3.", &["add", "5", "and", "3"][..]),
            ("createAgent", &["create", "agent"]),
            ("  -- !", &[]),
            ("PDF über", &["pdf", "über"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
