use std::sync::Arc;

use crate::{
    domain::CallName,
    messaging::{RequestReceipt, Requests, ResponseEnvelope, ServiceRequest},
    services::{Client, UnknownName},
};

/// The requests of a scenario, with the last response and receipt.
pub struct SentRequests {
    requests: Requests,
    callback: Option<CallName>,
    response: Option<ResponseEnvelope>,
    receipt: Option<RequestReceipt>,
}

impl SentRequests {
    /// No requests yet.
    pub fn new(client: Arc<Client>) -> Self {
        Self {
            requests: Requests::new(client),
            callback: None,
            response: None,
            receipt: None,
        }
    }

    /// All requests of the scenario.
    pub fn all(&self) -> &Requests {
        &self.requests
    }

    /// Sends the callbacks of the requests submitted from now on to this target.
    pub fn set_callback(&mut self, target: CallName) {
        self.callback = Some(target);
    }

    /// Sends a request and keeps the response.
    pub async fn send(&mut self, request: &ServiceRequest) {
        self.response = Some(self.requests.send(request).await);
    }

    /// Submits a request and keeps the receipt.
    ///
    /// # Errors
    ///
    /// As for [`Requests::submit`].
    pub fn submit(&mut self, request: ServiceRequest) -> Result<(), UnknownName> {
        let receipt = self.requests.submit(request, self.callback.clone())?;
        self.receipt = Some(receipt);
        Ok(())
    }

    /// The response to the last request that was sent.
    ///
    /// # Errors
    ///
    /// If none was sent.
    pub fn response(&self) -> Result<&ResponseEnvelope, String> {
        let response = self.response.as_ref();
        response.ok_or_else(|| "no request was sent".to_owned())
    }

    /// The receipt of the last submitted request.
    ///
    /// # Errors
    ///
    /// If none was submitted.
    pub fn receipt(&self) -> Result<&RequestReceipt, String> {
        let receipt = self.receipt.as_ref();
        receipt.ok_or_else(|| "no request was submitted".to_owned())
    }
}
