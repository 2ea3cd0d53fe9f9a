use std::{collections::HashMap, sync::Arc};

use super::rows::Place;

/// The events that no index says yet where they lie.
#[derive(Default)]
pub(super) struct Tail {
    /// In the order of their positions; those of each stream, that of their versions.
    streams: HashMap<i64, Stream>,
    count: usize,
}

#[derive(Default)]
struct Stream {
    events: Vec<Place>,
    /// The first and the last version that a command came to.
    commands: HashMap<Arc<str>, (u64, u64)>,
}

impl Tail {
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn push(&mut self, place: Place, command: Option<&Arc<str>>) {
        let stream = self.streams.entry(place.key.stream()).or_default();
        stream.events.push(place);
        self.count += 1;
        if let Some(command) = command {
            let version = place.key.version();
            let versions = stream.commands.entry(Arc::clone(command));
            versions.or_insert((version, version)).1 = version;
        }
    }

    /// The events of a stream, by version.
    pub fn events(&self, stream: i64) -> &[Place] {
        self.streams
            .get(&stream)
            .map_or(&[], |stream| &stream.events)
    }

    /// The first and the last version that a command came to.
    pub fn versions_of(&self, stream: i64, command: &str) -> Option<(u64, u64)> {
        self.streams.get(&stream)?.commands.get(command).copied()
    }

    /// All events, in the order of their keys.
    pub fn all_events(&self) -> Vec<Place> {
        let mut events: Vec<Place> = self
            .streams
            .values()
            .flat_map(|stream| stream.events.iter().copied())
            .collect();
        events.sort_unstable_by_key(|place| place.key);
        events
    }

    /// The commands of all streams and the versions that they came to, in their order.
    pub fn all_commands(&self) -> Vec<(i64, &str, u64, u64)> {
        let mut commands: Vec<_> = self
            .streams
            .iter()
            .flat_map(|(number, stream)| {
                let commands = stream.commands.iter();
                commands.map(|(command, (first, last))| (*number, &**command, *first, *last))
            })
            .collect();
        commands.sort_unstable();
        commands
    }
}
