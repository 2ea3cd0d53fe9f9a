use std::{sync::Arc, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::Value;

use super::{
    CommandHead, CompensationHead, ConsistencyEvent, ControlEvent, EventHead, HandlerRuns,
    LetterOwner, RefusedBy, RequestHead, Retried, ServiceName, StepHead, TaskEvent, WaitHead,
};
use crate::domain::{
    BreakerState, CallHead, CallName, Health, Key, RequestStatus, StepStatus, WorkflowStatus,
    shown_duration,
};

/// What can happen, under the names and fields that timeline tables use.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "event",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[expect(
    missing_docs,
    reason = "the names of kinds and fields are the vocabulary; what is not obvious is documented"
)]
pub enum EventKind {
    WorkflowStarted {
        workflow: Arc<str>,
        run: Arc<str>,
        status: WorkflowStatus,
    },
    WorkflowEnded {
        workflow: Arc<str>,
        run: Arc<str>,
        status: WorkflowStatus,
        #[serde(serialize_with = "shown_duration::serialize")]
        took: Duration,
    },
    /// A run continues after a crash or an interruption.
    WorkflowResumed {
        workflow: Arc<str>,
        run: Arc<str>,
        status: WorkflowStatus,
    },
    CancellationRequested {
        workflow: Arc<str>,
        run: Arc<str>,
        status: WorkflowStatus,
    },
    StepStarted {
        run: Arc<str>,
        step: Arc<str>,
        status: StepStatus,
    },
    StepEnded {
        run: Arc<str>,
        step: Arc<str>,
        status: StepStatus,
        #[serde(serialize_with = "shown_duration::serialize")]
        took: Duration,
    },
    /// A step that it depends on failed and is kept.
    StepDeferred {
        run: Arc<str>,
        step: Arc<str>,
        status: StepStatus,
    },
    /// The run ended before the step started.
    StepSkipped {
        run: Arc<str>,
        step: Arc<str>,
        status: StepStatus,
    },
    /// A step begins to wait, or goes on with it after a crash.
    WaitStarted {
        #[serde(flatten)]
        head: Arc<WaitHead>,
    },
    WaitEnded {
        #[serde(flatten)]
        head: Arc<StepHead>,
        #[serde(serialize_with = "shown_duration::serialize")]
        took: Duration,
        /// `ok`, or the failure's code.
        result: Arc<str>,
    },
    CallStarted {
        #[serde(flatten)]
        head: Arc<CallHead>,
        /// Counted from 1, per operation, over the whole scenario.
        execution: u32,
        input: Arc<Value>,
        /// Number of the call that this is an execution of; shared by its retries.
        #[serde(skip)]
        number: u64,
    },
    CallEnded {
        #[serde(flatten)]
        head: Arc<CallHead>,
        execution: u32,
        #[serde(serialize_with = "shown_duration::serialize")]
        took: Duration,
        /// `ok`, or the failure's code.
        result: Arc<str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply: Option<Arc<Value>>,
        /// Number of the call that this is an execution of; shared by its retries.
        #[serde(skip)]
        number: u64,
    },
    CallRefused {
        #[serde(flatten)]
        head: Arc<CallHead>,
        by: RefusedBy,
        code: Arc<str>,
        /// The permission that the user lacks.
        #[serde(skip_serializing_if = "Option::is_none")]
        permission: Option<Arc<str>>,
        /// Number of the call; shared by its retries.
        #[serde(skip)]
        number: u64,
    },
    RetryScheduled {
        #[serde(flatten)]
        of: Retried,
        /// The failed execution, or the last one before a refusal; of a step, its child run.
        execution: u32,
        #[serde(serialize_with = "shown_duration::serialize")]
        delay: Duration,
    },
    BreakerOpened {
        service: ServiceName,
    },
    BreakerHalfOpened {
        service: ServiceName,
    },
    BreakerClosed {
        service: ServiceName,
    },
    HealthChecked {
        service: ServiceName,
        status: Health,
        /// `closed` for a service without a breaker, `unknown` for an unknown one.
        #[serde(serialize_with = "state_or_unknown")]
        breaker: Option<BreakerState>,
    },
    /// A request whose sender waits for the answer.
    RequestSent {
        #[serde(flatten)]
        head: Arc<RequestHead>,
        /// How long an execution may take.
        #[serde(serialize_with = "shown_duration::serialize")]
        timeout: Duration,
    },
    RequestAnswered {
        #[serde(flatten)]
        head: Arc<RequestHead>,
        /// How many executions it took.
        executions: u32,
        #[serde(serialize_with = "shown_duration::serialize")]
        took: Duration,
        /// `ok`, or the failure's code.
        result: Arc<str>,
    },
    /// A request with a later answer.
    RequestAccepted {
        request: Arc<str>,
        call: CallName,
        status: RequestStatus,
    },
    RequestStatusChanged {
        request: Arc<str>,
        status: RequestStatus,
    },
    /// A callback failed, retries included.
    CallbackFailed {
        request: Arc<str>,
        /// The change that it reported.
        status: RequestStatus,
        call: CallName,
        executions: u32,
        code: Arc<str>,
    },
    /// A finished request can no longer be queried.
    RequestForgotten {
        request: Arc<str>,
    },
    CompensationStarted {
        #[serde(flatten)]
        head: Arc<CompensationHead>,
    },
    CompensationEnded {
        #[serde(flatten)]
        head: Arc<CompensationHead>,
        /// `ok`, or the failure's code.
        result: Arc<str>,
    },
    /// What a call changed in a service, also when the caller no longer waits.
    Effect {
        /// Shown as its `service` and its `operation`.
        #[serde(flatten, serialize_with = "in_parts")]
        call: CallName,
        key: Key,
    },
    FaultInjected {
        call: CallName,
        /// `None` for a fault within the service, which does not know the number.
        #[serde(skip_serializing_if = "Option::is_none")]
        execution: Option<u32>,
        fault: Arc<str>,
        #[serde(rename = "declared at")]
        declared_at: Arc<str>,
    },
    /// A program under test was started.
    SystemStarted {
        system: Arc<str>,
    },
    SystemReady {
        system: Arc<str>,
    },
    /// The scenario killed it.
    SystemKilled {
        system: Arc<str>,
    },
    /// It ended by itself, or because it was asked to.
    SystemEnded {
        system: Arc<str>,
        /// Its status, or the signal.
        status: Arc<str>,
    },
    OrchestratorCrashed {},
    OrchestratorRestarted {},
    CommandHandled {
        #[serde(flatten)]
        head: Arc<CommandHead>,
        version: u64,
        /// The types of the events.
        events: Vec<Arc<str>>,
    },
    /// It was handled before, with this result.
    CommandRepeated {
        #[serde(flatten)]
        head: Arc<CommandHead>,
        version: u64,
    },
    /// The aggregate decided against it.
    CommandRefused {
        #[serde(flatten)]
        head: Arc<CommandHead>,
        code: Arc<str>,
    },
    /// No decision could be made, or its events could not be stored.
    CommandFailed {
        #[serde(flatten)]
        head: Arc<CommandHead>,
        code: Arc<str>,
    },
    EventsAppended {
        aggregate: Arc<str>,
        aggregate_id: Arc<str>,
        version: u64,
        /// The types of the events.
        events: Arc<[Arc<str>]>,
    },
    SnapshotTaken {
        aggregate: Arc<str>,
        aggregate_id: Arc<str>,
        version: u64,
    },
    ProjectionAdvanced {
        projection: Arc<str>,
        /// The position of the event that was applied.
        checkpoint: u64,
        /// Its type.
        #[serde(rename = "type")]
        kind: Arc<str>,
        /// Since the event happened.
        #[serde(serialize_with = "shown_duration::serialize")]
        lag: Duration,
    },
    /// An event could not be applied; the checkpoint stays before it.
    ProjectionFailed {
        projection: Arc<str>,
        /// The position of the event.
        position: u64,
        /// Its type.
        #[serde(rename = "type")]
        kind: Arc<str>,
        code: Arc<str>,
        /// How often it failed before.
        retries: u32,
    },
    ProjectionPaused {
        projection: Arc<str>,
        /// The number of recent errors.
        errors: u32,
    },
    ProjectionResumed {
        projection: Arc<str>,
    },
    /// The projection passes over an event that it could not apply.
    EventSetAside {
        projection: Arc<str>,
        /// The position of the event.
        position: u64,
        /// Its type.
        #[serde(rename = "type")]
        kind: Arc<str>,
        /// Why it could not be applied.
        code: Arc<str>,
    },
    /// It was reset and has caught up with the events stored by then.
    ProjectionRebuilt {
        projection: Arc<str>,
        /// How many events were applied.
        events: u64,
        checkpoint: u64,
    },
    /// Stored in the outbox.
    EventStored {
        #[serde(flatten)]
        head: Arc<EventHead>,
    },
    /// The bus accepted it.
    EventPublished {
        #[serde(flatten)]
        head: Arc<EventHead>,
    },
    /// The bus did not accept it; publishing is retried after a delay.
    EventPublicationFailed {
        #[serde(flatten)]
        head: Arc<EventHead>,
        code: Arc<str>,
        #[serde(serialize_with = "shown_duration::serialize")]
        delay: Duration,
    },
    PublisherCrashed {
        outbox: ServiceName,
    },
    PublisherRestarted {
        outbox: ServiceName,
    },
    /// The first subscription to a type of events.
    TopicOpened {
        #[serde(rename = "type")]
        kind: Arc<str>,
    },
    /// The last subscription to a type of events has ended.
    TopicReleased {
        #[serde(rename = "type")]
        kind: Arc<str>,
    },
    SubscriptionPaused {
        subscription: Arc<str>,
    },
    SubscriptionResumed {
        subscription: Arc<str>,
    },
    SubscriptionEnded {
        subscription: Arc<str>,
    },
    /// The process that had called the handler for this event was lost before it acknowledged the event.
    ConsumerLost {
        subscription: Arc<str>,
        #[serde(flatten)]
        head: Arc<EventHead>,
        /// `kept` or `lost`: whether it is still known which events were handled.
        inbox: &'static str,
    },
    EventHandled {
        subscription: Arc<str>,
        #[serde(flatten)]
        head: Arc<EventHead>,
    },
    /// The subscription filters it out.
    EventFiltered {
        subscription: Arc<str>,
        #[serde(flatten)]
        head: Arc<EventHead>,
    },
    /// It waits for an earlier one of its subject, which has not arrived or is a dead letter.
    EventHeldBack {
        subscription: Arc<str>,
        #[serde(flatten)]
        head: Arc<EventHead>,
    },
    /// It arrived again.
    DuplicateDropped {
        subscription: Arc<str>,
        #[serde(flatten)]
        head: Arc<EventHead>,
    },
    /// Its handler failed for good or the bus refused it for good, and the dead letter queue accepted
    /// it.
    EventDeadLettered {
        #[serde(flatten)]
        owner: Arc<LetterOwner>,
        #[serde(flatten)]
        head: Arc<EventHead>,
        code: Arc<str>,
        #[serde(flatten)]
        runs: Box<HandlerRuns>,
    },
    /// The dead letter queue did not accept it; this is retried after a delay.
    DeadLetterFailed {
        #[serde(flatten)]
        owner: Arc<LetterOwner>,
        #[serde(flatten)]
        head: Arc<EventHead>,
        code: Arc<str>,
        #[serde(serialize_with = "shown_duration::serialize")]
        delay: Duration,
    },
    /// A dead letter was delivered or published again; with `ok` it has left the queue.
    EventRedriven {
        #[serde(flatten)]
        owner: Arc<LetterOwner>,
        #[serde(flatten)]
        head: Arc<EventHead>,
        /// `ok`, or the failure's code.
        result: Arc<str>,
    },
    Warning {
        about: Arc<str>,
        message: String,
    },
    Error {
        about: Arc<str>,
        message: String,
    },
    /// An event about the consistency of services; boxed likewise.
    #[serde(untagged)]
    Consistency(Box<ConsistencyEvent>),
    /// What a control plane does; boxed, since it holds more than calls do.
    #[serde(untagged)]
    Control(Box<ControlEvent>),
    /// What a server of tasks does; boxed likewise.
    #[serde(untagged)]
    Tasks(Box<TaskEvent>),
}

fn state_or_unknown<S: Serializer>(
    state: &Option<BreakerState>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.map_or("unknown", BreakerState::as_str))
}

fn in_parts<S: Serializer>(call: &CallName, serializer: S) -> Result<S::Ok, S::Error> {
    let mut parts = serializer.serialize_struct("CallName", 2)?;
    parts.serialize_field("service", call.service())?;
    parts.serialize_field("operation", call.operation())?;
    parts.end()
}
