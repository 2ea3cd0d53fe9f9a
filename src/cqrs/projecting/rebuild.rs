/// A rebuild that is going on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rebuild {
    /// The read model is not empty yet.
    pub to_reset: bool,
    /// It is rebuilt once it gets there.
    pub target: u64,
    /// How many events it took since it was emptied.
    pub applied: u64,
    /// It was paused when the rebuild began.
    pub was_paused: bool,
}

impl Rebuild {
    /// One that begins with emptying the read model.
    pub fn new(target: u64, was_paused: bool) -> Self {
        Self {
            to_reset: true,
            target,
            applied: 0,
            was_paused,
        }
    }

    /// Whether it is over, where all events up to a position were applied or passed by.
    pub fn is_over(&self, cursor: u64) -> bool {
        !self.to_reset && cursor >= self.target
    }
}
