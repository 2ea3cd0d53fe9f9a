use std::{
    process::ExitCode,
    sync::{Arc, RwLock},
    thread,
};

use async_trait::async_trait;

use super::{
    VARIABLE,
    link::{Link, say, say_failed},
    protocol::{Said, ServiceSketch, Task},
    watched::Watched,
};
use crate::{
    clock::{Clock, Seed},
    domain::Call,
    observability::Timeline,
    orchestration::{Crashes, Orchestrator, Plan, SqliteJournal},
    services::{CallResult, Client, Faults, Policies, Registry, Service},
};

/// Does the work of the orchestrator's process, if this is one; `None` if it is not.
pub(in crate::harness) fn orchestrate_if_asked() -> Option<ExitCode> {
    std::env::var_os(VARIABLE)?;
    Some(match orchestrate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say_failed(&why);
            ExitCode::FAILURE
        }
    })
}

fn orchestrate() -> Result<(), String> {
    let link = Arc::new(Link::new());
    let task = link.task()?;
    let listener = Arc::clone(&link);
    thread::Builder::new()
        .name("answers".to_owned())
        .spawn(move || listener.listen())
        .map_err(|error| format!("no thread can be started: {error}"))?;
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| format!("no runtime for the orchestrator: {error}"))?
        .block_on(run(task, link))
}

async fn run(task: Task, link: Arc<Link>) -> Result<(), String> {
    let timeline = Timeline::new(Clock::start_at(task.at));
    let client = client(task.services, &link, timeline.clone());
    let plan = Plan::new(&task.workflow, client.registry(), &|id| {
        Err(format!("the definition of workflow {id:?} was not sent"))
    });
    let plan = Arc::new(plan.map_err(|failure| failure.to_string())?);
    let journal = SqliteJournal::open(&task.journal).map_err(|error| error.to_string())?;
    let journal = Arc::new(Watched {
        journal,
        workflow: task.workflow,
        link,
    });
    let orchestrator = Orchestrator::new(client, journal, Crashes::new(Faults::default()));
    let at = timeline.now();
    let running = orchestrator
        .begin(&plan, task.input, None)
        .map_err(|error| error.to_string())?;
    say(&Said::Begun {
        run: Arc::clone(running.id()),
        at,
    });
    let outcome = running.outcome().await.map_err(|error| error.to_string())?;
    say(&Said::Ended {
        status: outcome.status,
    });
    Ok(())
}

/// A client that has every call made by the other process, once, however long it takes.
///
/// Timeouts and retries, breakers and bulkheads are the business of the client over there.
fn client(services: Vec<ServiceSketch>, link: &Arc<Link>, timeline: Timeline) -> Arc<Client> {
    let registry = Registry::default();
    for service in services {
        registry.add(StandIn {
            service,
            link: Arc::clone(link),
        });
    }
    Arc::new(Client::new(
        registry,
        Arc::new(RwLock::new(Policies::leaving_alone())),
        Faults::default(),
        timeline,
        Seed(0),
    ))
}

/// A service that lives in the other process.
struct StandIn {
    service: ServiceSketch,
    link: Arc<Link>,
}

#[async_trait]
impl Service for StandIn {
    fn name(&self) -> &str {
        &self.service.name
    }

    fn operations(&self) -> Option<Vec<&str>> {
        let operations = self.service.operations.as_ref()?;
        Some(operations.iter().map(String::as_str).collect())
    }

    async fn call(&self, call: &Call) -> CallResult {
        self.link.call(call).await
    }
}
