//! The services that a scenario plays, as the orchestrator reaches them.

use std::collections::HashMap;

use own_orchestrator::{Http, Services};
use rehearsal::{World, harness::Connector, services::UnknownName};

/// Over HTTP, in memory: the client is that of production.
pub fn over_http(world: &mut World) -> Result<impl Services + use<>, UnknownName> {
    let mut connectors: HashMap<&str, Connector> = HashMap::new();
    for service in ["Stock", "Payments", "Carrier"] {
        connectors.insert(service, world.connector("orders", service)?);
    }
    Ok(Http::new(move |service: &str| {
        let connector = connectors[service].clone();
        async move { connector.connect().await }
    }))
}
