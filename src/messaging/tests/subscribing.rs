//! Cases of subscriptions that a feature file cannot express.

use std::time::Duration;

use super::rig::{HANDLERS, Rig};
use crate::{
    domain::{CallName, code},
    messaging::Subscription,
    observability::EventKind,
    resilience::Retries,
};

fn subscription(kind: &str, handler: &str) -> Subscription {
    Subscription::new(kind, CallName::new(handler, "on"))
}

#[tokio::test(start_paused = true)]
async fn unknown_event_type_is_refused_with_the_nearest() {
    let rig = Rig::new();
    rig.bus.types().list(["Happened"]);
    let refused = rig
        .bus
        .subscribe(subscription("Hapened", "Mail"), &rig.client);
    let failure = refused.unwrap_err();
    assert_eq!(&*failure.code, code::UNKNOWN_EVENT_TYPE);
    assert!(failure.message.ends_with("did you mean \"Happened\"?"));
    assert!(rig.bus.subscriptions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn subscribing_again_only_adds_event_types() {
    let rig = Rig::new();
    let subscribe = |subscription| rig.bus.subscribe(subscription, &rig.client);
    subscribe(subscription("A", "Mail")).unwrap();
    subscribe(subscription("B", "Mail")).unwrap();
    subscribe(subscription("B", "Mail")).unwrap();
    assert_eq!(rig.bus.subscriptions().len(), 1);

    let mut other = subscription("A", "Stock");
    other.id = "Mail.on".into();
    let failure = subscribe(other).unwrap_err();
    assert!(failure.message.contains("has the handler Mail.on"));

    let mut patient = subscription("A", "Mail");
    patient.retry = Some(Retries::none());
    let failure = subscribe(patient).unwrap_err();
    assert!(failure.message.contains("cannot be changed"));
}

#[tokio::test(start_paused = true)]
async fn events_go_to_every_subscription_of_their_type() {
    let rig = Rig::new();
    let subscribe = |kind, handler| {
        let subscription = subscription(kind, handler);
        rig.bus.subscribe(subscription, &rig.client).unwrap();
    };
    subscribe("Other", "Audit");
    subscribe("Happened", "Stock");
    subscribe("Happened", "Mail");
    subscribe("Happened", "Audit");
    rig.publish(Some("order-1")).await.unwrap();
    rig.bus.activity().idle().await;
    for handler in HANDLERS {
        let id = format!("{handler}.on");
        let handled = rig.heads(|kind| match kind {
            EventKind::EventHandled { subscription, head } if **subscription == *id => Some(head),
            _ => None,
        });
        assert_eq!(handled.len(), 1, "{handler}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_or_ended_subscription_is_refused() {
    let rig = Rig::new();
    rig.subscribe_all();
    let error = rig.bus.pause("Mial.on").unwrap_err().to_string();
    assert!(error.ends_with("did you mean \"Mail.on\"?"), "{error}");
    rig.publish(None).await.unwrap();
    rig.bus.activity().idle().await;
    let late = |nth| {
        let by = Duration::from_secs(1);
        rig.bus.deliver_late("Mail.on", nth, by, "test")
    };
    assert!(
        late(1)
            .unwrap_err()
            .contains("has already received 1 event(s)")
    );
    assert_eq!(late(2), Ok(()));
    rig.bus.end("Mail.on").unwrap();
    assert!(rig.bus.resume("Mail.on").is_err());
    assert_eq!(rig.bus.topics().len(), 1);
}
