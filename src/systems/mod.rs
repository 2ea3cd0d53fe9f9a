//! The user's own programs under test: started, watched, killed and restarted.

mod definition;
mod error;
mod output;
mod port;
mod ports;
mod process;
mod ready;
mod system;

pub use definition::{Addresses, SystemDefinition};
pub use error::Exit;
pub use ports::Ports;
pub use system::System;
