use std::{pin::pin, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    broken::{self, Broken},
    problem,
    request::{self, Refusal, Target},
    routes::Routes,
    socket::Socket,
};
use crate::{
    domain::{
        Call, CallHead, CallName, Context, Credential, Failure, Locked, SecurityContext, code,
    },
    observability::EventKind,
    services::{
        CallObserver, CallPolicy, CallResult, Client, Moment, Tries, WireAnswer, key_of_caller,
    },
};

/// Kills the caller where that is declared for a moment of an execution; whether it did.
pub type Kill = Arc<dyn Fn(&Call, Moment, u32) -> bool + Send + Sync>;

/// One service as one caller reaches it.
pub(super) struct Endpoint {
    pub caller: Arc<str>,
    pub service: Arc<str>,
    pub client: Arc<Client>,
    pub kill: Kill,
    /// The last request that a fault hit, and when.
    pub last_hit: Locked<Option<(String, Duration)>>,
}

/// How soon after a fault an equal request is taken for the repetition that some clients make by
/// themselves.
const REPEATED_WITHIN: Duration = Duration::from_millis(50);

/// The header of a call's key, unless the service names another.
const KEY: &str = "idempotency-key";

/// An answer that is about the bytes on the wire, and the reply that it stands for.
type Scripted = (WireAnswer, Arc<Value>);

type Answer = Result<Response<Full<Bytes>>, Broken>;

/// Serves a connection until it ends.
pub(super) async fn serve(socket: Socket, endpoint: Arc<Endpoint>) {
    let answering = (socket.clone(), Arc::clone(&endpoint));
    let answer = service_fn(move |request| {
        let (socket, endpoint) = answering.clone();
        async move { endpoint.answer(request, &socket).await }
    });
    let served = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(socket, answer)
        .await;
    if let Err(error) = served
        && error.is_parse()
    {
        endpoint.note(&format!("a request is not HTTP: {error}"));
    }
}

impl Endpoint {
    async fn answer(&self, request: Request<Incoming>, socket: &Socket) -> Answer {
        let target = Target::of(&request);
        match self.read(request, &target).await {
            Ok((call, body)) => {
                self.note_repetition(&target, &body);
                let answer = self.call(&call, socket).await;
                if answer.is_err() {
                    let now = self.client.timeline().now();
                    *self.last_hit.lock() = Some((identity(&target, &body), now));
                }
                answer
            }
            Err(refusal) => {
                self.note(&refusal.message);
                let code = match refusal.status {
                    404 | 405 => code::OPERATION_NOT_FOUND,
                    _ => code::VALIDATION_FAILED,
                };
                let failure = Failure::new(code, refusal.message);
                Ok(problem::problem(&failure, Some(refusal.status)))
            }
        }
    }

    /// The call that a request makes, and its body.
    async fn read(
        &self,
        request: Request<Incoming>,
        target: &Target,
    ) -> Result<(Call, Vec<u8>), Refusal> {
        let gone = || Refusal {
            status: 404,
            message: format!("{} is no longer a service", self.service),
        };
        let registry = self.client.registry();
        let found = registry.script(&self.service, |_, service| {
            let definition = service.definition();
            let key_header = definition.and_then(|definition| definition.key_header.clone());
            let found = Routes::of(service).find(target);
            found.map(|(operation, fields)| {
                let own = definition.and_then(|definition| definition.operation(&operation));
                let undoes = own.and_then(|own| own.undoes.clone());
                (operation, fields, key_header, undoes)
            })
        });
        let (operation, mut fields, key_header, undoes) = found.map_err(|_| gone())??;
        fields.extend(target.query.iter().cloned());
        let key = request::header(&request, key_header.as_deref().unwrap_or(KEY));
        let name = CallName::new(&self.service, &operation);
        let key = key_of_caller(&name, undoes.as_deref(), key.unwrap_or_default());
        let traceparent = request::header(&request, "traceparent").map(Arc::from);
        let bearer = request::header(&request, "authorization").and_then(bearer);
        let security = bearer.map(|it| self.security(&it));
        let body = request::body(request.into_body()).await?;
        let input = request::input(&body, fields)?;
        let head = CallHead {
            caller: Arc::clone(&self.caller),
            name,
            context: Context {
                traceparent,
                security,
                ..Context::default()
            },
        };
        let call = Call {
            head: Arc::new(head),
            input,
            key: Some(key),
            accepts_fallback: false,
        };
        Ok((call, body))
    }

