//! Proving and verifying the test models, weights committed beforehand.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::{ArrayD, Axis};
use ndarray_npy::{NpzReader, read_npy};
use stwo_ml::artifact::Model;
use stwo_ml::backend::Simd;
use stwo_ml::compile::{CompileOptions, compile, quantize_for, reshape_inputs};
use stwo_ml::model::onnx::{ImportOptions, import};
use stwo_ml::prove::Prover;
use stwo_ml_verifier::{Level, encode_file, verify_file};

fn models(c: &mut Criterion) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/models"));
    let file = std::fs::File::open(folder.join("digits.npz")).expect("calibration digits");
    let mut npz = NpzReader::new(file).expect("an archive");
    let digits: ArrayD<f32> = npz.by_index(0).expect("an array");
    let digit: ArrayD<f32> = read_npy(folder.join("digit.npy")).expect("a digit");
    for name in ["mlp", "lenet5"] {
        let bytes = std::fs::read(folder.join(format!("{name}.onnx"))).expect("a model");
        let graph = import(&bytes, ImportOptions::default()).expect("a supported model");
        let examples: Vec<_> = digits
            .axis_iter(Axis(0))
            .map(|d| reshape_inputs(&graph, &[d.to_owned()]).expect("a digit"))
            .collect();
        let compiled = compile(&graph, &examples, &CompileOptions::default()).expect("compiles");
        let model =
            Model::assemble(compiled.circuit.clone(), Level::Standard, &Simd).expect("fits");
        let inputs = quantize_for(&model.vk, std::slice::from_ref(&digit)).expect("in range");
        let prover = Prover::new(model, &Simd).expect("its weights");
        let mut group = c.benchmark_group(name);
        group.sample_size(20);
        group.bench_function("integer inference (reference)", |b| {
            b.iter(|| black_box(compiled.integers.run(&inputs)))
        });
        group.bench_function("prove", |b| {
            b.iter(|| prover.prove(black_box(&inputs), &|_| ()).expect("a proof"))
        });
        let proven = prover.prove(&inputs, &|_| ()).expect("a proof");
        let file = encode_file(&proven.statement, &proven.proof);
        group.bench_function("verify", |b| {
            b.iter(|| verify_file(&prover.model().vk, black_box(&file)).expect("valid"))
        });
    }
}

criterion_group!(benches, models);
criterion_main!(benches);
