use super::Runs;
use crate::orchestration::{Answer, AnswerError};

impl Runs {
    /// Takes every request for approval as approved from now on.
    pub fn disable_approvals(&self) {
        self.inbox.disable_approvals();
    }

    /// Answers the request for approval of a step of the last run, `<step>/<child's step>` in a child
    /// run.
    ///
    /// # Errors
    ///
    /// If nothing was run.
    pub fn answer(
        &mut self,
        step: &str,
        answer: Answer,
    ) -> Result<Result<(), AnswerError>, String> {
        let run = self.referred()?;
        let request = self.inbox.request_of(&run, step);
        let timeline = self.client.timeline();
        Ok(self.inbox.answer(&request, answer, timeline))
    }
}
