use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    domain::{Failure, Locked},
    services::CallObserver,
};

/// The most deliveries of a subscription that its handler works on concurrently.
const MAX_CONCURRENT: usize = 10;

/// The places of a handler: as many deliveries are worked on concurrently.
#[derive(Clone)]
pub(super) struct Places(Arc<Semaphore>);

/// A place for one delivery, which is free for others while the delivery waits for a retry.
pub(super) struct Place {
    places: Places,
    permit: Locked<Option<OwnedSemaphorePermit>>,
}

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CONCURRENT)))
    }
}

impl Places {
    /// A place, if one is free.
    pub fn try_take(&self) -> Option<Place> {
        let permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(self.place(Some(permit)))
    }

    /// Waits for a free place.
    pub async fn take(&self) -> Place {
        self.place(self.permit().await)
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // It fails only once the semaphore is closed, which it never is.
        Arc::clone(&self.0).acquire_owned().await.ok()
    }

    fn place(&self, permit: Option<OwnedSemaphorePermit>) -> Place {
        Place {
            places: self.clone(),
            permit: Locked::new(permit),
        }
    }
}

impl CallObserver for Place {
    fn retry_scheduled(&self, _: &Failure, _: std::time::Duration) -> bool {
        self.permit.lock().take();
        true
    }

    fn admitted(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let permit = self.places.permit().await;
            *self.permit.lock() = permit;
        })
    }
}
