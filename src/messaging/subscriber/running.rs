use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::future::BoxFuture;

use super::{handling::Outcome, inbox::Delivery};

/// A delivery at the handler, or waiting for a retry.
///
/// The delivery is beside the future, so that it can be delivered again if its consumer is lost.
pub(super) struct RunningDelivery {
    /// Counted by the subscriber.
    pub number: u64,
    /// Taken when the outcome is there.
    pub delivery: Option<Delivery>,
    pub outcome: BoxFuture<'static, Outcome>,
}

impl Future for RunningDelivery {
    type Output = (Option<Delivery>, Outcome);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(self.outcome.as_mut().poll(context));
        Poll::Ready((self.delivery.take(), outcome))
    }
}
