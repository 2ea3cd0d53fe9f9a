//! What a publisher takes.

use serde_json::json;

use super::rig::Rig;
use crate::{domain::code, messaging::EventDraft};

#[tokio::test(start_paused = true)]
async fn what_is_no_event_is_refused_before_it_is_stored_and_has_no_place_in_its_subject() {
    let rig = Rig::new();
    let mut draft = EventDraft {
        subject: Some("order-1".into()),
        ..EventDraft::new("Happened")
    };
    draft.extensions.insert("userId".to_owned(), json!("u-1"));
    let refused = rig.publisher.publish(draft.clone()).await.unwrap_err();
    assert_eq!(&*refused.code, code::VALIDATION_FAILED);
    assert_eq!(refused.field.as_deref(), Some("userId"));
    assert!(rig.timeline.take().is_empty(), "nobody is called");

    draft.extensions.clear();
    let event = rig.publisher.publish(draft).await.unwrap();
    assert_eq!(event.sequence, Some(1));
}
