use std::{
    collections::VecDeque,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use serde_json::Value;
use tokio::sync::{Notify, futures::OwnedNotified};

use super::{Answer, Executions, FaultId, KeyRules, Reachability, Response, wire::Wire};
use crate::domain::{HashMap, IndexMap, Key, Locked};

/// How one service can be reached and answers, execution by execution.
///
/// Executions are counted per operation over the whole scenario.
#[derive(Debug, Default)]
pub struct Script {
    state: Locked<ServiceScript>,
    /// Signals that the service comes back, or that a partition heals; made where somebody waits for it.
    returned: Locked<Option<Arc<Notify>>>,
}

#[derive(Debug, Default)]
struct ServiceScript {
    down: Option<Down>,
    slowed_by: Duration,
    wire: Wire,
    key_rules: KeyRules,
    operations: IndexMap<Arc<str>, Operation>,
}

#[derive(Debug)]
struct Down {
    until: Option<Duration>,
    fault: FaultId,
}

impl Down {
    fn lasts_at(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

#[derive(Debug, Default)]
struct Operation {
    executions: u32,
    takes: Option<Duration>,
    reply: Option<Arc<Value>>,
    /// Answers for a number of executions each, in order.
    queue: VecDeque<(u32, Scripted)>,
    /// By number of the execution; used once the queue is empty.
    rows: Vec<(Executions, Scripted)>,
    /// For every execution that neither of them covers.
    always: Option<Scripted>,
    /// Scripted replies already given, so that a repetition gets the same.
    given: HashMap<Key, Arc<Value>>,
}

#[derive(Clone, Debug)]
struct Scripted {
    answer: Answer,
    fault: Option<FaultId>,
}

/// What a script says about one execution.
#[derive(Debug)]
pub(super) struct ScriptedExecution {
    /// Its number.
    pub execution: u32,
    /// How long it takes.
    pub latency: Duration,
    /// The scripted response.
    pub response: Response,
    /// The reply in place of the service's own, where the response has one.
    pub reply: Option<Arc<Value>>,
    /// What happens to the request.
    pub transit: Transit,
    /// The fault that it hits when it starts.
    pub fault: Option<FaultId>,
    /// The row of the script that it reaches, unless that is a fault.
    pub reached: Option<FaultId>,
    /// The fault that it hits if there is a reply.
    pub reply_corrupted: Option<FaultId>,
    /// Whether payloads carry checksums.
    pub checked: bool,
}

/// What happens to a request on its way to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transit {
    /// It arrives as it was sent.
    Clear,
    /// It never arrives.
    Lost,
    /// The whole service is down, which fails the call immediately.
    Down,
    /// It arrives corrupted.
    Corrupted,
}

impl Script {
    /// Every execution of the operation takes this long.
    pub fn takes(&self, operation: &str, latency: Duration) {
        self.with(operation, |script| script.takes = Some(latency));
    }

    /// Every execution of the operation gets this reply.
    pub fn replies(&self, operation: &str, reply: Arc<Value>) {
        self.with(operation, |script| script.reply = Some(reply));
    }

    /// Every execution without another scripted response gets this one; returns the fault that it
    /// replaces.
    pub fn always(&self, operation: &str, response: Response, fault: FaultId) -> Option<FaultId> {
        let scripted = Scripted {
            answer: response.into(),
            fault: Some(fault),
        };
        let mut state = self.lock();
        let former = entry(&mut state.operations, operation)
            .always
            .replace(scripted);
        former.and_then(|former| former.fault)
    }

    /// The next `count` executions, after those already scripted, get this response.
    pub fn times(&self, operation: &str, count: u32, response: Response, fault: FaultId) {
        let answer = Scripted {
            answer: response.into(),
            fault: Some(fault),
        };
        self.with(operation, |script| script.queue.push_back((count, answer)));
    }

    /// Answers by number of the execution, in place of all earlier answers; returns the faults that
    /// they would have hit.
    pub fn answers(
        &self,
        operation: &str,
        rows: impl IntoIterator<Item = (Executions, Answer, Option<FaultId>)>,
    ) -> Vec<FaultId> {
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(executions, answer, fault)| (executions, Scripted { answer, fault }))
            .collect();
        if rows
            .iter()
            .any(|(_, row)| row.answer.response == Response::Corrupt)
        {
            self.lock().wire.checked = true;
        }
        let mut state = self.lock();
        let script = entry(&mut state.operations, operation);
        let queue = script.queue.drain(..).map(|(_, scripted)| scripted);
        let always = script.always.take();
        let former_rows = std::mem::replace(&mut script.rows, rows);
        let replaced = queue
            .chain(always)
            .chain(former_rows.into_iter().map(|(_, scripted)| scripted));
        replaced.filter_map(|scripted| scripted.fault).collect()
    }

    /// Takes the service down, until an offset or until it is brought back; returns the fault that
    /// it replaces.
    pub fn take_down(&self, until: Option<Duration>, fault: FaultId) -> Option<FaultId> {
        let former = self.lock().down.replace(Down { until, fault });
        former.map(|former| former.fault)
    }

    /// Brings the service back; returns whether it was down.
    pub fn bring_back(&self) -> bool {
        let was_down = self.lock().down.take().is_some();
        self.notify_returned();
        was_down
    }

    /// How the service treats the keys of its calls, and so whether a repetition gets the first reply.
    pub(crate) fn set_key_rules(&self, rules: KeyRules) {
        self.lock().key_rules = rules;
    }

    /// Every call to the service takes this much longer.
    pub fn slow_down(&self, more: Duration) {
        self.lock().slowed_by = more;
    }

    /// Loses the requests of a caller, until an offset or until the partition heals.
    pub fn partition(&self, caller: &str, until: Option<Duration>, fault: FaultId) {
        self.lock().wire.partition(caller, until, fault);
    }

    /// Delivers the requests of a caller again; returns whether they were still lost at `now`.
    pub fn heal(&self, caller: &str, now: Duration) -> bool {
        let healed = self.lock().wire.heal(caller, now);
        self.notify_returned();
        healed
    }

    fn notify_returned(&self) {
        if let Some(returned) = &*self.returned.lock() {
            returned.notify_waiters();
        }
    }

    /// Waits until the service comes back, or a partition between it and somebody heals.
    pub(super) fn next_return(&self) -> OwnedNotified {
        let mut returned = self.returned.lock();
        Arc::clone(returned.get_or_insert_default()).notified_owned()
    }

    /// Whether the requests of a caller reach the service.
    pub(super) fn reachability(&self, caller: &str, now: Duration) -> Reachability {
        let state = self.lock();
        let down = state.down.as_ref().filter(|down| down.lasts_at(now));
        let partitioned = state.wire.partitioned_until(caller, now);
        Reachability::of(down.map(|down| down.until).into_iter().chain(partitioned))
    }

    /// Corrupts every request to the service on its way.
    pub fn corrupt_requests(&self, fault: FaultId) {
        let wire = &mut self.lock().wire;
        wire.requests_corrupted = Some(fault);
        wire.checked = true;
    }

    /// Corrupts every reply of the service after its checksum was computed.
    pub fn corrupt_replies(&self, fault: FaultId) {
        let wire = &mut self.lock().wire;
        wire.replies_corrupted = Some(fault);
        wire.checked = true;
    }

    /// How long an execution of the operation takes unless a row of the script says otherwise;
    /// `latency` is the service's own.
    pub(super) fn usual_latency(&self, operation: &str, latency: Duration) -> Duration {
        let state = self.lock();
        let scripted = state.operations.get(operation);
        let takes = scripted.and_then(|script| script.takes);
        takes.unwrap_or(latency) + state.slowed_by
    }

    /// Counts an execution that starts now, and returns how it goes.
    pub(super) fn next(
        &self,
        operation: &str,
        caller: &str,
        now: Duration,
        latency: Duration,
    ) -> ScriptedExecution {
        let mut state = self.lock();
        let slowed_by = state.slowed_by;
        let checked = state.wire.checked;
        let replies_corrupted = state.wire.replies_corrupted;
        let down = state
            .down
            .as_ref()
            .filter(|down| down.lasts_at(now))
            .map(|down| (Transit::Down, down.fault));
        let lost = state.wire.partitioned(caller, now);
        let corrupted = state.wire.requests_corrupted;
        // A lost request never meets a service that is down, and that one reads no corrupted request.
        let hit = lost
            .map(|fault| (Transit::Lost, fault))
            .or(down)
            .or_else(|| corrupted.map(|fault| (Transit::Corrupted, fault)));
        let script = entry(&mut state.operations, operation);
        script.executions += 1;
        let execution = script.executions;
        if let Some((transit, fault)) = hit {
            return ScriptedExecution {
                execution,
                latency: Duration::ZERO,
                response: Response::Normal,
                reply: None,
                transit,
                fault: Some(fault),
                reached: None,
                reply_corrupted: None,
                checked,
            };
        }
        let scripted = script.scripted(execution);
        let (answer, fault) = match scripted {
            Some(scripted) => (scripted.answer, scripted.fault),
            None => (Response::Normal.into(), None),
        };
        let (fault, reply_corrupted, reached) = match &answer.response {
            Response::Corrupt => (None, fault, None),
            response if response.is_fault() => (fault, replies_corrupted, None),
            _ => (None, replies_corrupted, fault),
        };
        let (response, reply) = match answer.response {
            Response::Reply(reply) => (Response::Normal, Some(reply)),
            response => (response, script.reply.clone()),
        };
        ScriptedExecution {
            execution,
            latency: answer.after.or(script.takes).unwrap_or(latency) + slowed_by,
            response,
            reply,
            transit: Transit::Clear,
            fault,
            reached,
            checked: checked || reply_corrupted.is_some(),
            reply_corrupted,
        }
    }

    /// The scripted reply to a call; a repetition of its key gets the first one again.
    pub(super) fn reply_once(
        &self,
        operation: &str,
        key: Option<&Key>,
        reply: Arc<Value>,
    ) -> Arc<Value> {
        let Some(key) = key.filter(|key| !key.subject().is_missing()) else {
            return reply;
        };
        let mut state = self.lock();
        if !state.key_rules.is_idempotent(operation) || state.key_rules.keys.is_some() {
            return reply;
        }
        let given = &mut entry(&mut state.operations, operation).given;
        Arc::clone(given.entry(key.clone()).or_insert(reply))
    }

    /// An operation with a scripted answer that was never executed.
    pub(super) fn unused(&self) -> Option<Arc<str>> {
        let state = self.lock();
        let mut operations = state.operations.iter();
        let unused = operations.find(|(_, own)| own.executions == 0 && own.is_scripted());
        unused.map(|(operation, _)| Arc::clone(operation))
    }

    /// Something has named the operation.
    pub(super) fn name(&self, operation: &str) {
        self.with(operation, |_| {});
    }

    /// The operations that something has named, scripted or executed, in the order of the first time.
    pub(super) fn named(&self) -> Vec<Arc<str>> {
        self.lock().operations.keys().cloned().collect()
    }

    fn with(&self, operation: &str, change: impl FnOnce(&mut Operation)) {
        change(entry(&mut self.lock().operations, operation));
    }

    fn lock(&self) -> MutexGuard<'_, ServiceScript> {
        self.state.lock()
    }
}

impl Operation {
    fn is_scripted(&self) -> bool {
        self.takes.is_some()
            || self.reply.is_some()
            || self.always.is_some()
            || !self.queue.is_empty()
            || !self.rows.is_empty()
    }

    fn scripted(&mut self, execution: u32) -> Option<Scripted> {
        while let Some((left, scripted)) = self.queue.front_mut() {
            if *left > 0 {
                *left -= 1;
                return Some(scripted.clone());
            }
            self.queue.pop_front();
        }
        self.rows
            .iter()
            .find(|(executions, _)| executions.contains(execution))
            .map(|(_, scripted)| scripted)
            .or(self.always.as_ref())
            .cloned()
    }
}

fn entry<'a>(operations: &'a mut IndexMap<Arc<str>, Operation>, name: &str) -> &'a mut Operation {
    // By index, so that the name is allocated once and not at every call.
    let index = match operations.get_index_of(name) {
        Some(index) => index,
        None => operations.insert_full(name.into(), Operation::default()).0,
    };
    &mut operations[index]
}

#[cfg(test)]
mod tests;
