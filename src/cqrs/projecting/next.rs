/// What a projection is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cqrs) enum Next {
    /// Forget all events first.
    Reset { generation: u64 },
    /// Take the events after a position.
    Read { after: u64, generation: u64 },
    /// Wait until there is something to do.
    Nothing,
}
