//! Journal entries per second, in batches and one by one, as the node writes them.

#![expect(clippy::unwrap_used, missing_docs, reason = "a benchmark stops at the first error")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gridwell_model::JobId;
use gridwell_store::{Durability, Store};

const ENTRY_BYTES: usize = 48;

fn journal(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let mut group = criterion.benchmark_group("journal");
    for (name, batch, durability) in [
        ("256 entries, written", 256, Durability::Written),
        ("256 entries, synced", 256, Durability::Synced),
        ("1 entry, written", 1, Durability::Written),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let entries = vec![(JobId([1; 10]), vec![7; ENTRY_BYTES]); batch];
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(name, |bencher| {
            let append = |entries| runtime.block_on(store.append(entries, durability)).unwrap();
            bencher.iter_batched(|| entries.clone(), append, BatchSize::SmallInput);
        });
        runtime.block_on(store.close());
    }
    group.finish();
}

criterion_group!(benches, journal);
criterion_main!(benches);
