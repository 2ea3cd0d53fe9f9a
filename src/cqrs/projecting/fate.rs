/// What becomes of an event that was to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cqrs) enum Fate {
    /// Go on with the next.
    Done,
    /// Try it again after the delay.
    Again,
    /// It no longer matters: begin anew with what is next.
    Moot,
}
