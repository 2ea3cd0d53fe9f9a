use serde::{Deserialize, Serialize};

use super::code;

/// What kind of trouble a failure is.
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
    /// Classifies a code by its name alone, never by words in a message.
    ///
    /// Returns the mode and whether the failure is worth a retry. A code that
    /// nobody declared is [`FailureMode::AgentLogic`], not retryable.
    pub fn classify(code: &str) -> (Self, bool) {
        if let Some((_, mode, retryable)) = code::KNOWN.iter().find(|(known, ..)| *known == code) {
            (*mode, *retryable)
        } else if code.ends_with("_NOT_FOUND") {
            (Self::AgentValidation, false)
        } else {
            (Self::AgentLogic, false)
        }
    }

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

    /// Whether trying again can never help.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_classified_by_name_alone() {
        assert_eq!(
            FailureMode::classify("NETWORK_TIMEOUT"),
            (FailureMode::SystemNetwork, true)
        );
        assert_eq!(
            FailureMode::classify("PERSONALITY_NOT_FOUND"),
            (FailureMode::AgentValidation, false)
        );
        assert_eq!(
            FailureMode::classify("NETWORK_TIMEOUT_OF_MINE"),
            (FailureMode::AgentLogic, false)
        );
        assert_eq!(
            FailureMode::classify("WORKFLOW_TIMEOUT"),
            (FailureMode::SystemTimeout, false)
        );
    }

    #[test]
    fn terminal_modes_are_critical_and_never_retryable() {
        for (_, mode, retryable) in code::KNOWN {
            if mode.terminal() {
                assert_eq!(mode.severity(), Severity::Critical);
                assert!(!mode.retryable() && !retryable, "{mode:?}");
            }
        }
        assert_eq!(FailureMode::SystemNetwork.severity(), Severity::High);
        assert_eq!(FailureMode::ResourceApi.severity(), Severity::Medium);
        assert_eq!(FailureMode::AgentLogic.severity(), Severity::Low);
    }
}
