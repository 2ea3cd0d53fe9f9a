//! People's answers to requests for approval.

use std::str::FromStr;

use cucumber::{Parameter, codegen::inventory};
use rehearsal_macros::{given, when};

use super::{StepError, StepResult, runs::settle};
use crate::{
    domain::ApprovalStatus,
    harness::{ParameterType, World},
    orchestration::Answer,
};

/// `{answer}`: `approve` or `deny`, with or without an s.
#[derive(Clone, Copy, Debug, Parameter)]
#[param(name = "answer", regex = "approves?|den(?:y|ies)")]
struct AnswerParameter(ApprovalStatus);

inventory::submit!(ParameterType::of::<AnswerParameter>());

impl FromStr for AnswerParameter {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text.starts_with("approve") {
            true => ApprovalStatus::Approved,
            false => ApprovalStatus::Denied,
        }))
    }
}

/// Every request counts as approved.
#[given("approvals are disabled")]
async fn disabled(world: &mut World) {
    world.runs().disable_approvals();
}

/// Somebody answers the request of a step of the last run, without a reason.
#[when("{string} {answer} step {string}")]
async fn answers(
    world: &mut World,
    approver: String,
    answer: AnswerParameter,
    of_step: String,
) -> StepResult {
    counts(world, approver, answer, &of_step, String::new()).await
}

/// With a reason.
#[when("{string} {answer} step {string} because {string}")]
async fn answers_because(
    world: &mut World,
    approver: String,
    answer: AnswerParameter,
    of_step: String,
    reason: String,
) -> StepResult {
    counts(world, approver, answer, &of_step, reason).await
}

/// An answer without a reason that does not count.
#[when("{string} cannot {answer} step {string}")]
async fn cannot(
    world: &mut World,
    approver: String,
    answer: AnswerParameter,
    of_step: String,
) -> StepResult {
    is_refused(world, approver, answer, &of_step, String::new()).await
}

/// An answer with a reason that does not count.
#[when("{string} cannot {answer} step {string} because {string}")]
async fn cannot_because(
    world: &mut World,
    approver: String,
    answer: AnswerParameter,
    of_step: String,
    reason: String,
) -> StepResult {
    is_refused(world, approver, answer, &of_step, reason).await
}

async fn counts(
    world: &mut World,
    approver: String,
    answer: AnswerParameter,
    step: &str,
    reason: String,
) -> StepResult {
    let answered = world.runs().answer(step, of(&approver, answer, reason))?;
    if let Err(refused) = answered {
        let message =
            format!("the answer of {approver:?} to step {step:?} does not count: {refused}");
        return Err(StepError::from(message));
    }
    settle().await;
    Ok(())
}

async fn is_refused(
    world: &mut World,
    approver: String,
    answer: AnswerParameter,
    step: &str,
    reason: String,
) -> StepResult {
    use crate::orchestration::AnswerError;
    match world.runs().answer(step, of(&approver, answer, reason))? {
        Ok(()) => {
            let message = format!("the answer of {approver:?} to step {step:?} counts");
            Err(StepError::from(message))
        }
        // A request that does not exist is a mistake in the feature.
        Err(unknown @ AnswerError::Unknown { .. }) => Err(StepError::from(unknown.to_string())),
        Err(_) => {
            settle().await;
            Ok(())
        }
    }
}

fn of(approver: &str, answer: AnswerParameter, reason: String) -> Answer {
    Answer {
        status: answer.0,
        approver: approver.into(),
        reason: reason.into(),
    }
}
