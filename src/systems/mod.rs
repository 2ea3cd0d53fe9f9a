//! The user's own programs under test: started, watched, killed and restarted.

mod definition;
mod output;
mod process;
mod ready;
mod system;

pub use definition::{Addresses, SystemDefinition};
pub use system::{Exit, System};
