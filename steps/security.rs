//! Who calls are made for, and what they may do.

use cucumber::gherkin;
use rehearsal_macros::given;

use super::{StepResult, parameters::table_of};
use crate::{domain::SecurityContext, harness::World};

/// Carried by every call from now on: `user`, `roles`, `permissions`, `session` and `credential`. A run keeps the
/// one that it began with.
#[given("the security context:")]
fn security_context(world: &mut World, step: &gherkin::Step) -> StepResult {
    let rows = table_of(step, &["field", "value"])?;
    let fields = rows.iter().map(|row| (row[0].as_str(), row[1].as_str()));
    let set =
        SecurityContext::from_rows(fields).and_then(|context| world.cast().set_security(context));
    Ok(set.map_err(|fault| format!("faulty security context: {fault}"))?)
}

/// The permissions that it grants from now on, separated by commas; none if the text is empty.
#[given("the role {string} grants {string}")]
fn role_grants(world: &mut World, role: String, permissions: String) -> StepResult {
    let permissions = match permissions.trim() {
        "" => Vec::new(),
        names => names.split(',').map(|name| name.trim().into()).collect(),
    };
    Ok(world.cast().grant(&role, permissions)?)
}
