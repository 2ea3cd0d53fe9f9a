//! The names that inputs may give.

use serde::{Deserialize, Serialize};

/// An enum whose variants have names; the first is the default.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident { $first:ident = $first_text:literal, $($(#[$own:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
        pub enum $name {
            #[default]
            #[serde(rename = $first_text)]
            $first,
            $($(#[$own])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Its name in inputs, replies and the store.
            pub fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_text,
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

names! {
    /// What kind of work a task is.
    TaskType {
        Standard = "standard",
        Breakdown = "breakdown",
        Milestone = "milestone",
        Review = "review",
        Approval = "approval",
        Research = "research",
        Implementation = "implementation",
        Testing = "testing",
        Documentation = "documentation",
        Deployment = "deployment",
        Custom = "custom",
    }
}

names! {
    /// How much there is to a task.
    Complexity {
        Moderate = "moderate",
        Trivial = "trivial",
        Simple = "simple",
        Complex = "complex",
        VeryComplex = "very_complex",
    }
}

names! {
    /// Whose work a task is.
    Specialist {
        Generic = "generic",
        Analyst = "analyst",
        Coder = "coder",
        Tester = "tester",
        Documenter = "documenter",
        Reviewer = "reviewer",
        Architect = "architect",
        Devops = "devops",
        Researcher = "researcher",
        Coordinator = "coordinator",
    }
}

/// How urgent a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
    Critical,
}

/// What an artifact holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArtifactType {
    #[default]
    General,
    Code,
    Documentation,
    Analysis,
    Design,
    Test,
    Config,
}

names! {
    /// Why a task waits for another.
    DependencyType {
        Completion = "completion",
        Data = "data",
        Approval = "approval",
        Prerequisite = "prerequisite",
        /// The other waits for this one.
        Blocks = "blocks",
        /// Neither waits.
        Related = "related",
    }
}

names! {
    /// Whether what a task depends on is there.
    DependencyStatus {
        Pending = "pending",
        Satisfied = "satisfied",
        Failed = "failed",
        Waived = "waived",
    }
}

impl DependencyStatus {
    /// Whether the task that depends on it can begin.
    pub fn is_met(self) -> bool {
        matches!(self, Self::Satisfied | Self::Waived)
    }
}

/// What becomes of a task after some work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NextAction {
    Complete,
    Continue,
    NeedsRevision,
    Blocked,
}

/// Which sessions are removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CleanupType {
    /// Those whose tasks have all ended, some time ago.
    #[default]
    Completed,
    /// Those that nobody works in and nothing was planned in, and corrupted ones.
    Orphaned,
    Old,
    All,
}

/// Why a server restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RestartReason {
    #[default]
    ManualRequest,
    ConfigurationUpdate,
    SchemaMigration,
    ErrorRecovery,
    EmergencyShutdown,
}

/// What maintenance is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceAction {
    ScanCleanup,
    ValidateStructure,
    UpdateDocumentation,
    PrepareHandover,
}

/// Which tasks maintenance is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceScope {
    #[default]
    FullProject,
    CurrentSession,
    SpecificSubtask,
}

/// How much is validated: each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ValidationLevel {
    /// What tasks refer to exists.
    #[default]
    Basic,
    /// And so do the files of their artifacts.
    Comprehensive,
    /// And they are of the size that was written.
    FullAudit,
}
