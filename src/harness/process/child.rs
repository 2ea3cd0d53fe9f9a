use std::{process::ExitCode, sync::Arc, thread};

use async_trait::async_trait;

use super::{
    VARIABLE,
    link::{Link, send, send_failure},
    protocol::{ChildMessage, RunRequest, ServiceSignature},
};
use crate::{
    clock::Clock,
    domain::Call,
    observability::Timeline,
    orchestration::{
        CrashPoint, Crashes, Journal, JournalEntry, JournalError, Orchestrator, Plan,
        SqliteJournal, Workflow,
    },
    services::{CallResult, Client, Faults, Policies, Registry, Service},
};

/// Runs the orchestrator, if this process was started for it; else `None`.
pub(in crate::harness) fn orchestrate_if_asked() -> Option<ExitCode> {
    std::env::var_os(VARIABLE)?;
    Some(match orchestrate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            send_failure(&why);
            ExitCode::FAILURE
        }
    })
}

fn orchestrate() -> Result<(), String> {
    let link = Arc::new(Link::new());
    let request = link.request()?;
    let listener = Arc::clone(&link);
    thread::Builder::new()
        .name("answers".to_owned())
        .spawn(move || listener.listen())
        .map_err(|error| format!("no thread can be started: {error}"))?;
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| format!("no runtime for the orchestrator: {error}"))?
        .block_on(run(request, link))
}

async fn run(request: RunRequest, link: Arc<Link>) -> Result<(), String> {
    let timeline = Timeline::new(Clock::start_at(request.at));
    let client = client(request.services, &link, timeline.clone());
    let plan = Plan::new(&request.workflow, client.registry(), &|id| {
        Err(format!("the definition of workflow {id:?} was not sent"))
    });
    let plan = Arc::new(plan.map_err(|failure| failure.to_string())?);
    let journal = SqliteJournal::open(&request.journal).map_err(|error| error.to_string())?;
    let journal = Arc::new(PausingJournal {
        journal,
        workflow: request.workflow,
        link,
    });
    let orchestrator = Orchestrator::new(client, journal, Crashes::new(Faults::default()));
    let at = timeline.now();
    let run = orchestrator
        .on_behalf_of(request.security)
        .begin(&plan, request.input, None)
        .map_err(|error| error.to_string())?;
    send(&ChildMessage::Begun {
        run: Arc::clone(run.id()),
        at,
    });
    let outcome = run.outcome().await.map_err(|error| error.to_string())?;
    send(&ChildMessage::Ended {
        status: outcome.status,
    });
    Ok(())
}

/// A client that asks the parent to make each call, once, without a timeout.
///
/// Timeouts, retries, breakers and bulkheads are those of the parent's client.
fn client(services: Vec<ServiceSignature>, link: &Arc<Link>, timeline: Timeline) -> Arc<Client> {
    let registry = Registry::default();
    for service in services {
        registry.add(RemoteService {
            service,
            link: Arc::clone(link),
        });
    }
    let client = Client::new(registry, Faults::default(), timeline);
    *client.policies() = Policies::passthrough();
    Arc::new(client)
}

/// A service in the parent process.
struct RemoteService {
    service: ServiceSignature,
    link: Arc<Link>,
}

#[async_trait]
impl Service for RemoteService {
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

/// A journal that pauses the process before a step's start is written and after its end is.
struct PausingJournal {
    journal: SqliteJournal,
    workflow: Arc<Workflow>,
    link: Arc<Link>,
}

impl PausingJournal {
    fn pause_at(&self, run: &str, point: CrashPoint, step: usize) {
        // The steps of a child run are not those of the workflow.
        let is_child_run = run.contains('/');
        if let (false, Some(step)) = (is_child_run, self.workflow.steps.get(step)) {
            self.link.pause_at(&ChildMessage::Reached {
                point,
                step: step.id.clone(),
            });
        }
    }
}

impl Journal for PausingJournal {
    fn begin(&self, run: &Arc<str>, started: JournalEntry) -> Result<(), JournalError> {
        self.journal.begin(run, started)
    }

    fn append(&self, run: &Arc<str>, entry: &JournalEntry) -> Result<(), JournalError> {
        if let JournalEntry::StepStarted { step, .. } = entry {
            self.pause_at(run, CrashPoint::Before, *step);
        }
        self.journal.append(run, entry)?;
        if let JournalEntry::StepCompleted { step, .. } | JournalEntry::StepFailed { step, .. } =
            entry
        {
            self.pause_at(run, CrashPoint::After, *step);
        }
        Ok(())
    }

    fn read(&self, run: &str) -> Result<Option<Vec<JournalEntry>>, JournalError> {
        self.journal.read(run)
    }

    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError> {
        self.journal.unfinished()
    }
}
