//! Child processes, and the user's own programs under test: started, watched, killed and restarted.

#[cfg(feature = "http")]
mod definition;
#[cfg(feature = "http")]
mod error;
mod output;
#[cfg(feature = "http")]
mod ports;
mod process;
#[cfg(feature = "http")]
mod ready;
#[cfg(feature = "http")]
mod system;

#[cfg(feature = "http")]
pub use definition::{Addresses, SystemDefinition};
#[cfg(feature = "sqlite")]
pub use output::Output;
#[cfg(feature = "http")]
pub use ports::Ports;
pub use process::Exit;
#[cfg(feature = "sqlite")]
pub use process::Process;
#[cfg(feature = "http")]
pub use system::System;
