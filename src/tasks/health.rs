use serde::{Deserialize, Serialize};

use super::{failures::ToolResult, server::Server, status::TaskStatus, task::Timestamp};

/// The input of `health_check`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    #[serde(default = "super::input::yes")]
    pub include_reboot_readiness: bool,
    #[serde(default = "super::input::yes")]
    pub include_connection_status: bool,
    #[serde(default = "super::input::yes")]
    pub include_database_status: bool,
}

/// The reply of `health_check`.
#[derive(Clone, Debug, Serialize)]
pub struct HealthReport {
    pub healthy: bool,
    pub server_version: &'static str,
    pub checks: Checks,
    pub timestamp: Timestamp,
}

/// What was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Checks {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reboot_readiness: Option<Readiness>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseHealth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<ConnectionHealth>,
}

/// Whether the server can restart.
#[derive(Clone, Debug, Serialize)]
pub struct Readiness {
    pub ready: bool,
    pub issues: Vec<String>,
    pub maintenance_mode: bool,
}

/// Whether the store can be used.
#[derive(Clone, Debug, Serialize)]
pub struct DatabaseHealth {
    pub connected: bool,
    pub status: String,
}

/// The clients that work in sessions.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionHealth {
    pub active_connections: usize,
    pub status: &'static str,
}

/// The input of `shutdown_prepare`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShutdownPrepare {
    #[serde(default = "super::input::yes")]
    pub check_active_tasks: bool,
    #[serde(default = "super::input::yes")]
    pub check_database_state: bool,
    #[serde(default = "super::input::yes")]
    pub check_client_connections: bool,
}

/// The reply of `shutdown_prepare`.
#[derive(Clone, Debug, Serialize)]
pub struct ShutdownReadiness {
    pub ready: bool,
    pub issues: Vec<String>,
    /// The tasks that would be suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_tasks: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseHealth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<ConnectionHealth>,
    pub timestamp: Timestamp,
}

impl Server {
    /// How the server is. It answers also where the store cannot.
    pub fn health_check(&self, input: &HealthCheck) -> HealthReport {
        let database = self.database_health();
        let readiness = self.readiness();
        HealthReport {
            healthy: database.connected && !readiness.maintenance_mode,
            server_version: env!("CARGO_PKG_VERSION"),
            checks: Checks {
                reboot_readiness: input.include_reboot_readiness.then_some(readiness),
                database: input.include_database_status.then_some(database),
                connections: input
                    .include_connection_status
                    .then(|| self.connection_health()),
            },
            timestamp: self.now(),
        }
    }

    /// Whether the server can shut down, and what that would interrupt.
    ///
    /// # Errors
    ///
    /// `DATABASE_ERROR` if the tasks are to be looked at and cannot.
    pub fn shutdown_prepare(&self, input: &ShutdownPrepare) -> ToolResult<ShutdownReadiness> {
        let mut issues = self.readiness().issues;
        let database = self.database_health();
        if input.check_database_state && !database.connected {
            issues.push(database.status.clone());
        }
        let active = match input.check_active_tasks && database.connected {
            false => None,
            true => {
                let open = self.transact(|work| work.tables.unfinished())?;
                let active = open
                    .iter()
                    .filter(|task| task.status == TaskStatus::InProgress);
                Some(active.count())
            }
        };
        Ok(ShutdownReadiness {
            ready: issues.is_empty(),
            issues,
            active_tasks: active,
            database: input.check_database_state.then_some(database),
            connections: input
                .check_client_connections
                .then(|| self.connection_health()),
            timestamp: self.now(),
        })
    }

    fn readiness(&self) -> Readiness {
        let maintenance_mode = self.lifecycle.lock().running.is_some();
        let mut issues = Vec::new();
        if maintenance_mode {
            issues.push("a restart is under way".to_owned());
        }
        if !self.store.has_file() {
            issues.push("the tasks are in memory, which no restart leaves".to_owned());
        }
        Readiness {
            ready: issues.is_empty(),
            issues,
            maintenance_mode,
        }
    }

    fn database_health(&self) -> DatabaseHealth {
        match self.store.check() {
            Ok(()) => DatabaseHealth {
                connected: true,
                status: "operational".to_owned(),
            },
            Err(failure) => DatabaseHealth {
                connected: false,
                status: failure.message,
            },
        }
    }

    fn connection_health(&self) -> ConnectionHealth {
        ConnectionHealth {
            active_connections: self.current.lock().len(),
            status: "operational",
        }
    }
}
