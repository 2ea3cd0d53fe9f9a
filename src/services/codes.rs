use super::{AnswerError, Registry, UnknownName, is_code};
use crate::domain::{CallName, code, did_you_mean};

/// Why a service cannot be made to fail with a code.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CodeError {
    /// There is no such service.
    #[error(transparent)]
    Service(#[from] UnknownName),
    /// The code is in no UPPER_SNAKE case.
    #[error(transparent)]
    Form(AnswerError),
    /// The service has codes of its own, and this is none of them.
    #[error("neither {service} nor the product knows the code {code:?}: {hint}")]
    Unknown {
        /// The service.
        service: String,
        /// The code.
        code: String,
        /// The nearest code, or all of them.
        hint: String,
    },
}

impl Registry {
    /// Checks that a call can fail with a code: a bare service with any, one with a definition only
    /// with those that it or the product knows.
    ///
    /// # Errors
    ///
    /// If it cannot.
    pub fn check_code(&self, call: &CallName, code: &str) -> Result<(), CodeError> {
        if !is_code(code) {
            return Err(CodeError::Form(AnswerError::Code(code.to_owned())));
        }
        let service = call.service();
        let own: Option<Vec<String>> = self.script(service, |_, service| {
            let codes = service.codes()?;
            Some(codes.into_iter().map(|(code, _)| code.to_owned()).collect())
        })?;
        let Some(own) = own else { return Ok(()) };
        let known = || {
            let own = own.iter().map(String::as_str);
            own.chain(code::KNOWN.iter().map(|(code, ..)| *code))
        };
        if code.ends_with("_NOT_FOUND") || known().any(|known| known == code) {
            return Ok(());
        }
        Err(CodeError::Unknown {
            service: service.to_owned(),
            code: code.to_owned(),
            hint: did_you_mean(code, known()),
        })
    }
}
