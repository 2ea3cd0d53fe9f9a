//! Subscriptions: filtering, ordering and handling of their events.

mod handling;
mod inbox;
mod places;
mod subscription;

use std::sync::Arc;

use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::mpsc::UnboundedReceiver;

pub(super) use self::inbox::{Delivery, SubjectPosition};
pub use self::subscription::{EventFilter, Subscription};
use self::{
    handling::{HandledDelivery, Handling},
    inbox::{DeliveryNotice, Inbox},
    places::{Place, Places},
};
use super::{ActivityGuard, MessageActivity};
use crate::{observability::EventKind, services::Client};

/// A message from the bus to a subscriber.
#[derive(Debug)]
pub(super) enum SubscriberMessage {
    Deliver(Delivery),
    Pause(ActivityGuard),
    Resume(ActivityGuard),
    End(ActivityGuard),
}

/// Passes deliveries of the bus to a subscription's handler, until the subscription ends and no dead
/// letter is waiting.
pub(super) async fn serve(
    subscription: Subscription,
    client: Arc<Client>,
    activity: MessageActivity,
    messages: UnboundedReceiver<SubscriberMessage>,
) {
    let subscriber = Subscriber {
        inbox: Inbox::new(activity.clone()),
        handling: Arc::new(Handling::new(subscription, client, activity)),
        places: Places::default(),
        running: FuturesUnordered::new(),
        letters: FuturesUnordered::new(),
    };
    subscriber.run(messages).await;
}

struct Subscriber {
    handling: Arc<Handling>,
    inbox: Inbox,
    places: Places,
    /// Deliveries at the handler, or waiting for a retry.
    running: FuturesUnordered<BoxFuture<'static, HandledDelivery>>,
    /// Dead letters that wait for their queue.
    letters: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Subscriber {
    async fn run(mut self, mut messages: UnboundedReceiver<SubscriberMessage>) {
        let mut open = true;
        loop {
            self.start_all();
            tokio::select! {
                biased;
                Some(handled) = self.running.next(), if !self.running.is_empty() => self.finish(handled),
                Some(()) = self.letters.next(), if !self.letters.is_empty() => {}
                place = self.places.take(), if self.inbox.is_ready() => self.start(place),
                message = messages.recv(), if open => match message {
                    Some(SubscriberMessage::Deliver(delivery)) => self.accept(delivery),
                    Some(SubscriberMessage::Pause(at_work)) => {
                        self.inbox.pause();
                        drop(at_work);
                    }
                    Some(SubscriberMessage::Resume(at_work)) => {
                        self.inbox.resume();
                        drop(at_work);
                    }
                    Some(SubscriberMessage::End(at_work)) => {
                        open = false;
                        self.inbox.clear();
                        self.running.clear();
                        messages.close();
                        while messages.try_recv().is_ok() {}
                        drop(at_work);
                    }
                    None => open = false,
                },
                else => return,
            }
        }
    }

    /// Starts the handler on the deliveries that may go to it now.
    fn start_all(&mut self) {
        while self.inbox.is_ready()
            && let Some(place) = self.places.try_take()
        {
            self.start(place);
        }
    }

    fn start(&mut self, place: Place) {
        if let Some(delivery) = self.inbox.next() {
            let handling = Arc::clone(&self.handling);
            self.running
                .push(Box::pin(handling.handle(delivery, place)));
        }
    }

    fn finish(&mut self, handled: HandledDelivery) {
        self.inbox.finish(&handled.delivery, handled.status);
        if let Some(letter) = handled.unstored {
            let handling = Arc::clone(&self.handling);
            self.letters.push(Box::pin(handling.dead_letter(letter)));
        }
    }

    fn accept(&mut self, delivery: Delivery) {
        let Self {
            handling,
            inbox,
            letters,
            ..
        } = self;
        inbox.accept(delivery, |notice, delivery| {
            let subscription = Arc::clone(handling.subscription());
            let head = Arc::clone(delivery.document.head());
            handling.timeline().record(match notice {
                DeliveryNotice::HeldBack => EventKind::EventHeldBack { subscription, head },
                DeliveryNotice::Duplicate | DeliveryNotice::Stale => {
                    EventKind::DuplicateDropped { subscription, head }
                }
            });
            if notice == DeliveryNotice::Stale && delivery.letter.is_some() {
                letters.push(Box::pin(clear(Arc::clone(handling), delivery)));
            }
        });
    }
}

/// Removes the dead letter of an event that is settled from its queue.
async fn clear(handling: Arc<Handling>, delivery: Delivery) {
    if let Some(letter) = &delivery.letter {
        handling
            .letters()
            .remove(letter, delivery.document.head())
            .await;
    }
}
