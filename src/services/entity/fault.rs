use crate::domain::Failure;

/// What is wrong with one field of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The field, or the JSON pointer to it.
    pub field: String,
    pub message: String,
    pub code: &'static str,
}

/// A call's refusal.
pub(super) fn refuse(code: &str, field: &str, message: impl Into<String>) -> Box<Failure> {
    Box::new(Failure::new(code, message).field(field))
}

/// Refuses what has faults: with the code and field of the first, the messages of all, and each of
/// several as a cause.
pub(super) fn refuse_faults(faults: &[Fault]) -> Result<(), Box<Failure>> {
    let single = |fault: &Fault| refuse(fault.code, &fault.field, fault.message.as_str());
    match faults {
        [] => Ok(()),
        [only] => Err(single(only)),
        [first, ..] => {
            let told: Vec<String> = faults
                .iter()
                .map(|fault| format!("{}: {}", fault.field, fault.message))
                .collect();
            let message = format!("{} faults: {}", faults.len(), told.join("; "));
            let mut failure = refuse(first.code, &first.field, message);
            failure.causes = faults.iter().map(|fault| *single(fault)).collect();
            Err(failure)
        }
    }
}
