use std::{panic::Location, sync::Arc, time::Duration};

use serde_json::Value;

use super::{Cast, package::source_place};
use crate::{
    domain::{CallName, CallNameError},
    services::{CodeError, FaultId, Response, Script, UnknownName},
};

/// How one call is to answer, said in a row; made by [`Cast::script`].
#[derive(Debug)]
pub struct CallScript<'a> {
    cast: &'a Cast,
    call: CallName,
    at: Arc<str>,
}

/// Why a call cannot be scripted.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScriptError {
    /// The name is no `Service.operation`.
    #[error(transparent)]
    Name(#[from] CallNameError),
    /// There is no such service or operation.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The service cannot fail with that code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// So many executions are none.
    #[error("a fault that happens 0 times is none")]
    Never,
}

impl Cast {
    /// How a call, named `Service.operation`, is to answer. Faults count as declared where this is
    /// written.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rehearsal::harness::Cast;
    ///
    /// let cast = Cast::load("agent-platform")?;
    /// cast.script("AgentService.createAgent")?
    ///     .takes(Duration::from_millis(200))
    ///     .fails_times(2, "AGENT_CREATION_ERROR")?;
    /// cast.is_down("FileService")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the name is none, or there is no such service or operation.
    #[track_caller]
    pub fn script(&self, call: &str) -> Result<CallScript<'_>, ScriptError> {
        self.script_at(call.parse()?, here())
    }

    /// As [`Cast::script`], with faults declared at `at`, such as `file:line`.
    ///
    /// # Errors
    ///
    /// If there is no such service or operation.
    pub fn script_at(&self, call: CallName, at: Arc<str>) -> Result<CallScript<'_>, ScriptError> {
        self.registry().check(&call)?;
        Ok(CallScript {
            cast: self,
            call,
            at,
        })
    }

    /// Every call of a service fails with `SERVICE_UNAVAILABLE` from now on.
    ///
    /// # Errors
    ///
    /// If there is no such service.
    #[track_caller]
    pub fn is_down(&self, service: &str) -> Result<(), UnknownName> {
        let at = here();
        self.registry().script(service, |script, _| {
            let fault = self.faults().declare(format!("{service} is down"), at);
            script.goes_down(None, fault);
        })
    }
}

impl CallScript<'_> {
    /// Every execution takes this long.
    pub fn takes(self, latency: Duration) -> Self {
        self.with(|script, operation| script.takes(operation, latency))
    }

    /// Every execution that nothing else is said of gets this reply.
    pub fn succeeds(self, reply: impl Into<Arc<Value>>) -> Self {
        let reply = reply.into();
        self.with(|script, operation| script.replies(operation, reply))
    }

    /// Every execution that nothing else is said of fails with a code.
    ///
    /// # Errors
    ///
    /// If the service cannot fail with it.
    pub fn fails(self, code: &str) -> Result<Self, ScriptError> {
        let response = self.error(code)?;
        let fault = self.declare(format!("{} fails with {code}", self.call));
        Ok(self.with(|script, operation| script.always(operation, response, fault)))
    }

    /// The next executions, behind those already spoken for, fail with a code.
    ///
    /// # Errors
    ///
    /// If the service cannot fail with it, or the executions are none.
    pub fn fails_times(self, times: u32, code: &str) -> Result<Self, ScriptError> {
        let response = self.error(code)?;
        let what = format!("{} fails {times} time(s) with {code}", self.call);
        self.times(times, response, what)
    }

    /// No execution that nothing else is said of is ever answered.
    pub fn hangs(self) -> Self {
        let fault = self.declare(format!("{} hangs", self.call));
        self.with(|script, operation| script.always(operation, Response::Hang, fault))
    }

    /// The next executions, behind those already spoken for, are never answered.
    ///
    /// # Errors
    ///
    /// If the executions are none.
    pub fn hangs_times(self, times: u32) -> Result<Self, ScriptError> {
        let what = format!("{} hangs {times} time(s)", self.call);
        self.times(times, Response::Hang, what)
    }

    fn times(self, times: u32, response: Response, what: String) -> Result<Self, ScriptError> {
        if times == 0 {
            return Err(ScriptError::Never);
        }
        let fault = self.declare(what);
        Ok(self.with(|script, operation| script.times(operation, times, response, fault)))
    }

    fn error(&self, code: &str) -> Result<Response, CodeError> {
        self.cast.registry().check_code(&self.call, code)?;
        Ok(Response::Error(code.into()))
    }

    fn declare(&self, what: String) -> FaultId {
        self.cast.faults().declare(what, Arc::clone(&self.at))
    }

    fn with(self, change: impl FnOnce(&Script, &str)) -> Self {
        let (service, operation) = (self.call.service(), self.call.operation());
        // The service was there when this was made; should it have left since, there is no script.
        let _ = self
            .cast
            .registry()
            .script(service, |script, _| change(script, operation));
        self
    }
}

#[track_caller]
fn here() -> Arc<str> {
    let place = Location::caller();
    source_place(&format!("{}:{}", place.file(), place.line())).into()
}
