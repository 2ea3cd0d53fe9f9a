//! Who is subscribed to events: what each is handed, in which order, and what becomes of it.

mod handling;
mod inbox;
mod subscription;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::mpsc::UnboundedReceiver;

pub use self::subscription::{Filter, Subscription};
use self::{
    handling::{Done, Handling},
    inbox::{Inbox, Notice},
};
use super::{
    Activity,
    delivery::{Delivery, Message},
};
use crate::{observability::EventKind, services::Client};

/// Most deliveries of a subscription that are at its handler at once.
const AT_ONCE: usize = 10;

/// Takes what the bus delivers to a subscription's handler, until it ends and no dead letter waits.
pub(super) async fn serve(
    subscription: Subscription,
    client: Arc<Client>,
    activity: Activity,
    messages: UnboundedReceiver<Message>,
) {
    let subscriber = Subscriber {
        inbox: Inbox::new(activity.clone()),
        handling: Arc::new(Handling::new(subscription, client, activity)),
        handle: Handling::handle,
        running: FuturesUnordered::new(),
        free: None,
        letters: FuturesUnordered::new(),
    };
    subscriber.run(messages).await;
}

/// A subscription at work.
struct Subscriber<F> {
    handling: Arc<Handling>,
    inbox: Inbox,
    handle: fn(Arc<Handling>, Delivery) -> F,
    running: FuturesUnordered<AtHandler<F>>,
    /// Room for one more, left by one that was done at once.
    free: Option<AtHandler<F>>,
    /// Dead letters that wait for their queue.
    letters: FuturesUnordered<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// A delivery at the handler, in a place that can be used again: most are done at once, and a place
/// is large.
struct AtHandler<F> {
    work: Pin<Box<Option<F>>>,
}

impl<F: Future<Output = Done>> Future for AtHandler<F> {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Done> {
        match self.work.as_mut().as_pin_mut() {
            Some(work) => work.poll(context),
            None => Poll::Pending,
        }
    }
}

impl<F: Future<Output = Done> + Send> Subscriber<F> {
    async fn run(mut self, mut messages: UnboundedReceiver<Message>) {
        let mut open = true;
        loop {
            self.start().await;
            tokio::select! {
                biased;
                Some(done) = self.running.next(), if !self.running.is_empty() => self.finish(done),
                Some(()) = self.letters.next(), if !self.letters.is_empty() => {}
                message = messages.recv(), if open => match message {
                    Some(Message::Deliver(delivery)) => self.accept(delivery),
                    Some(Message::Pause(at_work)) => {
                        self.inbox.pause();
                        drop(at_work);
                    }
                    Some(Message::Resume(at_work)) => {
                        self.inbox.resume();
                        drop(at_work);
                    }
                    Some(Message::End(at_work)) => {
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

    /// Hands on what may go to the handler now.
    async fn start(&mut self) {
        while self.running.len() < AT_ONCE
            && let Some(delivery) = self.inbox.next()
        {
            let work = Some((self.handle)(Arc::clone(&self.handling), delivery));
            let mut task = match self.free.take() {
                Some(mut free) => {
                    free.work.set(work);
                    free
                }
                None => AtHandler {
                    work: Box::pin(work),
                },
            };
            match futures::poll!(&mut task) {
                Poll::Ready(done) => {
                    self.free = Some(task);
                    self.finish(done);
                }
                Poll::Pending => self.running.push(task),
            }
        }
    }

    fn finish(&mut self, done: Done) {
        self.inbox.finish(&done.delivery, done.standing);
        if let Some(undelivered) = done.undelivered {
            let handling = Arc::clone(&self.handling);
            self.letters
                .push(Box::pin(handling.bury_later(undelivered)));
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
                Notice::HeldBack => EventKind::EventHeldBack { subscription, head },
                Notice::Duplicate | Notice::Moot => {
                    EventKind::DuplicateDropped { subscription, head }
                }
            });
            if notice == Notice::Moot && delivery.letter.is_some() {
                letters.push(Box::pin(clear(Arc::clone(handling), delivery)));
            }
        });
    }
}

/// Takes the dead letter of an event that is settled out of its queue.
async fn clear(handling: Arc<Handling>, delivery: Delivery) {
    if let Some(letter) = &delivery.letter {
        handling.clear(letter, delivery.document.head()).await;
    }
}
