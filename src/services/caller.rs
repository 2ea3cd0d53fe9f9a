use std::sync::Arc;

use serde_json::Value;

use super::{CallPolicy, CallResult, Client};
use crate::domain::{
    Call, CallName, CallNameError, Failure, Key, KeyOrigin, SecurityContext, code,
};

/// A caller with policies of its own, such as an orchestrator under test: its calls are answered and
/// recorded as those over HTTP are, and nothing of ours retries them or times them out.
#[derive(Clone, Debug)]
pub struct Caller {
    client: Arc<Client>,
    name: Arc<str>,
    security: Option<Arc<SecurityContext>>,
}

impl Caller {
    /// A caller through a client without policies.
    pub(crate) fn new(client: Arc<Client>, name: &str) -> Self {
        Self {
            client,
            name: name.into(),
            security: None,
        }
    }

    /// The same caller, for a user: its calls carry this security context.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
    /// use rehearsal::{World, domain::SecurityContext};
    /// use serde_json::{from_value, json};
    ///
    /// let mut world = World::default();
    /// let payments = json!({ "name": "Payments", "operations": { "refund": { "permission": "payments.refund" } } });
    /// world.cast().add_defined(from_value::<rehearsal::services::ServiceDefinition>(payments)?)?;
    ///
    /// let orders = world.cast().caller("orders");
    /// let failure = orders.call("Payments.refund", "o-1", json!({})).await.unwrap_err();
    /// assert_eq!(&*failure.code, "PERMISSION_DENIED");
    ///
    /// let ada = SecurityContext { permissions: vec!["payments.refund".into()], ..SecurityContext::new("ada") };
    /// orders.on_behalf_of(ada).call("Payments.refund", "o-1", json!({})).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn on_behalf_of(mut self, context: SecurityContext) -> Self {
        self.security = Some(Arc::new(context));
        self
    }

    /// Calls `Service.operation`, with the idempotency key that every repetition has, or `""` without one.
    ///
    /// An operation that undoes another has the key of what it undoes.
    ///
    /// # Errors
    ///
    /// The failure that the service answers with, or that its name is unknown.
    pub async fn call(&self, call: &str, key: &str, input: impl Into<Arc<Value>>) -> CallResult {
        let name: CallName = call.parse().map_err(|error: CallNameError| {
            Box::new(Failure::new(code::OPERATION_NOT_FOUND, error.to_string()))
        })?;
        let undoes = self.client.registry().script(name.service(), |_, service| {
            let operation = service.definition()?.operation(name.operation())?;
            operation.undoes.clone()
        });
        // What is unknown is refused by the client.
        let key = key_of_caller(&name, undoes.ok().flatten().as_deref(), key);
        let mut call = Call::new(&self.name, name, input).on_behalf_of(self.security.clone());
        call.key = Some(key);
        self.client.call(&call, &CallPolicy::default(), None).await
    }
}

/// The key of a call for which its caller sends `text`. Keys of different operations never meet, but for
/// one that undoes the other.
pub(crate) fn key_of_caller(name: &CallName, undoes: Option<&str>, text: &str) -> Key {
    let key = |operation: &str, text: &str| {
        KeyOrigin::Http.key(format!("{}.{operation}\n{text}", name.service()))
    };
    match undoes {
        None => key(name.operation(), text),
        Some(undone) => key(undone, text.strip_suffix(":undo").unwrap_or(text)).undo(),
    }
}
