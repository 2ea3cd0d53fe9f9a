use serde::{Deserialize, Serialize};

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum FailureMode {
    AgentValidation,
    AgentTimeout,
    AgentLogic,
    AgentContract,
    AgentState,
    SystemNetwork,
    SystemTimeout,
    SystemCrash,
    SystemOom,
    SystemDisk,
    ResourceTool,
    ResourceApi,
    ResourceMemory,
    ResourceQuota,
    ResourceCircuit,
    PolicySecurity,
    PolicyBudget,
    PolicyAllowlist,
    PolicyRateLimit,
    UserInvalidInput,
    UserCancelled,
    UserPermission,
    PartialToolFailures,
    PartialStepFailures,
    PartialTimeout,
}

/// The part of a system that a failure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum Category {
    Agent,
    System,
    Resource,
    Policy,
    User,
}

/// How bad a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl FailureMode {
    /// The part of the system it comes from; a partial failure is an agent's.
    pub fn category(self) -> Category {
        use FailureMode as M;
        match self {
            M::AgentValidation
            | M::AgentTimeout
            | M::AgentLogic
            | M::AgentContract
            | M::AgentState
            | M::PartialToolFailures
            | M::PartialStepFailures
            | M::PartialTimeout => Category::Agent,
            M::SystemNetwork | M::SystemTimeout | M::SystemCrash | M::SystemOom | M::SystemDisk => {
                Category::System
            }
            M::ResourceTool
            | M::ResourceApi
            | M::ResourceMemory
            | M::ResourceQuota
            | M::ResourceCircuit => Category::Resource,
            M::PolicySecurity | M::PolicyBudget | M::PolicyAllowlist | M::PolicyRateLimit => {
                Category::Policy
            }
            M::UserInvalidInput | M::UserCancelled | M::UserPermission => Category::User,
        }
    }

    /// Whether a failure of a declared code that does not say itself is worth a retry.
    pub fn retryable(self) -> bool {
        use FailureMode as M;
        matches!(
            self,
            M::SystemNetwork
                | M::SystemTimeout
                | M::ResourceTool
                | M::ResourceApi
                | M::ResourceCircuit
                | M::PolicyRateLimit
                | M::AgentTimeout
                | M::PartialToolFailures
                | M::PartialStepFailures
                | M::PartialTimeout
        )
    }

    /// Whether a retry can never help.
    pub fn terminal(self) -> bool {
        use FailureMode as M;
        matches!(
            self,
            M::PolicySecurity
                | M::PolicyBudget
                | M::PolicyAllowlist
                | M::SystemCrash
                | M::SystemOom
                | M::UserCancelled
                | M::AgentContract
        )
    }

    /// How bad it is: terminal modes are critical, then by category.
    pub fn severity(self) -> Severity {
        match (self.terminal(), self.category()) {
            (true, _) => Severity::Critical,
            (_, Category::System) => Severity::High,
            (_, Category::Resource | Category::Policy) => Severity::Medium,
            (_, Category::Agent | Category::User) => Severity::Low,
        }
    }
}
