use std::{any::Any, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;

/// When nothing has happened for so long in virtual time, nothing ever will:
/// no duration in a scenario comes near it.
pub(super) const FOR_EVER: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// How the code of a step or a hook ended.
pub(super) enum Ended<T> {
    /// It returned.
    Returned(T),
    /// It panicked.
    Panicked(Box<dyn Any + Send>),
    /// It waits for what cannot happen any more.
    Never,
}

/// Runs the code of a step or a hook, whatever it does.
pub(super) async fn guarded<T>(wall_clock: bool, code: impl Future<Output = T>) -> Ended<T> {
    let code = AssertUnwindSafe(code).catch_unwind();
    let ended = if wall_clock {
        Ok(code.await)
    } else {
        tokio::time::timeout(FOR_EVER, code).await
    };
    match ended {
        Ok(Ok(returned)) => Ended::Returned(returned),
        Ok(Err(panic)) => Ended::Panicked(panic),
        Err(_) => Ended::Never,
    }
}
