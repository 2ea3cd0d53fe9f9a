//! Workflows per second on one core: four steps, full timeline, journal in memory.

#[path = "scene/runtime.rs"]
mod runtime;
mod scene;

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rehearsal::orchestration::MemoryJournal;

/// Runs of one iteration.
const RUNS: u64 = 100;

fn engine(c: &mut Criterion) {
    let runtime = runtime::runtime();
    let workflow = Arc::new(scene::workflow());
    let mut group = c.benchmark_group("engine");
    group.throughput(Throughput::Elements(RUNS));
    for latency in ["0ms", "10ms"] {
        group.bench_function(format!("four steps of {latency}"), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let journal = Arc::new(MemoryJournal::default());
                    let cast = scene::cast(latency);
                    let (orchestrator, plan) = scene::orchestrator(&workflow, cast, journal);
                    scene::run_all(&orchestrator, &plan, RUNS).await;
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
