//! Without the Cargo feature `http` there are no systems.

use super::World;

impl World {
    /// No system ends.
    #[expect(
        clippy::unused_self,
        reason = "with the feature, the world has the systems"
    )]
    pub(crate) fn alarm(&mut self) -> Option<std::future::Pending<String>> {
        None
    }

    /// There is nothing to log.
    #[expect(
        clippy::unused_self,
        reason = "with the feature, the world has the systems"
    )]
    pub(crate) fn log_systems(&mut self) {}
}
