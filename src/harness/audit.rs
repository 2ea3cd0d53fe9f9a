use std::path::PathBuf;

use super::World;
use crate::{
    observability::AuditTrail,
    services::{FaultId, FilePath},
};

/// Where the audit trail of a scenario is kept, and how it fails.
#[derive(Default)]
struct Audit {
    file: Option<PathBuf>,
    fault: Option<FaultId>,
}

impl World {
    /// Keeps an audit trail from now on: in memory, or in a file of the scenario's directory.
    ///
    /// # Errors
    ///
    /// If there is one already, the path leads out of the directory, or the file is not an audit trail.
    pub(crate) fn keep_audit_trail(&mut self, file: Option<&str>) -> Result<(), String> {
        if self.timeline().audit_trail().is_some() {
            return Err("the scenario has an audit trail already".to_owned());
        }
        let path = file.map(FilePath::parse).transpose();
        let path = path.map_err(|failure| failure.message)?;
        let directory = path.as_ref().map(|_| self.directory()).transpose();
        let directory = directory.map_err(|error| error.to_string())?;
        self.parts.get::<Audit>().file = directory
            .zip(path)
            .map(|(directory, path)| directory.join(path.as_str()));
        self.open_audit_trail()
    }

    fn open_audit_trail(&mut self) -> Result<(), String> {
        let Audit { file, fault } = self.parts.get::<Audit>();
        let fault = *fault;
        let trail = match file {
            Some(file) => AuditTrail::open(file),
            None => AuditTrail::in_memory(),
        };
        let trail = trail.map_err(|error| crate::domain::with_sources(&error))?;
        self.timeline().set_audit_trail(Some(trail));
        match fault {
            Some(fault) => self.fail_with(fault),
            None => Ok(()),
        }
    }

    /// Opens the audit trail's file again, as a new process does.
    ///
    /// # Errors
    ///
    /// If there is no audit trail, it is in memory, or the file is no longer an audit trail.
    pub(crate) fn reopen_audit_trail(&mut self) -> Result<(), String> {
        // Dropped here, since the file can be opened again only once it is closed.
        self.audit_trail()?;
        if self.parts.get::<Audit>().file.is_none() {
            return Err("the audit trail is in memory and cannot be reopened".to_owned());
        }
        self.timeline().set_audit_trail(None);
        self.open_audit_trail()
    }

    /// Fails each entry from now on.
    ///
    /// # Errors
    ///
    /// If there is no audit trail.
    pub(crate) fn fail_audit_trail(&mut self) -> Result<(), String> {
        self.audit_trail()?;
        let here = self.here();
        let faults = self.cast().faults();
        let fault = faults.declare("the audit trail cannot be written", here);
        let former = self.parts.get::<Audit>().fault.replace(fault);
        if let Some(former) = former {
            self.cast().faults().withdraw(former);
        }
        self.fail_with(fault)
    }

    fn fail_with(&mut self, fault: FaultId) -> Result<(), String> {
        let faults = self.cast().faults().clone();
        self.audit_trail()?.fail(move || {
            faults.hit(fault);
        });
        Ok(())
    }

    /// The audit trail.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(crate) fn audit_trail(&self) -> Result<AuditTrail, String> {
        self.timeline().audit_trail().ok_or_else(|| {
            "the scenario has no audit trail: say `an audit trail` or `the audit trail is kept in \
             \"audit.db\"` before"
                .to_owned()
        })
    }
}
