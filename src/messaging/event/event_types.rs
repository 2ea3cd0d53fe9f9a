use std::sync::Arc;

use crate::domain::{Failure, Locked, code, did_you_mean};

/// The known event types; any type is known until they are listed.
///
/// A handle: clones share the list.
#[derive(Clone, Debug, Default)]
pub struct EventTypes {
    listed: Arc<Locked<Option<Vec<Arc<str>>>>>,
}

impl EventTypes {
    /// Allows only these types.
    pub fn list<'a>(&self, types: impl IntoIterator<Item = &'a str>) {
        *self.listed.lock() = Some(types.into_iter().map(Arc::from).collect());
    }

    /// The listed types; empty if none are listed.
    pub fn listed(&self) -> Vec<Arc<str>> {
        self.listed.lock().clone().unwrap_or_default()
    }

    /// Checks that a type is known.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_EVENT_TYPE` if types are listed and this is not among them.
    pub fn check(&self, kind: &str) -> Result<(), Box<Failure>> {
        let listed = self.listed.lock();
        let Some(types) = &*listed else {
            return Ok(());
        };
        if types.iter().any(|known| **known == *kind) {
            return Ok(());
        }
        let hint = did_you_mean(kind, types.iter().map(|known| &**known));
        let message = format!("event type {kind:?} does not exist: {hint}");
        let failure = Failure::new(code::UNKNOWN_EVENT_TYPE, message);
        Err(Box::new(failure.field("type")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_type_is_known_until_types_are_listed() {
        let types = EventTypes::default();
        assert_eq!(types.check("OrderPlaced"), Ok(()));
        types.list(["OrderPlaced", "OrderShipped"]);
        assert_eq!(types.check("OrderShipped"), Ok(()));
        let failure = types.check("OrderPlacd").unwrap_err();
        assert_eq!(&*failure.code, code::UNKNOWN_EVENT_TYPE);
        assert!(failure.message.ends_with("did you mean \"OrderPlaced\"?"));
    }
}
