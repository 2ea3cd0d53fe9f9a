use std::{convert::Infallible, sync::Arc};

use serde::Deserialize;

use super::{failures::ToolResult, server::Server};
use crate::{domain::Violation, services::Client};

/// Who works on the tasks of a server. It is refused: the Cargo feature `control` is off.
#[derive(Clone, Debug, Deserialize)]
pub struct CrewDefinition {}

/// The workers of a server. There are none: the Cargo feature `control` is off.
pub struct Crew(Infallible);

impl Crew {
    /// No workers.
    ///
    /// # Errors
    ///
    /// Always: it names the Cargo feature that is off.
    pub fn new(_: &CrewDefinition, _: Arc<Client>, _: Arc<Server>) -> Result<Self, Violation> {
        let message = "workers need the Cargo feature `control` of rehearsal, which is off";
        Err(Violation::new("/workers", message))
    }

    /// None can be asked.
    ///
    /// # Errors
    ///
    /// None.
    pub async fn check_service(&self, _: &str) -> ToolResult<()> {
        match self.0 {}
    }

    /// None can begin.
    pub fn has_begun(&self) -> bool {
        match self.0 {}
    }

    /// None can be given out.
    pub fn dispatch(self: &Arc<Self>) {
        match self.0 {}
    }
}
