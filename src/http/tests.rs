use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{HttpService, Server};
use crate::{
    clock::Clock,
    domain::{Call, CallName, KeyOrigin, code},
    observability::{EventKind, Timeline},
    services::{
        Client, Effects, Faults, MockService, Moment, Registry, Response, Service,
        ServiceDefinition,
    },
};

/// A served cast of one service, `Payments`.
struct Served {
    registry: Registry,
    faults: Faults,
    timeline: Timeline,
    server: Server,
}

fn served(definition: Value) -> Served {
    let timeline = Timeline::new(Clock::start());
    let registry = Registry::default();
    let faults = Faults::default();
    let mut definition: ServiceDefinition = serde_json::from_value(definition).unwrap();
    definition.name = "Payments".to_owned();
    registry.add(MockService::new(definition, Effects::new(timeline.clone())));
    let client = Client::new(registry.clone(), faults.clone(), timeline.clone());
    Served {
        server: Server::new(
            Arc::new(client.without_policies()),
            Arc::new(|_, _, _| false),
        ),
        registry,
        faults,
        timeline,
    }
}

impl Served {
    fn answer(&self, operation: &str, answer: &str) {
        let fault = self.faults.declare(answer, "here");
        let response: Response = answer.parse::<crate::services::Answer>().unwrap().response;
        let script = self.registry.script("Payments", |script, _| {
            script.always(operation, response, fault);
        });
        script.unwrap();
    }

    fn client(&self) -> HttpService {
        let url = self.server.url("orders", "Payments").unwrap();
        HttpService::new("Payments", &url, None).unwrap()
    }

    /// What is read from a connection in memory after a request was sent on it.
    async fn in_memory(&self, request: &str) -> (String, Option<std::io::ErrorKind>) {
        let mut stream = self.server.connect("orders", "Payments").unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        let wait = Duration::from_secs(60);
        let end = tokio::time::timeout(wait, stream.read_to_end(&mut read)).await;
        let error = end.ok().and_then(Result::err).map(|error| error.kind());
        (String::from_utf8_lossy(&read).into_owned(), error)
    }

    fn results(&self) -> Vec<String> {
        self.timeline.read(|events| {
            let result = |kind: &EventKind| match kind {
                EventKind::CallEnded { result, .. } => Some(result.to_string()),
                _ => None,
            };
            events
                .iter()
                .filter_map(|event| result(&event.kind))
                .collect()
        })
    }

    fn warnings(&self) -> Vec<String> {
        self.timeline.read(|events| {
            let warning = |kind: &EventKind| match kind {
                EventKind::Warning { message, .. } => Some(message.clone()),
                _ => None,
            };
            events
                .iter()
                .filter_map(|event| warning(&event.kind))
                .collect()
        })
    }
}

const CHARGE: &str = "POST /charge HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

fn real(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}

fn call(operation: &str, input: Value, key: Option<&str>) -> Call {
    let mut call = Call::new("orders", CallName::new("Payments", operation), input);
    call.key = key.map(|key| KeyOrigin::Run.key(key));
    call
}

#[test]
fn call_over_http_has_the_input_key_and_trace_of_the_request() {
    real(async {
        let served = served(json!({
            "keyHeader": "X-Request-Id",
            "operations": { "settle": { "http": "PUT /charges/{id}", "reply": { "ok": true } } }
        }));
        let url = served.server.url("orders", "Payments").unwrap();
        let definition = served
            .registry
            .script("Payments", |_, service| service.definition().cloned());
        let definition = definition.unwrap().map(Arc::new);
        let service = HttpService::new("Payments", &url, definition).unwrap();
        let mut settle = call("settle", json!({"id": "c 1", "sum": 5}), Some("k-1"));
        let head = Arc::make_mut(&mut settle.head);
        head.context.traceparent = Some("00-1-2-01".into());
        for _ in 0..2 {
            let reply = service.call(&settle).await.unwrap();
            assert_eq!(*reply.value, json!({"ok": true}));
        }
        served.timeline.read(|events| {
            let EventKind::CallStarted { head, input, .. } = &events[0].kind else {
                panic!("{events:?}")
            };
            assert_eq!(&*head.caller, "orders");
            assert_eq!(head.context.traceparent.as_deref(), Some("00-1-2-01"));
            assert_eq!(**input, json!({"sum": 5, "id": "c 1"}));
            let effects = events.iter().filter_map(|event| match &event.kind {
                EventKind::Effect { key, .. } => Some(key.to_string()),
                _ => None,
            });
            assert_eq!(effects.collect::<Vec<_>>(), ["k-1"], "the key came twice");
        });
    });
}

