//! An orchestrator of one's own, in Rust: it calls played services on virtual time, over HTTP in memory
//! or through the client, and crashes where its future is dropped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{collections::BTreeSet, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use rehearsal::{World, harness::Connector};
use serde_json::{Value, json};

/// An order that calls two services over HTTP and remembers what is done.
struct Saga {
    payments: Connector,
    carrier: Connector,
    done: BTreeSet<&'static str>,
}

impl Saga {
    fn new(world: &mut World) -> Self {
        Self {
            payments: world.connector("orders", "Payments").unwrap(),
            carrier: world.connector("orders", "Carrier").unwrap(),
            done: BTreeSet::new(),
        }
    }

    async fn run(&mut self) -> Result<(), String> {
        for (operation, service) in [
            ("charge", self.payments.clone()),
            ("ship", self.carrier.clone()),
        ] {
            if self.done.contains(operation) {
                continue;
            }
            // Every hour for a day.
            let mut tries = 0;
            while let Err(error) = send(&service, operation).await {
                tries += 1;
                if tries > 24 {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_secs(60 * 60)).await;
            }
            self.done.insert(operation);
        }
        Ok(())
    }
}

/// One request with the code that production has.
async fn send(service: &Connector, operation: &str) -> Result<Value, String> {
    let stream = service.connect().await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(stream)
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let request = Request::post(format!("/{operation}"))
        .header("host", "payments.example")
        .header("idempotency-key", "o-1")
        .body(Full::new(Bytes::from_static(b"{\"order\":\"o-1\"}")));
    let answer = sender
        .send_request(request.unwrap())
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status();
    let body = answer
        .into_body()
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    match status.is_success() {
        true => serde_json::from_slice(&body.to_bytes()).map_err(|error| error.to_string()),
        false => Err(status.to_string()),
    }
}

fn virtually<T>(test: impl AsyncFnOnce(&mut World) -> T) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::default();
        world.cast().add_bare("Payments").unwrap();
        world.cast().add_bare("Carrier").unwrap();
        test(&mut world).await
    })
}

/// Everything that happened, as text.
fn timeline(world: &World) -> String {
    world.timeline().read(|events| {
        let text = |event: &rehearsal::observability::Event| {
            Value::Object(event.fields()).to_string() + "\n"
        };
        events.iter().map(text).collect()
    })
}

#[test]
fn day_of_own_retries_over_http_gives_the_same_bytes_a_thousand_times() {
    let run = || {
        virtually(async |world| {
            let script = world.cast().script("Payments.charge").unwrap();
            script.fails_times(20, "SERVICE_UNAVAILABLE").unwrap();
            Saga::new(world).run().await.unwrap();
            assert_eq!(world.timeline().now(), Duration::from_secs(20 * 60 * 60));
            timeline(world)
        })
    };
    let first = run();
    assert_eq!(first.matches("\"event\":\"call_started\"").count(), 22);
    for _ in 0..1_000 {
        assert_eq!(run(), first);
    }
}

#[test]
fn dropped_future_is_a_crash_after_which_nothing_is_done_twice() {
    virtually(async |world| {
        let hour = Duration::from_secs(60 * 60);
        world.cast().script("Payments.charge").unwrap().takes(hour);
        let mut saga = Saga::new(world);
        // The crash: half an hour into the charge, the process is gone.
        let _ = tokio::time::timeout(hour / 2, saga.run()).await;
        let remembered = saga.done.clone();
        let mut again = Saga::new(world);
        again.done = remembered;
        again.run().await.unwrap();
        let text = timeline(world);
        assert!(text.contains("\"result\":\"CANCELLED\""), "{text}");
        assert_eq!(text.matches("\"event\":\"effect\"").count(), 2, "{text}");
    });
}

#[tokio::test(start_paused = true)]
async fn client_of_the_cast_calls_without_http() {
    let mut world = World::default();
    world.cast().add_bare("Payments").unwrap();
    let script = world.cast().script("Payments.charge").unwrap();
    script.fails_times(1, "RATE_LIMITED").unwrap();
    let mut results = Vec::new();
    for _ in 0..2 {
        let name = "Payments.charge".parse().unwrap();
        let call = rehearsal::domain::Call::new("orders", name, json!({}));
        let client = world.cast().client();
        results.push(client.call(&call, &Default::default(), None).await.is_ok());
    }
    assert_eq!(results, [false, true]);
}