    /// The scenario's context with this credential, else that of the caller itself.
    fn security(&self, credential: &Credential) -> Arc<SecurityContext> {
        let known = self.client.authorisation().context_of(credential);
        known.unwrap_or_else(|| {
            Arc::new(SecurityContext {
                credential: Some(credential.clone()),
                ..SecurityContext::new(Arc::clone(&self.caller))
            })
        })
    }

    async fn call(&self, call: &Call, socket: &Socket) -> Answer {
        let (sender, mut scripted) = oneshot::channel();
        let observer = WireObserver {
            call,
            scripted: Locked::new(Some(sender)),
            kill: &self.kill,
        };
        let (policy, tries) = (CallPolicy::default(), Tries::default());
        let calling = self
            .client
            .call_observed(call, &policy, None, &tries, &observer);
        let mut calling = pin!(calling);
        let (mut result, answer) = tokio::select! {
            biased;
            result = &mut calling => (Some(result), scripted.try_recv().ok()),
            Ok(answer) = &mut scripted => (None, Some(answer)),
        };
        let Some((answer, reply)) = answer else {
            return match result {
                Some(result) => self.respond(call, &result, socket),
                None => Err(Broken),
            };
        };
        let body = match answer {
            WireAnswer::Status(status, body) => return Ok(problem::answer(status, &body)),
            WireAnswer::Corrupted => return Ok(problem::answer(200, &reply)),
            _ => reply.to_string(),
        };
        // A client that has gone hears nothing of it.
        let written = broken::write(socket, &answer, &body);
        if let WireAnswer::Drip(_) = answer {
            let _ = futures::join!(written, async {
                if result.is_none() {
                    result = Some(calling.await);
                }
            });
        } else {
            let _ = written.await;
            if let WireAnswer::StallAfter(_) = answer {
                let _ = calling.await;
            }
        }
        Err(Broken)
    }

    fn respond(&self, call: &Call, result: &CallResult, socket: &Socket) -> Answer {
        let failure = match result {
            Ok(reply) => return Ok(problem::answer(200, &reply.value)),
            Err(failure) => failure,
        };
        if matches!(
            &*failure.code,
            code::CONNECTION_RESET | "CONNECTION_REFUSED"
        ) {
            socket.reset();
            return Err(Broken);
        }
        let registry = self.client.registry();
        let own = registry.script(call.name().service(), |_, service| {
            let codes = &service.definition()?.codes;
            codes.get(&*failure.code)?.status
        });
        Ok(problem::problem(failure, own.ok().flatten()))
    }

    /// Warns of a request that looks like the repetition of one that a fault hit.
    fn note_repetition(&self, target: &Target, body: &[u8]) {
        let hit = self.last_hit.lock().take();
        if let Some((request, at)) = hit
            && request == identity(target, body)
            && self.client.timeline().now().saturating_sub(at) <= REPEATED_WITHIN
        {
            self.note(&format!(
                "{target} came again at once after a fault: some HTTP clients repeat a request by themselves, \
                 and their user never sees the fault"
            ));
        }
    }

    fn note(&self, message: &str) {
        self.client.timeline().record(EventKind::Warning {
            about: Arc::clone(&self.service),
            message: format!("{} over HTTP: {message}", self.caller),
        });
    }
}

/// The credential in a value of the header `Authorization`.
fn bearer(value: &str) -> Option<Credential> {
    let (scheme, credential) = value.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then(|| credential.trim().into())
}

fn identity(target: &Target, body: &[u8]) -> String {
    format!(
        "{target} {:?} {}",
        target.query,
        String::from_utf8_lossy(body)
    )
}

/// Hears of answers that are about the bytes on the wire, and has the caller killed where that is
/// declared.
struct WireObserver<'a> {
    call: &'a Call,
    scripted: Locked<Option<oneshot::Sender<Scripted>>>,
    kill: &'a Kill,
}

impl CallObserver for WireObserver<'_> {
    fn dies(&self, moment: Moment, execution: u32) -> bool {
        (self.kill)(self.call, moment, execution)
    }

    fn answers(&self, answer: &WireAnswer, reply: &Arc<Value>) {
        if let Some(sender) = self.scripted.lock().take() {
            // The receiver waits as long as the call lasts.
            let _ = sender.send((answer.clone(), Arc::clone(reply)));
        }
    }
}
