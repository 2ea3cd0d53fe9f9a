use proptest::prelude::*;

use super::{
    files::opened,
    stores::{account, events},
};
use crate::{cqrs::EventStore, domain::Failure, messaging::Outbox};

#[derive(Clone, Debug)]
enum StoreAction {
    Append {
        stream: usize,
        count: u64,
        command: u8,
        stale_by: u64,
        digest: Option<u8>,
    },
    Publish(usize),
    Fail(usize),
    SetAside(usize),
    Redrive(usize),
    Reopen,
}

fn actions() -> impl Strategy<Value = Vec<StoreAction>> {
    let digest = proptest::option::of(0..2_u8);
    let append = (0..3_usize, 0..4_u64, 0..12_u8, 0..2_u64, digest).prop_map(
        |(stream, count, command, stale_by, digest)| StoreAction::Append {
            stream,
            count,
            command,
            stale_by,
            digest,
        },
    );
    proptest::collection::vec(
        prop_oneof![
            4 => append,
            2 => (0..6_usize).prop_map(StoreAction::Publish),
            1 => (0..6_usize).prop_map(StoreAction::Fail),
            1 => (0..6_usize).prop_map(StoreAction::SetAside),
            1 => (0..6_usize).prop_map(StoreAction::Redrive),
            1 => Just(StoreAction::Reopen),
        ],
        1..40,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// After any actions, also if the file is reopened between them.
    #[test]
    fn memory_and_sqlite_stores_agree(actions in actions()) {
        let folder = tempfile::tempdir().unwrap();
        let memory = EventStore::default();
        let mut sqlite = Some(opened(folder.path()));
        let streams = ["a", "b", "a/1"].map(account);
        let down = Failure::new("TIMEOUT", "late");
        for action in actions {
            let file = sqlite.as_ref().unwrap();
            match action {
                StoreAction::Append { stream, count, command, stale_by, digest } => {
                    let stream = &streams[stream];
                    let at = memory.load(stream, 0).len() as u64;
                    let expected = at.saturating_sub(stale_by);
                    let events = events(stream, expected, count, &format!("c-{command}"));
                    let digest = digest.map(super::stores::digest);
                    let results = [
                        memory.append(stream, expected, &events, digest.as_ref()),
                        file.append(stream, expected, &events, digest.as_ref()),
                    ];
                    let [one, other] = results.map(|it| it.map_err(|error| error.to_string()));
                    prop_assert_eq!(one, other);
                }
                StoreAction::Redrive(nth) => {
                    let Some(stored) = memory.read(0, 999).into_iter().nth(nth) else {
                        continue;
                    };
                    let id = stored.event.event_id();
                    prop_assert_eq!(memory.redrive(&id).unwrap(), file.redrive(&id).unwrap());
                }
                StoreAction::Publish(nth) | StoreAction::Fail(nth) | StoreAction::SetAside(nth) => {
                    let Some(event) = memory.unpublished(9).unwrap().into_iter().nth(nth) else {
                        continue;
                    };
                    let id = [event.event_id()];
                    for store in [&memory as &dyn Outbox, file] {
                        match action {
                            StoreAction::Publish(_) => store.mark_published(&id).unwrap(),
                            StoreAction::SetAside(_) => {
                                store.mark_dead_lettered(&id, &down).unwrap();
                            }
                            _ => store.mark_failed(&id, &down).unwrap(),
                        }
                    }
                }
                StoreAction::Reopen => {
                    drop(sqlite.take());
                    sqlite = Some(opened(folder.path()));
                }
            }
            let file = sqlite.as_ref().unwrap();
            prop_assert_eq!(memory.unpublished(99).unwrap(), file.unpublished(99).unwrap());
            prop_assert_eq!(memory.read(0, 999), file.read(0, 999));
        }
        for stored in memory.read(0, 999) {
            let file = sqlite.as_ref().unwrap();
            let id = stored.event.event_id();
            prop_assert_eq!(memory.publication(&id).unwrap(), file.publication(&id).unwrap());
        }
    }
}
