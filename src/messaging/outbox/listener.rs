use std::sync::{Arc, OnceLock};

/// Who hears of it when something is stored to be published.
///
/// A handle: clones share who that is.
#[derive(Clone, Default)]
pub struct Listener {
    hear: Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>,
}

impl Listener {
    /// Tells that something was stored.
    ///
    /// It is heard at once, so that whoever waits for the store's answer knows of what follows.
    pub fn tell(&self) {
        if let Some(hear) = self.hear.get() {
            hear();
        }
    }

    /// Lets someone hear; the first one does.
    pub(in crate::messaging) fn set(&self, hear: impl Fn() + Send + Sync + 'static) {
        // Who comes second is not heard of: there is one relay.
        let _ = self.hear.set(Box::new(hear));
    }
}
