//! Subscriptions: filtering, ordering and handling of their events.

mod handling;
mod inbox;
mod loss;
mod places;
mod running;
mod subscription;

use std::{collections::VecDeque, sync::Arc};

use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::mpsc::UnboundedReceiver;

pub use self::loss::InboxLoss;
pub use self::subscription::{EventFilter, OnDeadLetter, Subscription};
use self::{
    handling::{Handling, Outcome},
    inbox::{DeliveryNotice, EventStatus, Inbox},
    places::{Place, Places},
    running::RunningDelivery,
};
pub(super) use self::{
    inbox::{Delivery, SubjectPosition},
    loss::ConsumerLoss,
};
use super::{ActivityGuard, MessageActivity};
use crate::services::Client;

/// A message from the bus to a subscriber.
#[derive(Debug)]
pub(super) enum SubscriberMessage {
    Deliver(Delivery),
    Pause(ActivityGuard),
    Resume(ActivityGuard),
    HoldSubjects,
    LoseConsumer(ConsumerLoss),
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
        holds_subjects: subscription.on_dead_letter == Some(OnDeadLetter::HoldSubject),
        handling: Arc::new(Handling::new(subscription, client, activity)),
        places: Places::default(),
        losses: VecDeque::new(),
        started: 0,
        running: FuturesUnordered::new(),
        letters: FuturesUnordered::new(),
    };
    subscriber.run(messages).await;
}

struct Subscriber {
    handling: Arc<Handling>,
    inbox: Inbox,
    places: Places,
    /// Whether a dead letter holds the later events of its subject.
    holds_subjects: bool,
    losses: VecDeque<ConsumerLoss>,
    /// How many deliveries went to the handler.
    started: u64,
    running: FuturesUnordered<RunningDelivery>,
    /// Dead letters that are put into their queue or removed from it.
    letters: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Subscriber {
    async fn run(mut self, mut messages: UnboundedReceiver<SubscriberMessage>) {
        let mut open = true;
        loop {
            self.start_all();
            tokio::select! {
                biased;
                Some((Some(delivery), outcome)) = self.running.next(), if !self.running.is_empty() => {
                    self.finish(delivery, outcome);
                }
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
                    Some(SubscriberMessage::HoldSubjects) => self.holds_subjects = true,
                    Some(SubscriberMessage::LoseConsumer(loss)) => self.losses.push_back(loss),
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
            if self.inbox.is_behind_newer(&delivery) {
                let letters = self.handling.letters();
                letters.warn_behind_newer(delivery.document.head());
            }
            let handling = Arc::clone(&self.handling);
            let (document, letter) = (delivery.document.clone(), delivery.letter.clone());
            self.started += 1;
            self.running.push(RunningDelivery {
                number: self.started,
                delivery: Some(delivery),
                outcome: Box::pin(handling.handle(document, letter, place)),
            });
        }
    }

    fn finish(&mut self, delivery: Delivery, outcome: Outcome) {
        if matches!(outcome, Outcome::Handled)
            && let Some(loss) = self.losses.pop_front()
        {
            return self.lose_consumer(&loss, delivery);
        }
        let holds = self.holds_subjects && matches!(outcome, Outcome::DeadLettered(_));
        self.settle(&delivery, outcome.status(), holds);
        match outcome {
            Outcome::DeadLettered(Some(letter)) => {
                let handling = Arc::clone(&self.handling);
                self.letters.push(Box::pin(handling.dead_letter(letter)));
            }
            Outcome::DeadLettered(None) => {}
            Outcome::Handled | Outcome::Filtered => self.remove_letter(delivery),
        }
    }

    fn settle(&mut self, delivery: &Delivery, status: EventStatus, holds: bool) {
        let handling = &self.handling;
        let note = |notice, delivery: &_| handling.note(notice, delivery);
        self.inbox.finish(delivery, status, holds, note);
    }

    /// The consumer has handled a delivery and is lost: what it has not acknowledged is delivered again,
    /// in the old order. Dead letters that wait for their queue are not in its memory.
    fn lose_consumer(&mut self, loss: &ConsumerLoss, handled: Delivery) {
        self.handling.record_loss(loss, &handled);
        let mut running: Vec<_> = std::mem::take(&mut self.running).into_iter().collect();
        running.sort_by_key(|running| running.number);
        let mut again: Vec<_> = running
            .into_iter()
            .filter_map(|running| running.delivery)
            .collect();
        match loss.inbox {
            InboxLoss::Kept => {
                self.settle(&handled, EventStatus::Handled, false);
                self.handling.note(DeliveryNotice::Duplicate, &handled);
                self.remove_letter(handled);
            }
            InboxLoss::Lost => {
                self.inbox.forget();
                again.push(handled);
            }
        }
        self.inbox.deliver_again(again);
    }

    fn accept(&mut self, delivery: Delivery) {
        let handling = &self.handling;
        let stale = self.inbox.accept(delivery, |notice, delivery| {
            handling.note(notice, delivery);
        });
        if let Some(delivery) = stale {
            self.remove_letter(delivery);
        }
    }

    /// Removes the dead letter of a redriven event that is settled from its queue.
    fn remove_letter(&mut self, delivery: Delivery) {
        if delivery.letter.is_some() {
            let handling = Arc::clone(&self.handling);
            self.letters.push(Box::pin(async move {
                if let Some(letter) = &delivery.letter {
                    let letters = handling.letters();
                    letters.remove(letter, delivery.document.head()).await;
                }
            }));
        }
    }
}
