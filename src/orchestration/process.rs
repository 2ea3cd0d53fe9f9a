use std::sync::Arc;

use tokio::sync::watch;

/// The process that an orchestrator and its runs live in, until it is lost.
///
/// A handle: clones share the process.
#[derive(Clone, Debug)]
pub(super) struct Process {
    lost: Arc<watch::Sender<bool>>,
}

impl Process {
    pub fn new() -> Self {
        Self {
            lost: Arc::new(watch::Sender::new(false)),
        }
    }

    pub fn is_alive(&self) -> bool {
        !*self.lost.borrow()
    }

    /// Loses the process, and all that it is doing with it.
    pub fn lose(&self) {
        self.lost.send_replace(true);
    }

    /// Waits until the process is lost.
    pub async fn is_lost(&self) {
        // Only a dropped sender is an error, and this holds it.
        let _ = self.lost.subscribe().wait_for(|lost| *lost).await;
    }
}
