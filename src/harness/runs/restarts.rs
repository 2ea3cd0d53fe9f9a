use std::sync::Arc;

use futures::{StreamExt as _, stream::FuturesUnordered};

use super::{LastRun, RunProgress, Runs};
use crate::{
    observability::{EventKind, WaitHead},
    services::Client,
};

impl Runs {
    /// Kills the orchestrator's process.
    ///
    /// # Errors
    ///
    /// If it is dead already.
    pub fn crash_now(&mut self) -> Result<(), String> {
        if !self.orchestrator().is_alive() {
            return Err("the orchestrator has crashed already".to_owned());
        }
        self.orchestrator().kill();
        let crashed = EventKind::OrchestratorCrashed {};
        self.client.timeline().record(crashed);
        Ok(())
    }

    /// A new orchestrator on the same journal takes up unfinished runs, until each has ended or waits for
    /// an event.
    ///
    /// # Errors
    ///
    /// If nothing was run, or the journal cannot be read.
    pub async fn restart(&mut self, client: Arc<Client>) -> Result<(), String> {
        self.orchestrator().kill();
        self.collect_started();
        let mut ended = Vec::new();
        for run in self.last.drain(..) {
            match run.progress {
                // Its result no longer matters, only that it has closed the journal.
                RunProgress::Running(task) => drop(task.await),
                RunProgress::Ended(_) => ended.push(run),
            }
        }
        self.client = client;
        self.open_journal().map_err(|error| error.to_string())?;
        let unfinished = self.orchestrator().restart();
        #[cfg_attr(not(feature = "control"), expect(unused_mut))]
        let mut unfinished = unfinished.map_err(|error| error.to_string())?;
        #[cfg(feature = "control")]
        for goal in self.open_goals() {
            if !unfinished.contains(&goal) {
                unfinished.push(goal);
            }
        }
        let unfinished = unfinished.into_iter();
        self.last = unfinished.map(|id| self.take_up(id)).collect();
        for starter in &self.starters {
            starter.catch_up();
        }
        self.wait_for_events().await?;
        if self.last.is_empty() {
            // Nothing was taken up, and what is known of the last runs has not changed.
            self.last = ended;
        }
        match self.last.is_empty() && self.starters.is_empty() && self.of_goal.is_none() {
            true => Err("no workflow was run, so none can be taken up".to_owned()),
            false => Ok(()),
        }
    }

    /// Takes up a run, or the goal that it is for.
    fn take_up(&self, id: Arc<str>) -> LastRun {
        let (orchestrator, run) = (self.orchestrator(), Arc::clone(&id));
        #[cfg(feature = "control")]
        let coordinator = self.coordinator.clone();
        let finished = async move {
            #[cfg(feature = "control")]
            if let Some(coordinator) = coordinator.filter(|it| it.is_open(&run)) {
                return coordinator.take_up(&run).await;
            }
            orchestrator.finish(&run).await
        };
        LastRun::started(id, finished)
    }

    /// Waits until each of the last runs has ended or waits for an event.
    async fn wait_for_events(&mut self) -> Result<(), String> {
        loop {
            let orchestrator = self.orchestrator();
            let next_wait = orchestrator.next_wait();
            let open = FuturesUnordered::new();
            for run in &mut self.last {
                if !matches!(run.progress, RunProgress::Running(_)) {
                    continue;
                }
                let paused = run.id.as_deref().map(|id| orchestrator.paused(id));
                let paused = paused.transpose().map_err(|error| error.to_string())?;
                let waits = paused.flatten().unwrap_or_default();
                let now = self.client.timeline().now();
                let is_open = |wait: &WaitHead| wait.until.is_none_or(|until| until > now);
                if !waits
                    .iter()
                    .any(|wait| wait.event.is_some() && is_open(wait))
                {
                    open.push(run.end());
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            let mut open = open;
            tokio::select! {
                biased;
                ended = open.next() => ended.transpose()?,
                () = next_wait => None,
            };
        }
    }
}
