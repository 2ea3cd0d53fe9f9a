use std::{panic::Location, sync::Arc, time::Duration};

use serde_json::Value;

use super::{Cast, panics::source_location};
use crate::{
    domain::{CallName, CallNameError},
    services::{CodeError, FaultId, Response, Script, UnknownName},
};

/// The script of one call, a chain of answers; made by [`Cast::script`].
#[derive(Debug)]
pub struct CallScript<'a> {
    cast: &'a Cast,
    call: CallName,
    at: Arc<str>,
}

/// Why a call cannot be scripted.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScriptError {
    /// The name is not of the form `Service.operation`.
    #[error(transparent)]
    Name(#[from] CallNameError),
    /// The service or operation does not exist.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The service cannot fail with that code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// Zero executions.
    #[error("a fault must happen at least once, found 0")]
    Never,
}

impl Cast {
    /// Scripts a call, named `Service.operation`. Its faults are declared at the line that calls this.
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
    /// If the name is malformed, or the service or operation does not exist.
    #[track_caller]
    pub fn script(&self, call: &str) -> Result<CallScript<'_>, ScriptError> {
        self.script_at(call.parse()?, here())
    }

    /// Like [`Cast::script`], with faults declared at `at`, such as `file:line`.
    ///
    /// # Errors
    ///
    /// If the service or operation does not exist.
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
    /// If the service does not exist.
    #[track_caller]
    pub fn is_down(&self, service: &str) -> Result<(), UnknownName> {
        self.take_down(service, None, format!("{service} is down"), here())
    }

    /// Takes a service down until an offset, or until it is brought back.
    ///
    /// # Errors
    ///
    /// If the service does not exist.
    pub(crate) fn take_down(
        &self,
        service: &str,
        until: Option<Duration>,
        what: String,
        at: Arc<str>,
    ) -> Result<(), UnknownName> {
        self.registry().script(service, |script, _| {
            let fault = self.faults().declare(what, at);
            self.withdraw(script.take_down(until, fault));
        })
    }

    /// Withdraws the faults that a later declaration replaces.
    pub(crate) fn withdraw(&self, replaced: impl IntoIterator<Item = FaultId>) {
        for fault in replaced {
            self.faults().withdraw(fault);
        }
    }
}

