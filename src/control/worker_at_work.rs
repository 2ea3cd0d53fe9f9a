use std::sync::Arc;

use super::router::{Router, Routing};

/// A worker that carries out a plan, until this is dropped.
pub struct WorkerAtWork {
    router: Arc<Router>,
    worker: Option<Arc<str>>,
}

impl WorkerAtWork {
    pub fn begin(router: &Arc<Router>, routing: Option<&Routing>) -> Self {
        let worker = routing.map(|routing| Arc::clone(&routing.worker));
        if let Some(worker) = &worker {
            router.began(worker);
        }
        Self {
            router: Arc::clone(router),
            worker,
        }
    }
}

impl Drop for WorkerAtWork {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            self.router.ended(worker);
        }
    }
}
