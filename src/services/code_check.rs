use super::{Registry, Service, UnknownName};
use crate::domain::{CallName, check_code, code, did_you_mean};

/// Why a service cannot be made to fail with a code.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CodeError {
    /// There is no such service.
    #[error(transparent)]
    Service(#[from] UnknownName),
    /// The code is not in UPPER_SNAKE case.
    #[error("{0}")]
    Form(String),
    /// The service defines its codes, and this is not one of them.
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
    /// Checks that a call can fail with a code: a bare service with any, a defined one only with its
    /// own and the built-in ones.
    ///
    /// # Errors
    ///
    /// If it cannot.
    pub fn check_code(&self, call: &CallName, code: &str) -> Result<(), CodeError> {
        let service = call.service();
        let own = self.script(service, |_, service| own_codes(service))?;
        match own {
            Some(own) => check_known(service, &own, code),
            None => check_code(code).map_err(CodeError::Form),
        }
    }

    /// Checks that a code is built in or defined by any service.
    ///
    /// # Errors
    ///
    /// If it is neither.
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

pub(super) fn check_known(service: &str, own: &[String], code: &str) -> Result<(), CodeError> {
    check_code(code).map_err(CodeError::Form)?;
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