#[test]
fn failures_have_a_status_and_are_read_back() {
    real(async {
        let served = served(json!({ "codes": { "TEAPOT": { "status": 418 } } }));
        let service = served.client();
        for (operation, answer, status) in [
            ("a", "error VALIDATION_FAILED", 422),
            ("b", "error ORDER_NOT_FOUND", 404),
            ("c", "error RATE_LIMITED retry after 1500 ms", 429),
            ("d", "error SERVICE_UNAVAILABLE", 503),
            ("e", "error TEAPOT", 418),
        ] {
            served.answer(operation, answer);
            let failure = service
                .call(&call(operation, json!({}), None))
                .await
                .unwrap_err();
            assert!(answer.contains(&*failure.code), "{failure}");
            let waits = (status == 429).then_some(Duration::from_secs(2));
            assert_eq!(failure.retry_after, waits);
            let request =
                format!("POST /{operation} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            let (head, _) = served.in_memory(&request).await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        }
    });
}

#[test]
fn faults_of_the_wire_reach_a_client_over_tcp() {
    real(async {
        let served =
            served(json!({ "operations": { "charge": { "reply": { "a": "b".repeat(200) } } } }));
        let service = served.client();
        for (answer, expected) in [
            ("error CONNECTION_RESET", code::CONNECTION_RESET),
            ("lost", code::CONNECTION_RESET),
            ("empty", code::CONNECTION_RESET),
            ("reset after 50 bytes", code::CONNECTION_RESET),
            ("cut after 50 bytes", code::CONNECTION_RESET),
            ("garbage", code::CONTRACT_VIOLATION),
            ("bad chunk", code::CONNECTION_RESET),
        ] {
            served.answer("charge", answer);
            let failure = service
                .call(&call("charge", json!({}), None))
                .await
                .unwrap_err();
            assert_eq!(&*failure.code, expected, "{answer}: {failure}");
        }
        served.answer("charge", "status 201 {\"done\": true}");
        let reply = service
            .call(&call("charge", json!({}), None))
            .await
            .unwrap();
        assert_eq!(*reply.value, json!({"done": true}));
        served.answer("charge", "drip 60 ms");
        let started = std::time::Instant::now();
        let reply = service
            .call(&call("charge", json!({}), None))
            .await
            .unwrap();
        assert_eq!(reply.value["a"], "b".repeat(200));
        assert!(started.elapsed() >= Duration::from_millis(60));
    });
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_wire_are_the_same_in_memory_on_virtual_time() {
    let served = served(json!({ "operations": { "charge": { "reply": { "a": 12345 } } } }));
    let reset = Some(std::io::ErrorKind::ConnectionReset);
    for (answer, body, error) in [
        ("lost", "", reset),
        ("empty", "", None),
        ("reset after 5 bytes", "{\"a\":", reset),
        ("cut after 5 bytes", "{\"a\":", None),
        ("stall after 5 bytes", "{\"a\":", None),
        ("drip 30 s", "{\"a\":12345}", None),
    ] {
        served.answer("charge", answer);
        let (read, end) = served.in_memory(CHARGE).await;
        let found = read.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert_eq!((found, end), (body, error), "{answer}: {read}");
    }
    assert_eq!(
        served.results(),
        [
            code::CANCELLED,
            code::CONNECTION_RESET,
            code::CONNECTION_RESET,
            code::CONNECTION_RESET,
            code::CANCELLED,
            "ok"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn request_for_no_operation_is_refused_with_the_nearest_route() {
    let served = served(json!({ "operations": { "charge": { "http": "PUT /charges/{id}" } } }));
    let request = |line: &str, body: &str| {
        format!(
            "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for (line, body, status, why) in [
        (
            "PUT /charge/7",
            "",
            404,
            "did you mean \\\"PUT /charges/{id}\\\"?",
        ),
        (
            "POST /charges/7",
            "",
            405,
            "Payments has no POST /charges/7",
        ),
        ("PUT /charges/7", "{", 400, "not valid JSON"),
        ("PUT /charges/7", "[1]", 400, "must be an object"),
    ] {
        let (read, _) = served.in_memory(&request(line, body)).await;
        assert!(
            read.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line}: {read}"
        );
        assert!(read.contains(why), "{line}: {read}");
    }
    assert_eq!(served.warnings().len(), 4);
    let (read, _) = served.in_memory("this is not HTTP\r\n\r\n").await;
    assert!(read.starts_with("HTTP/1.1 400 "), "{read}");
    assert!(served.warnings()[4].contains("is not HTTP"));
    assert_eq!(served.results(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn body_of_more_than_16_mib_is_refused() {
    let served = served(json!({}));
    let body = "1".repeat(super::request::MAX_BODY + 1);
    let mut stream = served.server.connect("orders", "Payments").unwrap();
    let head = format!(
        "POST /charge HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut read = vec![0; 64];
    stream.write_all(head.as_bytes()).await.unwrap();
    // The answer may come before the whole body is sent.
    let _ = stream.write_all(body.as_bytes()).await;
    let count = stream.read(&mut read).await.unwrap();
    assert!(read[..count].starts_with(b"HTTP/1.1 413 "));
}

#[tokio::test(start_paused = true)]
async fn caller_that_goes_away_is_told_on_the_timeline() {
    let served = served(json!({}));
    served.answer("charge", "hang");
    let mut stream = served.server.connect("orders", "Payments").unwrap();
    stream.write_all(CHARGE.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(served.results(), [""; 0]);
    drop(stream);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(served.results(), [code::CANCELLED]);
}

#[tokio::test(start_paused = true)]
async fn repetition_right_after_a_fault_is_told() {
    let served = served(json!({}));
    served.answer("charge", "empty");
    served.in_memory(CHARGE).await;
    served.in_memory(CHARGE).await;
    tokio::time::sleep(Duration::from_millis(51)).await;
    served.in_memory(CHARGE).await;
    assert_eq!(served.warnings().len(), 1);
    assert!(served.warnings()[0].contains("came again at once after a fault"));
}

#[tokio::test(start_paused = true)]
async fn caller_is_killed_before_or_after_the_service_acts() {
    for moment in [Moment::BeforeActing, Moment::AfterActing] {
        let mut served = served(json!({}));
        let kills = Arc::new(AtomicU32::new(0));
        let client = Client::new(
            served.registry.clone(),
            served.faults.clone(),
            served.timeline.clone(),
        );
        let killed = Arc::clone(&kills);
        served.server = Server::new(
            Arc::new(client.without_policies()),
            Arc::new(move |_, at, execution| {
                at == moment && execution == 2 && killed.fetch_add(1, Ordering::Relaxed) == 0
            }),
        );
        let keyed = CHARGE.replace("host", "idempotency-key: k\r\nhost");
        assert!(served.in_memory(&keyed).await.0.contains("200 OK"));
        assert_eq!(served.in_memory(&keyed.replace(": k", ": l")).await.0, "");
        let effects = served.timeline.read(|events| {
            let is_effect = |kind: &EventKind| matches!(kind, EventKind::Effect { .. });
            events.iter().filter(|event| is_effect(&event.kind)).count()
        });
        let expected = if moment == Moment::BeforeActing { 1 } else { 2 };
        assert_eq!((kills.load(Ordering::Relaxed), effects), (1, expected));
    }
}

#[test]
fn callers_are_told_apart_by_their_ports() {
    real(async {
        let served = served(json!({}));
        let urls = ["orders", "billing", "orders"]
            .map(|caller| served.server.url(caller, "Payments").unwrap());
        assert_eq!(urls[0], urls[2]);
        assert_ne!(urls[0], urls[1]);
        let unknown = served
            .server
            .url("orders", "Paymnets")
            .unwrap_err()
            .to_string();
        assert!(unknown.contains("did you mean \"Payments\"?"), "{unknown}");
        let address = urls[0].strip_prefix("http://").unwrap().to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(CHARGE.as_bytes()).unwrap();
            let mut read = String::new();
            stream.read_to_string(&mut read).unwrap();
            read
        });
        assert!(asked.await.unwrap().ends_with("{}"));
        drop(served);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let address = urls[0].strip_prefix("http://").unwrap();
        assert!(
            TcpStream::connect(address).is_err(),
            "nothing listens there"
        );
    });
}
