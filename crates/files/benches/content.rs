//! Bytes each second through the proof of content, beside the plain hash of the same bytes.

#![expect(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gridwell_files::{Decoder, Groups, Outboard, Part, Parts, group_range, stream_bytes};

const SIZE_BYTES: u64 = 64 * 1024 * 1024 + 1;
/// What a stream hands out at once.
const CUT_BYTES: usize = 128 * 1024;

fn stream(content: &[u8], outboard: &Outboard, groups: Groups) -> Vec<u8> {
    let mut stream = Vec::with_capacity(stream_bytes(SIZE_BYTES, &groups) as usize);
    for part in Parts::new(SIZE_BYTES, groups) {
        match part {
            Part::Pair(number) => stream.extend_from_slice(outboard.pair(number).expect("a pair of the content")),
            Part::Group(number) => {
                let range = group_range(number, SIZE_BYTES);
                stream.extend_from_slice(&content[range.start as usize..range.end as usize]);
            }
        }
    }
    stream
}

fn decode(outboard: &Outboard, stream: &[u8], groups: Groups) {
    let mut decoder = Decoder::new(outboard.root(), SIZE_BYTES, groups);
    for mut bytes in stream.chunks(CUT_BYTES) {
        while let Some(part) = decoder.push(&mut bytes).expect("a right stream") {
            black_box(part);
        }
    }
    decoder.finish().expect("a whole stream");
}

fn content(criterion: &mut Criterion) {
    let content: Vec<u8> = (0..SIZE_BYTES).map(|at| (at / 1_000) as u8).collect();
    let outboard = Outboard::of(&content);
    let all = stream(&content, &outboard, Groups::all(SIZE_BYTES));
    let scattered: Groups = (0..1_024).filter(|group| group % 8 == 0).collect();
    let few = stream(&content, &outboard, scattered.clone());
    let mut group = criterion.benchmark_group("content");
    group.sample_size(10).throughput(Throughput::Bytes(SIZE_BYTES));
    group.bench_function("hash", |bencher| bencher.iter(|| blake3::hash(black_box(&content))));
    group.bench_function("outboard", |bencher| bencher.iter(|| Outboard::of(black_box(&content))));
    group.bench_function("check", |bencher| bencher.iter(|| decode(&outboard, &all, Groups::all(SIZE_BYTES))));
    group.throughput(Throughput::Bytes(few.len() as u64));
    group.bench_function("check, each eighth group", |bencher| {
        bencher.iter(|| decode(&outboard, &few, scattered.clone()));
    });
    group.finish();
}

criterion_group!(benches, content);
criterion_main!(benches);
