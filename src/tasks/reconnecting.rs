use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    connections::{ConnectionStatus, ConnectionView, Connections},
    failures::ToolResult,
    server::Server,
    task::Timestamp,
};
use crate::{clock::Seed, domain::Call, observability::TaskEvent};

/// The input of `reconnect_test`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReconnectTest {
    /// Only the connections of clients that work in this session.
    #[serde(default)]
    pub session_id: Option<String>,
    #[serde(default = "super::input::yes")]
    pub include_buffer_status: bool,
    #[serde(default = "super::input::yes")]
    pub include_reconnection_stats: bool,
}

/// The reply of `reconnect_test`.
#[derive(Clone, Debug, Serialize)]
pub struct ReconnectReport {
    /// Whether every client is connected.
    pub connected: bool,
    /// The connections that were ever lost.
    pub connections: Vec<ConnectionView>,
    pub timestamp: Timestamp,
}

impl Server {
    /// How the connections of clients are.
    pub fn reconnect_test(&self, input: &ReconnectTest) -> ReconnectReport {
        let mut connections = self.connections.views(
            input.include_buffer_status,
            input.include_reconnection_stats,
        );
        if let Some(session) = &input.session_id {
            let current = self.current.lock();
            connections.retain(|own| {
                let of_client = current.get(&own.client);
                of_client.is_some_and(|of_client| *of_client.session_id == **session)
            });
        }
        ReconnectReport {
            connected: connections
                .iter()
                .all(|own| own.status == ConnectionStatus::Active),
            connections,
            timestamp: self.now(),
        }
    }

    /// A client's connection is lost. Returns whether it was not lost before.
    pub(super) fn lose_connection(&self, client: &Arc<str>) -> bool {
        let is_lost = self.connections.lose(client);
        if is_lost {
            self.tell_of_connection(client, ConnectionStatus::Disconnected);
        }
        is_lost
    }

    /// Tries to reconnect to a client as often as the preset `reconnect` says. Returns whether the connection
    /// is restored: then what was buffered is to be replayed.
    pub(super) async fn reconnect(&self, client: &Arc<str>) -> bool {
        for retry in 0..Connections::RETRY.max_retries {
            // Without jitter, no seed matters.
            tokio::time::sleep(Connections::RETRY.delay(retry, Seed(0))).await;
            let status = self.connections.try_again(client);
            self.tell_of_connection(client, status);
            if status == ConnectionStatus::Restored {
                return true;
            }
        }
        false
    }

    /// Keeps a request of a client whose connection is lost, and replies that.
    ///
    /// # Errors
    ///
    /// As for [`Connections::buffer`].
    pub(super) fn buffer(&self, client: &Arc<str>, call: &Call) -> ToolResult<Option<Value>> {
        let Some(position) = self.connections.buffer(client, call)? else {
            return Ok(None);
        };
        self.observe(TaskEvent::RequestBuffered {
            client: Arc::clone(client),
            tool: call.name().operation().into(),
            position,
        });
        Ok(Some(json!({ "status": "buffered", "position": position })))
    }

    /// The next request to be replayed.
    pub(super) fn next_buffered(&self, client: &Arc<str>) -> Option<Call> {
        let next = self.connections.next(client);
        if next.is_none() {
            self.tell_of_connection(client, ConnectionStatus::Active);
        }
        next
    }

    fn tell_of_connection(&self, client: &Arc<str>, status: ConnectionStatus) {
        self.observe(TaskEvent::ConnectionChanged {
            client: Arc::clone(client),
            status: status.as_str(),
        });
    }
}