impl CallScript<'_> {
    /// Every execution takes this long.
    pub fn takes(self, latency: Duration) -> Self {
        self.with(|script, operation| script.takes(operation, latency))
    }

    /// Executions without another answer get this reply.
    pub fn succeeds(self, reply: impl Into<Arc<Value>>) -> Self {
        let reply = reply.into();
        self.with(|script, operation| script.replies(operation, reply))
    }

    /// Executions without another answer fail with a code.
    ///
    /// # Errors
    ///
    /// If the service cannot fail with it.
    pub fn fails(self, code: &str) -> Result<Self, ScriptError> {
        let response = self.error(code)?;
        let fault = self.declare(format!("{} fails with {code}", self.call));
        Ok(self.always(response, fault))
    }

    /// The next executions, after those already scripted, fail with a code.
    ///
    /// # Errors
    ///
    /// If the service cannot fail with it, or `count` is zero.
    pub fn fails_times(self, times: u32, code: &str) -> Result<Self, ScriptError> {
        let response = self.error(code)?;
        let what = format!("{} fails {times} time(s) with {code}", self.call);
        self.times(times, response, what)
    }

    /// Executions without another answer are never answered.
    pub fn hangs(self) -> Self {
        let fault = self.declare(format!("{} hangs", self.call));
        self.always(Response::Hang, fault)
    }

    /// The next executions, after those already scripted, hang.
    ///
    /// # Errors
    ///
    /// If `count` is zero.
    pub fn hangs_times(self, times: u32) -> Result<Self, ScriptError> {
        let what = format!("{} hangs {times} time(s)", self.call);
        self.times(times, Response::Hang, what)
    }

    fn times(self, times: u32, response: Response, what: String) -> Result<Self, ScriptError> {
        if times == 0 {
            return Err(ScriptError::Never);
        }
        let faults = self.cast.faults();
        let fault = faults.declare_times(what, Arc::clone(&self.at), times);
        Ok(self.with(|script, operation| script.times(operation, times, response, fault)))
    }

    fn always(self, response: Response, fault: FaultId) -> Self {
        let cast = self.cast;
        self.with(|script, operation| cast.withdraw(script.always(operation, response, fault)))
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
        // The service existed when this was made; if it has been removed since, nothing is scripted.
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
    source_location(&format!("{}:{}", place.file(), place.line())).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        clock::{Clock, Seed},
        domain::Call,
        observability::Timeline,
        services::CallPolicy,
    };

    fn cast() -> Cast {
        let cast = Cast::new(Timeline::new(Clock::start()), Seed(0));
        cast.add_bare("Stock").unwrap();
        cast
    }

    /// The results of sequential calls, each with the time it ended.
    async fn results(cast: &Cast, count: usize) -> Vec<(String, Duration)> {
        let mut results = Vec::new();
        for _ in 0..count {
            let call = Call::new("test", CallName::new("Stock", "count"), json!({}));
            let policy = CallPolicy {
                timeout: Some(Duration::from_secs(5)),
                ..CallPolicy::default()
            };
            let result = match cast.client().call(&call, &policy, None).await {
                Ok(reply) => reply.value.to_string(),
                Err(failure) => failure.code.to_string(),
            };
            results.push((result, cast.client().timeline().now()));
        }
        results
    }

    #[tokio::test(start_paused = true)]
    async fn chained_answers_apply_in_order() -> Result<(), ScriptError> {
        let cast = cast();
        cast.script("Stock.count")?
            .takes(Duration::from_secs(1))
            .succeeds(json!(7))
            .fails_times(1, "BUSY")?
            .hangs_times(1)?;
        let seconds = Duration::from_secs;
        let expected = [("BUSY", 1), ("TIMEOUT", 6), ("7", 7)];
        let expected = expected.map(|(result, at)| (result.to_owned(), seconds(at)));
        assert_eq!(results(&cast, 3).await, expected);

        cast.script("Stock.count")?.fails("GONE")?;
        assert_eq!(results(&cast, 1).await, [("GONE".to_owned(), seconds(8))]);
        cast.script("Stock.count")?.hangs();
        assert_eq!(results(&cast, 1).await[0].0, "TIMEOUT");
        cast.is_down("Stock")?;
        assert_eq!(results(&cast, 1).await[0].0, "SERVICE_UNAVAILABLE");
        assert_eq!(cast.faults().unused(), []);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn fault_is_declared_at_its_source_line() -> Result<(), ScriptError> {
        let cast = cast();
        let line = line!() + 1;
        cast.script("Stock.count")?.fails("GONE")?;
        cast.is_down("Stock")?;
        let unused = cast.faults().unused();
        let unused: Vec<_> = unused.iter().map(ToString::to_string).collect();
        let declared = |what, line| format!("{what} (declared at {}:{line})", file!());
        assert_eq!(
            unused,
            [
                declared("Stock.count fails with GONE", line),
                declared("Stock is down", line + 1)
            ]
        );
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn invalid_script_is_refused_and_declares_no_fault() -> Result<(), ScriptError> {
        let cast = cast();
        let refused = |call: &str| cast.script(call).unwrap_err().to_string();
        assert!(refused("Stock").contains("expected \"Service.operation\""));
        assert!(refused("Stok.count").ends_with("did you mean \"Stock\"?"));
        let script = || cast.script("Stock.count");
        let error = script()?.fails("Out of luck").unwrap_err().to_string();
        assert!(error.contains("expected UPPER_SNAKE case"), "{error}");
        assert_eq!(script()?.hangs_times(0).unwrap_err(), ScriptError::Never);
        assert!(script()?.fails_times(0, "BUSY").is_err());
        assert!(cast.is_down("Stok").is_err());
        assert_eq!(cast.faults().unused(), []);
        Ok(())
    }
}
