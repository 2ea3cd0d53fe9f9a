use super::{AnswerError, Registry, Service, UnknownName};
use crate::domain::{CallName, code, did_you_mean, is_code};

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
    #[error("the code {code:?} is neither defined by {service} nor built in: {hint}")]
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
        let service = call.service();
        let own = self.script(service, |_, service| own_codes(service))?;
        match own {
            Some(own) => check_known(service, &own, code),
            None => check_form(code),
        }
    }

    /// Checks a code that no single service fails with: a service or the product knows it.
    ///
    /// # Errors
    ///
    /// If none does.
    pub fn check_code_of_any(&self, code: &str) -> Result<(), CodeError> {
        let mut own = Vec::new();
        for service in self.names() {
            let codes = self.script(&service, |_, service| own_codes(service))?;
            own.extend(codes.into_iter().flatten());
        }
        check_known("any service", &own, code)
    }
}

fn own_codes(service: &dyn Service) -> Option<Vec<String>> {
    let codes = service.codes()?;
    Some(codes.into_iter().map(|(code, _)| code.to_owned()).collect())
}

fn check_form(code: &str) -> Result<(), CodeError> {
    match is_code(code) {
        true => Ok(()),
        false => Err(CodeError::Form(AnswerError::Code(code.to_owned()))),
    }
}

fn check_known(service: &str, own: &[String], code: &str) -> Result<(), CodeError> {
    check_form(code)?;
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
