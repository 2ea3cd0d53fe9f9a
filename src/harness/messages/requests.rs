use std::sync::Arc;

use crate::{
    domain::CallName,
    messaging::{RequestReceipt, Requests, ResponseEnvelope, ServiceRequest},
    services::{Client, UnknownName},
};

/// The requests of a scenario, and what its last steps sent.
pub struct SentRequests {
    requests: Requests,
    callback: Option<CallName>,
    response: Option<ResponseEnvelope>,
    receipt: Option<RequestReceipt>,
}

impl SentRequests {
    /// No request yet.
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

    /// Tells this target of every change of the requests that are submitted from now on.
    pub fn call_back(&mut self, target: CallName) {
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

    /// What the last request that was sent came to.
    ///
    /// # Errors
    ///
    /// If none was sent.
    pub fn response(&self) -> Result<&ResponseEnvelope, String> {
        let response = self.response.as_ref();
        response.ok_or_else(|| "no request was sent".to_owned())
    }

    /// The receipt of the last request that was submitted.
    ///
    /// # Errors
    ///
    /// If none was submitted.
    pub fn receipt(&self) -> Result<&RequestReceipt, String> {
        let receipt = self.receipt.as_ref();
        receipt.ok_or_else(|| "no request was submitted".to_owned())
    }
}
