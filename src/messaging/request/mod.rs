//! Requests to services: answered by an envelope at once, or in the background with callbacks.

mod background;
mod callbacks;
mod entry;
mod requests;
mod response;

#[cfg(test)]
mod tests;

pub use entry::{RequestOutcome, RequestReceipt, RequestView};
pub use requests::{Request, Requests};
pub use response::{RequestError, Response, ResponseBody, ResponseMetadata};
