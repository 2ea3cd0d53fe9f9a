use serde::{Deserialize, Serialize};

/// A stage in the life of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleStage {
    /// The goal was accepted.
    Initialize,
    /// What is to be done is planned.
    Plan,
    /// Who does it is chosen.
    Route,
    /// The plan's steps run.
    Execute,
    /// Their results are put together.
    Aggregate,
    /// The goal was reached.
    Complete,
    /// The goal was not reached; a partial result may be resumed.
    Failed,
    /// The goal was given up, by request or because an approval was denied.
    Cancelled,
}

impl LifecycleStage {
    /// Every stage.
    pub const ALL: [Self; 8] = [
        Self::Initialize,
        Self::Plan,
        Self::Route,
        Self::Execute,
        Self::Aggregate,
        Self::Complete,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The name that outcomes and events show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Plan => "plan",
            Self::Route => "route",
            Self::Execute => "execute",
            Self::Aggregate => "aggregate",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a goal's life ends with it, unless it is resumed.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Complete | Self::Failed | Self::Cancelled)
    }

    /// The table of transitions: the stages in order, execution as often as it is repeated, and an end
    /// from each. A goal that failed with a partial result is executed again when it is resumed, by another
    /// worker where its own is gone; where nobody is left it fails again.
    pub fn can_become(self, next: Self) -> bool {
        use LifecycleStage as S;
        matches!(
            (self, next),
            (S::Initialize, S::Plan)
                | (S::Plan, S::Route)
                | (S::Route, S::Execute)
                | (S::Failed, S::Route | S::Execute | S::Failed)
                | (S::Execute, S::Execute | S::Aggregate)
                | (S::Aggregate, S::Complete)
                | (
                    S::Initialize | S::Plan | S::Route | S::Execute | S::Aggregate,
                    S::Failed | S::Cancelled
                )
        )
    }
}

#[cfg(test)]
mod tests {
    use super::LifecycleStage::{self, *};

    #[test]
    fn lifecycle_transitions_match_the_table() {
        let allowed = [
            (Initialize, Plan),
            (Plan, Route),
            (Route, Execute),
            (Execute, Execute),
            (Execute, Aggregate),
            (Aggregate, Complete),
            (Initialize, Failed),
            (Plan, Failed),
            (Route, Failed),
            (Execute, Failed),
            (Aggregate, Failed),
            (Initialize, Cancelled),
            (Plan, Cancelled),
            (Route, Cancelled),
            (Execute, Cancelled),
            (Aggregate, Cancelled),
            (Failed, Route),
            (Failed, Execute),
            (Failed, Failed),
        ];
        for from in LifecycleStage::ALL {
            for to in LifecycleStage::ALL {
                let is_allowed = allowed.contains(&(from, to));
                assert_eq!(from.can_become(to), is_allowed, "{from:?} -> {to:?}");
            }
            assert_eq!(serde_json::to_value(from).unwrap(), from.as_str());
        }
    }
}
